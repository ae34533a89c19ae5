//! `dict`, `list`, `Namespace`, `Value` and `Array`.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Iterator, Typed, adopted, typed};
use crate::call::{Call, Port, call, command};
use crate::error::Error;
use crate::reply;

/// A shared `dict`.
pub struct Dict<K, V, P> {
    port: P,
    item: PhantomData<fn() -> (K, V)>,
}

typed!(Dict [K, V] "dict");

impl<K, V, P: Port> Dict<K, V, P>
where
    K: Serialize + DeserializeOwned + Send + 'static,
    V: Serialize + DeserializeOwned + Send + 'static,
{
    /// Returns the value of a key, if the dict has it.
    pub fn get(&self, key: &K) -> P::Answer<Option<V>> {
        let read = |_: &P, bytes: &[u8]| or_missing(reply::value(bytes), "KeyError");
        self.port.start(Call::new(&self.port, "__getitem__", &(key,), NO_WAIT, read))
    }

    /// Sets the value of a key.
    pub fn insert(&self, key: &K, value: &V) -> P::Answer<()> {
        command(&self.port, "__setitem__", &(key, value))
    }

    /// Removes a key, and returns its value if the dict had it.
    pub fn remove(&self, key: &K) -> P::Answer<Option<V>> {
        let read = |_: &P, bytes: &[u8]| or_missing(reply::value(bytes), "KeyError");
        self.port.start(Call::new(&self.port, "pop", &(key,), NO_WAIT, read))
    }

    /// Removes and returns a pair, if the dict has one.
    pub fn pop_item(&self) -> P::Answer<Option<(K, V)>> {
        let read = |_: &P, bytes: &[u8]| or_missing(reply::value(bytes), "KeyError");
        self.port.start(Call::new(&self.port, "popitem", &(), NO_WAIT, read))
    }

    /// Returns the value of a key. If the dict does not have the key, sets it to `default` first.
    pub fn set_default(&self, key: &K, default: &V) -> P::Answer<V> {
        call(&self.port, "setdefault", &(key, default))
    }

    /// Sets the pairs of another map, or of a struct.
    pub fn update<M: Serialize>(&self, other: &M) -> P::Answer<()> {
        command(&self.port, "update", &(other,))
    }

    /// Returns `true` if the dict has the key.
    pub fn contains_key(&self, key: &K) -> P::Answer<bool> {
        call(&self.port, "__contains__", &(key,))
    }

    /// Returns the number of keys.
    pub fn len(&self) -> P::Answer<usize> {
        call(&self.port, "__len__", &())
    }

    /// Returns the keys.
    pub fn keys(&self) -> P::Answer<Vec<K>> {
        call(&self.port, "keys", &())
    }

    /// Returns the values.
    pub fn values(&self) -> P::Answer<Vec<V>> {
        call(&self.port, "values", &())
    }

    /// Returns the pairs.
    pub fn items(&self) -> P::Answer<Vec<(K, V)>> {
        call(&self.port, "items", &())
    }

    /// Returns a copy of the whole dict: a map.
    pub fn copy<M: DeserializeOwned + Send + 'static>(&self) -> P::Answer<M> {
        call(&self.port, "copy", &())
    }

    /// Removes all keys.
    pub fn clear(&self) -> P::Answer<()> {
        command(&self.port, "clear", &())
    }

    /// Returns an iterator over the keys that lives in the manager.
    pub fn iter(&self) -> P::Answer<Iterator<K, P>> {
        let read = |port: &P, bytes: &[u8]| adopted(port, bytes).map(Iterator::from_proxy);
        self.port.start(Call::new(&self.port, "__iter__", &(), NO_WAIT, read).map(Call::kept))
    }
}

/// A shared `list`. Indices may be negative, as in Python.
pub struct List<T, P> {
    port: P,
    item: PhantomData<fn(T) -> T>,
}

typed!(List [T] "list");

