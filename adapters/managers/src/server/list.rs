//! A shared list.

use std::cmp::Ordering;

use mpconn_pickle::{Exception, Value};

use super::python::{Key, compare, raise};
use super::repr::repr;
use super::{Call, Outcome, SharedObject};

/// A list that clients share.
///
/// Items are compared for `index`, `count`, `remove`, `in` and `sort`, where they can be without
/// Python; objects are a `TypeError` there. `sort` takes no `key`.
#[derive(Debug, Default)]
pub struct List {
    items: Vec<Value>,
}

/// A list is not repeated to more items than this.
const MAX_REPEATED: usize = 1 << 20;

/// An index, or a range of them.
enum Place {
    At(usize),
    /// Each, in the order of the slice.
    Slice(Vec<usize>),
    /// Without a step.
    Range(std::ops::Range<usize>),
}

impl List {
    /// Creates a list of items.
    #[must_use]
    pub fn new(items: Vec<Value>) -> Self {
        Self { items }
    }

    /// Creates a list as a client asks for: `list(iterable=())`.
    pub(crate) fn create(call: &Call<'_, '_>) -> Result<Self, Exception> {
        let [items] = call.bind(["iterable"], 0)?;
        Ok(Self::new(match call.read_or(items, Value::None)? {
            Value::None if items.is_none() => Vec::new(),
            items => items_of(items)?,
        }))
    }

    /// Python 2 has methods of their own for slices without a step.
    fn place(&self, call: &Call<'_, '_>, index: &Value) -> Result<Place, Exception> {
        let length = i64::try_from(self.items.len()).unwrap_or(i64::MAX);
        match index {
            Value::Int(_) | Value::Bool(_) => {
                let index = integer(index)?;
                let at = if index < 0 { index + length } else { index };
                let at = usize::try_from(at).ok().filter(|at| *at < self.items.len());
                at.map(Place::At).ok_or_else(|| raise("IndexError", "list index out of range"))
            }
            Value::Object(object) if object.class.is("builtins", "slice") => {
                let [start, stop, step] = object.args.as_slice() else {
                    return Err(raise("TypeError", "a slice has three parts"));
                };
                self.slice(start, stop, step)
            }
            _ => {
                let method = call.method();
                Err(raise(
                    "TypeError",
                    format!("{method}(): list indices must be integers or slices"),
                ))
            }
        }
    }

    fn slice(&self, start: &Value, stop: &Value, step: &Value) -> Result<Place, Exception> {
        let length = i64::try_from(self.items.len()).unwrap_or(i64::MAX);
        let step = if *step == Value::None { 1 } else { integer(step)? };
        if step == 0 {
            return Err(raise("ValueError", "slice step cannot be zero"));
        }
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let bound = |value: &Value, default: i64| {
            if *value == Value::None {
                return Ok(default);
            }
            let index = integer(value)?;
            Ok(if index < 0 { index.saturating_add(length) } else { index }.clamp(low, high))
        };
        let (first, last) = if step > 0 { (low, high) } else { (high, low) };
        let (start, stop) = (bound(start, first)?, bound(stop, last)?);
        let at = |index: i64| usize::try_from(index).unwrap_or(0);
        if step == 1 {
            return Ok(Place::Range(at(start)..at(stop.max(start))));
        }
        let mut places = Vec::new();
        let mut index = start;
        while if step > 0 { index < stop } else { index > stop } {
            places.push(at(index));
            index = index.saturating_add(step);
        }
        Ok(Place::Slice(places))
    }

    fn get(&self, place: Place) -> Value {
        match place {
            Place::At(at) => self.items[at].clone(),
            Place::Range(range) => Value::List(self.items[range].to_vec()),
            Place::Slice(places) => {
                Value::List(places.into_iter().map(|at| self.items[at].clone()).collect())
            }
        }
    }

