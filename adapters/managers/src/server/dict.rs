//! A shared dict, and the iterator over its keys.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mpconn_pickle::{Exception, Value, View};

use super::python::{Key, raise};
use super::repr::dict_repr;
use super::{Call, Outcome, SharedObject};

/// A dict that clients share, in the order in which keys were set.
///
/// Keys are what can be compared without Python: `None`, numbers, `str`, `bytes`, tuples and
/// frozensets of them, classes and functions. Others are a `TypeError`.
#[derive(Debug, Default)]
pub struct Dict {
    places: HashMap<Key, u64>,
    pairs: BTreeMap<u64, (Value, Value)>,
    next: u64,
    /// The number of pairs, for iterators.
    length: Arc<AtomicUsize>,
}

impl Dict {
    /// Creates an empty dict.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a dict as a client asks for: of a dict or of pairs, and of keywords.
    pub(crate) fn create(call: &Call<'_, '_>) -> Result<Self, Exception> {
        let mut dict = Self::new();
        dict.update(call)?;
        Ok(dict)
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    ///
    /// A `TypeError` if the key cannot be one.
    pub fn insert(&mut self, key: Value, value: Value) -> Result<(), Exception> {
        let place = *self.places.entry(Key::of(&key)?).or_insert_with(|| {
            self.next += 1;
            self.next
        });
        // A key that is there stays as it was written first.
        self.pairs.entry(place).or_insert_with(|| (key, Value::None)).1 = value;
        Ok(())
    }

    /// Returns the value of a key.
    ///
    /// # Errors
    ///
    /// A `TypeError` if the key cannot be one.
    pub fn get(&self, key: &Value) -> Result<Option<&Value>, Exception> {
        let place = self.places.get(&Key::of(key)?);
        Ok(place.and_then(|place| self.pairs.get(place)).map(|(_, value)| value))
    }

    fn remove(&mut self, key: &Value) -> Result<Option<Value>, Exception> {
        let place = self.places.remove(&Key::of(key)?);
        Ok(place.and_then(|place| self.pairs.remove(&place)).map(|(_, value)| value))
    }

    fn update(&mut self, call: &Call<'_, '_>) -> Result<(), Exception> {
        let mut new = Vec::new();
        match call.args() {
            [] => {}
            [other] => new = pairs_of(call, *other)?,
            _ => return Err(raise("TypeError", "update expected at most 1 argument")),
        }
        for (name, value) in call.kwargs() {
            new.push(((*name).into(), call.read(Some(*value))?));
        }
        // Nothing is changed if one key cannot be one.
        new.iter().try_for_each(|(key, _)| Key::of(key).map(|_| ()))?;
        new.into_iter().try_for_each(|(key, value)| self.insert(key, value))
    }

    fn pop(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        let [key, default] = call.bind(["key", "default"], 1)?;
        let key = call.read(key)?;
        match (self.remove(&key)?, default) {
            (Some(value), _) => Ok(value.into()),
            (None, Some(default)) => Ok(Outcome::Return(call.read(Some(default))?)),
            (None, None) => Err(missing(key)),
        }
    }

    fn pop_item(&mut self) -> Result<Outcome, Exception> {
        let (_, (key, value)) = self
            .pairs
            .pop_last()
            .ok_or_else(|| raise("KeyError", "popitem(): dictionary is empty"))?;
        self.places.remove(&Key::of(&key)?);
        Ok(Value::Tuple(vec![key, value]).into())
    }

    fn keys(&self) -> impl Iterator<Item = Value> {
        self.pairs.values().map(|(key, _)| key.clone())
    }

    fn call_method(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        match call.method() {
            "__getitem__" => {
                let key = call.only("key")?;
                let value = self.get(&key)?.cloned();
                value.map(Outcome::Return).ok_or_else(|| missing(key))
            }
            "get" => {
                let [key, default] = call.bind(["key", "default"], 1)?;
                match self.get(&call.read(key)?)? {
                    Some(value) => Ok(value.clone().into()),
                    None => Ok(Outcome::Return(call.read_or(default, Value::None)?)),
                }
            }
            "__setitem__" => {
                let [key, value] = call.bind(["key", "value"], 2)?;
                self.insert(call.read(key)?, call.read(value)?)?;
                Ok(Outcome::NONE)
            }
            "setdefault" => {
                let [key, default] = call.bind(["key", "default"], 1)?;
                let (key, default) = (call.read(key)?, call.read_or(default, Value::None)?);
                if let Some(value) = self.get(&key)? {
                    return Ok(value.clone().into());
                }
                self.insert(key, default.clone())?;
                Ok(default.into())
            }
            "__delitem__" => {
                let key = call.only("key")?;
                self.remove(&key)?.map(|_| Outcome::NONE).ok_or_else(|| missing(key))
            }
            "__contains__" | "has_key" => Outcome::of(&self.get(&call.only("key")?)?.is_some()),
            "pop" => self.pop(call),
            "update" => self.update(call).map(|()| Outcome::NONE),
            method => {
                call.nothing()?;
                match method {
                    "popitem" => self.pop_item(),
                    "clear" => {
                        (self.places, self.pairs) = Default::default();
                        Ok(Outcome::NONE)
                    }
                    "copy" => self.value().map(Outcome::Return),
                    "keys" => Ok(Value::List(self.keys().collect()).into()),
                    "values" => {
                        let values = self.pairs.values().map(|(_, value)| value.clone());
                        Ok(Value::List(values.collect()).into())
                    }
                    "items" => {
                        let pair = |(key, value): &(Value, Value)| {
                            Value::Tuple(vec![key.clone(), value.clone()])
                        };
                        Ok(Value::List(self.pairs.values().map(pair).collect()).into())
                    }
                    "__iter__" => {
                        let (keys, length) = (self.keys().collect(), Arc::clone(&self.length));
                        let object =
                            Box::new(KeyIterator { keys, length, begun: self.pairs.len() });
                        Ok(Outcome::Proxy { typeid: "Iterator".to_owned(), object })
                    }
                    _ => Outcome::of(&self.pairs.len()),
                }
            }
        }
    }
}

/// The pairs of a dict, or of a sequence of pairs.
fn pairs_of(call: &Call<'_, '_>, other: View<'_, '_>) -> Result<Vec<(Value, Value)>, Exception> {
    let wrong = || raise("TypeError", "a dict is made of a dict or of pairs");
    match call.read(Some(other))? {
        Value::Dict(pairs) => Ok(pairs),
        Value::Object(object) if !object.pairs.is_empty() => Ok(object.pairs),
        Value::List(items) | Value::Tuple(items) => items
            .into_iter()
            .map(|item| match item {
                Value::Tuple(pair) | Value::List(pair) => {
                    <[Value; 2]>::try_from(pair).map(Into::into).map_err(|_| wrong())
                }
                _ => Err(wrong()),
            })
            .collect(),
        _ => Err(wrong()),
    }
}

fn missing(key: Value) -> Exception {
    Exception::new("builtins", "KeyError", vec![key])
}

impl SharedObject for Dict {
    fn exposed(&self) -> &[&str] {
        &[
            "__contains__",
            "__delitem__",
            "__getitem__",
            "__iter__",
            "__len__",
            "__setitem__",
            "clear",
            "copy",
            "get",
            "has_key",
            "items",
            "keys",
            "pop",
            "popitem",
            "setdefault",
            "update",
            "values",
        ]
    }

    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        let result = self.call_method(call);
        self.length.store(self.pairs.len(), Ordering::Relaxed);
        result
    }