impl<T, P: Port> List<T, P>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    /// Returns an item, if the list has it.
    pub fn get(&self, index: i64) -> P::Answer<Option<T>> {
        let read = |_: &P, bytes: &[u8]| or_missing(reply::value(bytes), "IndexError");
        self.port.start(Call::new(&self.port, "__getitem__", &(index,), NO_WAIT, read))
    }

    /// Replaces an item.
    pub fn set(&self, index: i64, item: &T) -> P::Answer<()> {
        command(&self.port, "__setitem__", &(index, item))
    }

    /// Removes an item by its index.
    pub fn delete(&self, index: i64) -> P::Answer<()> {
        command(&self.port, "__delitem__", &(index,))
    }

    /// Appends an item.
    pub fn append(&self, item: &T) -> P::Answer<()> {
        command(&self.port, "append", &(item,))
    }

    /// Appends items.
    pub fn extend(&self, items: &[T]) -> P::Answer<()> {
        command(&self.port, "extend", &(items,))
    }

    /// Inserts an item before the one at `index`.
    pub fn insert(&self, index: i64, item: &T) -> P::Answer<()> {
        command(&self.port, "insert", &(index, item))
    }

    /// Removes and returns the last item, if there is one.
    pub fn pop(&self) -> P::Answer<Option<T>> {
        let read = |_: &P, bytes: &[u8]| or_missing(reply::value(bytes), "IndexError");
        self.port.start(Call::new(&self.port, "pop", &(), NO_WAIT, read))
    }

    /// Removes the first item that is equal to `item`.
    ///
    /// # Errors
    ///
    /// `ValueError` as [`Error::Raised`] if there is none.
    pub fn remove(&self, item: &T) -> P::Answer<()> {
        command(&self.port, "remove", &(item,))
    }

    /// Returns the index of the first item that is equal to `item`, if there is one.
    pub fn index(&self, item: &T) -> P::Answer<Option<usize>> {
        let read = |_: &P, bytes: &[u8]| or_missing(reply::value(bytes), "ValueError");
        self.port.start(Call::new(&self.port, "index", &(item,), NO_WAIT, read))
    }

    /// Returns how many items are equal to `item`.
    pub fn count(&self, item: &T) -> P::Answer<usize> {
        call(&self.port, "count", &(item,))
    }

    /// Returns `true` if an item is equal to `item`.
    pub fn contains(&self, item: &T) -> P::Answer<bool> {
        call(&self.port, "__contains__", &(item,))
    }

    /// Returns the number of items.
    pub fn len(&self) -> P::Answer<usize> {
        call(&self.port, "__len__", &())
    }

    /// Reverses the list.
    pub fn reverse(&self) -> P::Answer<()> {
        command(&self.port, "reverse", &())
    }

    /// Sorts the list.
    pub fn sort(&self) -> P::Answer<()> {
        command(&self.port, "sort", &())
    }

    /// Returns a copy of the whole list.
    pub fn copy(&self) -> P::Answer<Vec<T>> {
        call(&self.port, "#GETVALUE", &())
    }
}

/// A shared `Namespace`: attributes by name.
pub struct Namespace<P> {
    port: P,
    item: PhantomData<()>,
}

typed!(Namespace [] "Namespace");

impl<P: Port> Namespace<P> {
    /// Returns an attribute, if it is set.
    pub fn get<T: DeserializeOwned + Send + 'static>(&self, name: &str) -> P::Answer<Option<T>> {
        let read = |_: &P, bytes: &[u8]| or_missing(reply::value(bytes), "AttributeError");
        self.port.start(Call::new(&self.port, "__getattribute__", &(name,), NO_WAIT, read))
    }

    /// Sets an attribute.
    pub fn set<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> P::Answer<()> {
        command(&self.port, "__setattr__", &(name, value))
    }

    /// Deletes an attribute.
    ///
    /// # Errors
    ///
    /// `AttributeError` as [`Error::Raised`] if it is not set.
    pub fn delete(&self, name: &str) -> P::Answer<()> {
        command(&self.port, "__delattr__", &(name,))
    }
}

/// A shared `Value`: one value, created with a type code and the value.
pub struct Value<T, P> {
    port: P,
    item: PhantomData<fn(T) -> T>,
}

typed!(Value [T] "Value");

impl<T: Serialize + DeserializeOwned + Send + 'static, P: Port> Value<T, P> {
    /// Returns the value.
    pub fn get(&self) -> P::Answer<T> {
        call(&self.port, "get", &())
    }

    /// Sets the value.
    pub fn set(&self, value: &T) -> P::Answer<()> {
        command(&self.port, "set", &(value,))
    }
}

/// A shared `array.array`, created with a type code and a sequence.
pub struct Array<T, P> {
    port: P,
    item: PhantomData<fn(T) -> T>,
}

typed!(Array [T] "Array");

impl<T: Serialize + DeserializeOwned + Send + 'static, P: Port> Array<T, P> {
    /// Returns an item, if the array has it.
    pub fn get(&self, index: i64) -> P::Answer<Option<T>> {
        let read = |_: &P, bytes: &[u8]| or_missing(reply::value(bytes), "IndexError");
        self.port.start(Call::new(&self.port, "__getitem__", &(index,), NO_WAIT, read))
    }

    /// Replaces an item.
    pub fn set(&self, index: i64, item: &T) -> P::Answer<()> {
        command(&self.port, "__setitem__", &(index, item))
    }

    /// Returns the number of items.
    pub fn len(&self) -> P::Answer<usize> {
        call(&self.port, "__len__", &())
    }

    /// Returns a copy of the whole array.
    ///
    /// # Errors
    ///
    /// [`Error::Pickle`] for the type codes `l` and `L`, whose items have a size that depends on the
    /// machine of the manager.
    pub fn copy(&self) -> P::Answer<Vec<T>> {
        call(&self.port, "#GETVALUE", &())
    }
}

const NO_WAIT: Option<std::time::Duration> = Some(std::time::Duration::ZERO);

/// Takes an exception of a class for "there is none". Anything else that raises the same, such as a
/// `__hash__`, is not told apart from it, as in Python.
fn or_missing<T>(result: Result<T, Error>, class: &str) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_raised(class) => Ok(None),
        Err(error) => Err(error),
    }
}