    fn set(&mut self, place: Place, value: Value) -> Result<(), Exception> {
        match place {
            Place::At(at) => self.items[at] = value,
            Place::Range(range) => {
                self.items.splice(range, items_of(value)?);
            }
            Place::Slice(places) => {
                let values = items_of(value)?;
                if values.len() != places.len() {
                    let (values, places) = (values.len(), places.len());
                    let text = format!(
                        "attempt to assign sequence of size {values} to extended slice of size {places}"
                    );
                    return Err(raise("ValueError", text));
                }
                for (at, value) in places.into_iter().zip(values) {
                    self.items[at] = value;
                }
            }
        }
        Ok(())
    }

    fn delete(&mut self, place: Place) {
        match place {
            Place::At(at) => drop(self.items.remove(at)),
            Place::Range(range) => drop(self.items.drain(range)),
            Place::Slice(mut places) => {
                places.sort_unstable();
                let mut at = 0..;
                self.items
                    .retain(|_| at.next().is_none_or(|at| places.binary_search(&at).is_err()));
            }
        }
    }

    fn find(&self, item: &Value) -> Result<Option<usize>, Exception> {
        let wanted = Key::any(item)?;
        for (at, item) in self.items.iter().enumerate() {
            if Key::any(item)? == wanted {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn repeated(&self, count: i64) -> Result<Vec<Value>, Exception> {
        let count = usize::try_from(count).unwrap_or(0);
        if self.items.len().saturating_mul(count) > MAX_REPEATED.max(self.items.len()) {
            return Err(raise("MemoryError", "the repeated list is too long"));
        }
        Ok(self.items.iter().cycle().take(self.items.len() * count).cloned().collect())
    }

    fn sort(&mut self, call: &Call<'_, '_>) -> Result<(), Exception> {
        let [key, reverse] = call.bind(["key", "reverse"], 0)?;
        if call.read_or(key, Value::None)? != Value::None {
            return Err(raise("TypeError", "sort() of this manager takes no key"));
        }
        let reverse = call.read_or::<Value>(reverse, false.into())?;
        let mut failed = None;
        let mut sorted = self.items.clone();
        sorted.sort_by(|one, other| {
            let order = compare(one, other).unwrap_or_else(|error| {
                failed = Some(error);
                Ordering::Equal
            });
            if integer(&reverse).is_ok_and(|yes| yes != 0) { order.reverse() } else { order }
        });
        match failed {
            Some(error) => Err(error),
            None => {
                self.items = sorted;
                Ok(())
            }
        }
    }
}

/// The items of a sequence.
fn items_of(value: Value) -> Result<Vec<Value>, Exception> {
    match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
            Ok(items)
        }
        Value::Dict(pairs) => Ok(pairs.into_iter().map(|(key, _)| key).collect()),
        Value::Str(text) => Ok(text.chars().map(|c| c.to_string().into()).collect()),
        Value::Bytes(bytes) => Ok(bytes.into_iter().map(|byte| i64::from(byte).into()).collect()),
        // A range, a deque, an array.
        Value::Object(_) => value.to().map_err(|error| raise("TypeError", error.to_string())),
        _ => Err(raise("TypeError", "the argument is not a sequence")),
    }
}

fn integer(value: &Value) -> Result<i64, Exception> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Bool(yes) => Ok((*yes).into()),
        _ => Err(raise("TypeError", "an index is not an integer")),
    }
}

