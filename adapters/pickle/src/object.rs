//! Classes and objects of Python's, which are names and content here.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{self, Serialize, SerializeTupleStruct, Serializer};

use crate::Value;
use crate::form::{self, AsMap, Formed};

/// A class or a function: the name under which Python imports it.
///
/// Python 2's `__builtin__`, `exceptions` and `copy_reg` have their later names here, `builtins` and
/// `copyreg`, as have its `long`, `unicode` and `xrange`. Modules are written so that either Python
/// finds them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Global {
    /// As in `import module`.
    pub module: String,
    /// In that module, with dots for what is within a class.
    pub name: String,
}

impl Global {
    /// `name` in `module`.
    pub fn new(module: impl Into<String>, name: impl Into<String>) -> Self {
        Self { module: module.into(), name: name.into() }
    }
}

/// An object of any class: what Python would call to make it, with what, and what it would put into
/// it then. Reading it calls nothing; a Python that reads what is written here does.
///
/// ```
/// use mpconn_pickle::{Object, Value, to_bytes};
///
/// let date = Object::new("datetime", "date", vec![2024.into(), 2.into(), 29.into()]);
/// let pickle = to_bytes(&date)?; // In Python: datetime.date(2024, 2, 29)
/// # assert_eq!(pickle, b"\x80\x02cdatetime\ndate\n(M\xe8\x07K\x02K\x1dtR.");
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// What is called.
    pub class: Class,
    /// Whether it is made by `class.__new__(class, *args)`, and not by `class(*args)`.
    pub is_new: bool,
    /// The arguments.
    pub args: Vec<Value>,
    /// The arguments by keywords, with which it [is new](Self::is_new).
    pub kwargs: Vec<(Value, Value)>,
    /// What is appended to it, as to a list.
    pub items: Vec<Value>,
    /// What is set in it, as in a dict.
    pub pairs: Vec<(Value, Value)>,
    /// What `__setstate__` gets, or its `__dict__` becomes.
    pub state: Option<Value>,
}

impl Object {
    /// What `name(*args)` gives in Python, after `from module import name`.
    pub fn new(module: impl Into<String>, name: impl Into<String>, args: Vec<Value>) -> Self {
        Self {
            class: Global::new(module, name).into(),
            is_new: false,
            args,
            kwargs: Vec::new(),
            items: Vec::new(),
            pairs: Vec::new(),
            state: None,
        }
    }
}

/// What Python calls to make an [`Object`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Class {
    /// A class or a function that has a name.
    Global(Global),
    /// The result of another call: a method (`getattr(cls, name)`), a class within a class up to
    /// protocol 3, or a class that a function makes, as cloudpickle and dill write those of a script.
    Object(Box<Object>),
}

impl Class {
    /// Returns the name, if it has one.
    #[must_use]
    pub fn as_global(&self) -> Option<&Global> {
        match self {
            Self::Global(global) => Some(global),
            Self::Object(_) => None,
        }
    }

    /// Returns `true` if it is `name` in `module`.
    #[must_use]
    pub fn is(&self, module: &str, name: &str) -> bool {
        self.as_global().is_some_and(|global| global.module == module && global.name == name)
    }
}

impl From<Global> for Class {
    fn from(global: Global) -> Self {
        Self::Global(global)
    }
}

impl From<Object> for Class {
    fn from(object: Object) -> Self {
        Self::Object(Box::new(object))
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Global(global) => global.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Class {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Global(global) => Ok(Self::Global(*global)),
            Value::Object(object) => Ok(Self::Object(object)),
            other => Err(de::Error::invalid_type(other.unexpected(), &"a class or a function")),
        }
    }
}

impl Serialize for Global {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.module.contains(':') {
            return Err(ser::Error::custom("the name of a module with a colon in it"));
        }
        Formed(form::GLOBAL, format_args!("{}:{}", self.module, self.name)).serialize(serializer)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_tuple_struct(form::OBJECT, 6)?;
        fields.serialize_field(&self.class)?;
        if !self.kwargs.is_empty() {
            fields.serialize_field(&Formed(form::TUPLE, &self.args))?;
            fields.serialize_field(&Formed(form::KWARGS, AsMap(&self.kwargs)))?;
        } else {
            let form = if self.is_new { form::NEW } else { form::CALL };
            fields.serialize_field(&Formed(form, &self.args))?;
        }
        if !self.items.is_empty() {
            fields.serialize_field(&Formed(form::ITEMS, &self.items))?;
        }
        if !self.pairs.is_empty() {
            fields.serialize_field(&Formed(form::PAIRS, AsMap(&self.pairs)))?;
        }
        if let Some(state) = &self.state {
            fields.serialize_field(&Formed(form::STATE, state))?;
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Global {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Global(global) => Ok(*global),
            other => Err(de::Error::invalid_type(other.unexpected(), &"a class or a function")),
        }
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(object) => Ok(*object),
            other => Err(de::Error::invalid_type(other.unexpected(), &"an object")),
        }
    }
}

pub(crate) struct GlobalVisitor;

impl<'de> Visitor<'de> for GlobalVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a module and a name")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        Ok(Global { module: next(&mut fields)?, name: next(&mut fields)? }.into())
    }
}

pub(crate) struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the parts of an object")
    }

    // Into its place part by part: what is on the stack, nested objects multiply.
    fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Box::new(Object::new("", "", Vec::new()));
        set(&mut object.class, &mut fields)?;
        set(&mut object.is_new, &mut fields)?;
        set(&mut object.args, &mut fields)?;
        set_pairs(&mut object.kwargs, &mut fields)?;
        set_items(&mut object.items, &mut fields)?;
        set_pairs(&mut object.pairs, &mut fields)?;
        set(&mut object.state, &mut fields)?;
        Ok(Value::Object(object))
    }
}

fn set<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    part: &mut T,
    fields: &mut A,
) -> Result<(), A::Error> {
    *part = next(fields)?;
    Ok(())
}

fn set_items<'de, A: SeqAccess<'de>>(
    items: &mut Vec<Value>,
    fields: &mut A,
) -> Result<(), A::Error> {
    *items = next::<Option<_>, A>(fields)?.unwrap_or_default();
    Ok(())
}

fn set_pairs<'de, A: SeqAccess<'de>>(
    pairs: &mut Vec<(Value, Value)>,
    fields: &mut A,
) -> Result<(), A::Error> {
    if let Value::Dict(dict) = next(fields)? {
        *pairs = dict;
    }
    Ok(())
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(fields: &mut A) -> Result<T, A::Error> {
    match fields.next_element()? {
        Some(field) => Ok(field),
        None => Err(de::Error::custom("fewer parts than a name or an object has")),
    }
}
