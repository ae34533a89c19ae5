//! How what serde has no word for goes through it: as a newtype with a name that only this crate's
//! serializer and deserializer know. Other formats see what is inside.

use serde::ser::{Serialize, Serializer};

pub(crate) const PREFIX: &str = "$mpconn_pickle::";
pub(crate) const VALUE: &str = "$mpconn_pickle::Value";
pub(crate) const REPLY: &str = "$mpconn_pickle::Reply";
#[cfg(feature = "numpy")]
pub(crate) const ND_ARRAY: &str = "$mpconn_pickle::NdArray";
/// In place of bytes that are beside the pickle.
pub(crate) const BUFFER: &str = "$mpconn_pickle::Buffer";
pub(crate) const INTEGER: &str = "$mpconn_pickle::Integer";
pub(crate) const SURROGATES: &str = "$mpconn_pickle::Surrogates";
pub(crate) const BYTE_ARRAY: &str = "$mpconn_pickle::ByteArray";
pub(crate) const COMPLEX: &str = "$mpconn_pickle::Complex";
pub(crate) const TUPLE: &str = "$mpconn_pickle::Tuple";
pub(crate) const SET: &str = "$mpconn_pickle::Set";
pub(crate) const FROZEN_SET: &str = "$mpconn_pickle::FrozenSet";
/// As a str, with a colon between the module and the name.
pub(crate) const GLOBAL: &str = "$mpconn_pickle::Global";
pub(crate) const OBJECT: &str = "$mpconn_pickle::Object";
pub(crate) const CALL: &str = "$mpconn_pickle::Call";
pub(crate) const NEW: &str = "$mpconn_pickle::New";
pub(crate) const KWARGS: &str = "$mpconn_pickle::Kwargs";
pub(crate) const ITEMS: &str = "$mpconn_pickle::Items";
pub(crate) const PAIRS: &str = "$mpconn_pickle::Pairs";
pub(crate) const STATE: &str = "$mpconn_pickle::State";

/// A value in one of the forms above.
pub(crate) struct Formed<T>(pub(crate) &'static str, pub(crate) T);

impl<T: Serialize> Serialize for Formed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(self.0, &self.1)
    }
}

/// A slice of pairs as a map.
pub(crate) struct AsMap<'a, K, V>(pub(crate) &'a [(K, V)]);

impl<K: Serialize, V: Serialize> Serialize for AsMap<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
