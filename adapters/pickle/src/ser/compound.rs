//! Whatever has parts: opcodes, the parts, opcodes.

use std::fmt;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::Pickler;
use crate::Error;
use crate::writer::Writer;

#[doc(hidden)]
pub struct Compound<'w, 'o> {
    pub(super) writer: &'w mut Writer<'o>,
    pub(super) end: &'static [u8],
}

impl fmt::Debug for Compound<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compound").finish_non_exhaustive()
    }
}

impl Compound<'_, '_> {
    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(Pickler::new(self.writer))
    }

    #[inline]
    fn named<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.writer.static_name(name)?;
        self.part(value)
    }

    fn close(self) -> Result<(), Error> {
        self.writer.out.extend_from_slice(self.end);
        Ok(())
    }
}

macro_rules! of_parts {
    ($($trait:ident $method:ident,)*) => {$(
        impl $trait for Compound<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.part(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

of_parts! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! of_named_parts {
    ($($trait:ident,)*) => {$(
        impl $trait for Compound<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.named(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

of_named_parts! {
    SerializeStruct,
    SerializeStructVariant,
}

impl SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.part(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.part(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close()
    }
}