impl SharedObject for List {
    fn exposed(&self) -> &[&str] {
        &[
            "__add__",
            "__contains__",
            "__delitem__",
            "__delslice__",
            "__getitem__",
            "__getslice__",
            "__imul__",
            "__len__",
            "__mul__",
            "__rmul__",
            "__setitem__",
            "__setslice__",
            "append",
            "clear",
            "copy",
            "count",
            "extend",
            "index",
            "insert",
            "pop",
            "remove",
            "reverse",
            "sort",
        ]
    }

    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        match call.method() {
            "append" => self.items.push(call.only("object")?),
            "extend" => self.items.extend(items_of(call.only("iterable")?)?),
            "insert" => {
                let [index, item] = call.bind(["index", "object"], 2)?;
                let (index, length) = (call.read::<i64>(index)?, self.items.len());
                let from_end = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
                let at =
                    if index < 0 { length.saturating_sub(from_end) } else { from_end.min(length) };
                self.items.insert(at, call.read(item)?);
            }
            "pop" => {
                let [index] = call.bind(["index"], 0)?;
                let index = call.read_or(index, Value::Int(-1))?;
                if self.items.is_empty() {
                    return Err(raise("IndexError", "pop from empty list"));
                }
                let Place::At(at) = self.place(call, &index)? else {
                    return Err(raise("TypeError", "pop() takes an integer"));
                };
                return Ok(self.items.remove(at).into());
            }
            "remove" => match self.find(&call.only("value")?)? {
                Some(at) => drop(self.items.remove(at)),
                None => return Err(raise("ValueError", "list.remove(x): x not in list")),
            },
            "index" => {
                let item = call.only("value")?;
                let at = self.find(&item)?;
                let none = || raise("ValueError", format!("{} is not in list", repr(&item)));
                return Outcome::of(&at.ok_or_else(none)?);
            }
            "count" => {
                let wanted = Key::any(&call.only("value")?)?;
                let keys: Vec<_> = self.items.iter().map(Key::any).collect::<Result<_, _>>()?;
                return Outcome::of(&keys.into_iter().filter(|key| *key == wanted).count());
            }
            "__contains__" => return Outcome::of(&self.find(&call.only("key")?)?.is_some()),
            "__getitem__" => return Ok(self.get(self.place(call, &call.only("index")?)?).into()),
            "__setitem__" => {
                let [index, value] = call.bind(["index", "value"], 2)?;
                self.set(self.place(call, &call.read(index)?)?, call.read(value)?)?;
            }
            "__delitem__" => self.delete(self.place(call, &call.only("index")?)?),
            "__getslice__" => {
                let [start, stop] = call.bind(["i", "j"], 2)?;
                let place = self.slice(&call.read(start)?, &call.read(stop)?, &Value::None)?;
                return Ok(self.get(place).into());
            }
            "__setslice__" => {
                let [start, stop, value] = call.bind(["i", "j", "sequence"], 3)?;
                let place = self.slice(&call.read(start)?, &call.read(stop)?, &Value::None)?;
                self.set(place, call.read(value)?)?;
            }
            "__delslice__" => {
                let [start, stop] = call.bind(["i", "j"], 2)?;
                self.delete(self.slice(&call.read(start)?, &call.read(stop)?, &Value::None)?);
            }
            "__add__" => {
                let Value::List(more) = call.only("value")? else {
                    return Err(raise("TypeError", "can only concatenate list to list"));
                };
                return Ok(Value::List([self.items.clone(), more].concat()).into());
            }
            "__mul__" | "__rmul__" => {
                return Ok(Value::List(self.repeated(call.only("value")?)?).into());
            }
            // Python returns the list itself.
            "__imul__" => {
                self.items = self.repeated(call.only("value")?)?;
                return self.value().map(Outcome::Return);
            }
            "sort" => self.sort(call)?,
            method => {
                call.nothing()?;
                match method {
                    "reverse" => self.items.reverse(),
                    "clear" => self.items = Vec::new(),
                    "copy" => return self.value().map(Outcome::Return),
                    _ => return Outcome::of(&self.items.len()),
                }
            }
        }
        Ok(Outcome::NONE)
    }

    fn repr(&self) -> String {
        repr(&Value::List(self.items.clone()))
    }

    fn value(&self) -> Result<Value, Exception> {
        Ok(Value::List(self.items.clone()))
    }

    fn visit(&self, visit: &mut dyn FnMut(&Value)) {
        self.items.iter().for_each(visit);
    }
}