    fn repr(&self) -> String {
        let mut out = String::new();
        dict_repr(&mut out, self.pairs.values().map(|(key, value)| (key, value)));
        out
    }

    fn value(&self) -> Result<Value, Exception> {
        Ok(Value::Dict(self.pairs.values().cloned().collect()))
    }

    fn visit(&self, visit: &mut dyn FnMut(&Value)) {
        for (key, value) in self.pairs.values() {
            visit(key);
            visit(value);
        }
    }
}

/// The keys that a client iterates over, and has not got yet.
#[derive(Debug)]
pub(crate) struct KeyIterator {
    keys: VecDeque<Value>,
    /// The number of pairs now, and at the beginning.
    length: Arc<AtomicUsize>,
    begun: usize,
}

impl SharedObject for KeyIterator {
    fn exposed(&self) -> &[&str] {
        &["__next__", "next"]
    }

    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        call.nothing()?;
        if self.length.load(Ordering::Relaxed) != self.begun {
            return Err(raise("RuntimeError", "dictionary changed size during iteration"));
        }
        let end = || Exception::new("builtins", "StopIteration", Vec::new());
        self.keys.pop_front().map(Outcome::Take).ok_or_else(end)
    }

    fn restore(&mut self, value: Value) {
        self.keys.push_front(value);
    }

    fn repr(&self) -> String {
        "<dict_keyiterator object>".to_owned()
    }

    fn visit(&self, visit: &mut dyn FnMut(&Value)) {
        self.keys.iter().for_each(visit);
    }
}
