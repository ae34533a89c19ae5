//! Python's exceptions, as values that are sent.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, Unexpected};
use serde::ser::{Serialize, Serializer};

use crate::{Global, Object, Value};

/// An exception, as Python sends one: `connection.send(error)`. What arrives there from here can be
/// raised.
///
/// ```
/// use mpconn_pickle::{Exception, from_slice, to_bytes};
///
/// let sent = Exception::new("builtins", "ValueError", vec!["no such job".into()]);
/// let received: Exception = from_slice(&to_bytes(&sent)?)?;
/// assert_eq!(received.to_string(), "ValueError: no such job");
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// Its class.
    pub class: Global,
    /// What it was made with: Python's `error.args`.
    pub args: Vec<Value>,
    /// Other attributes, `__notes__` among them.
    pub state: Option<Value>,
}

impl Exception {
    /// Of the class `name` in `module`, `builtins` for Python's own.
    pub fn new(module: impl Into<String>, name: impl Into<String>, args: Vec<Value>) -> Self {
        Self { class: Global::new(module, name), args, state: None }
    }
}

impl Value {
    /// Whether it is one of Python's own exceptions. Others cannot be told from other objects: read
    /// an [`Exception`] where you know that one comes.
    #[must_use]
    pub fn is_exception(&self) -> bool {
        const ENDS: [&str; 7] =
            ["Error", "Exception", "Warning", "Exit", "Interrupt", "Iteration", "ExceptionGroup"];
        let Self::Object(object) = self else { return false };
        let Global { module, name } = &object.class;
        !object.is_new && module == "builtins" && ENDS.iter().any(|end| name.ends_with(end))
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.class.name)?;
        match self.args.as_slice() {
            [] => Ok(()),
            [Value::Str(message)] => write!(f, ": {message}"),
            args => write!(f, ": {args:?}"),
        }
    }
}

impl std::error::Error for Exception {}

impl From<Exception> for Object {
    fn from(Exception { class, args, state }: Exception) -> Self {
        let Global { module, name } = class;
        Self { state, ..Self::new(module, name, args) }
    }
}

impl From<Exception> for Value {
    fn from(exception: Exception) -> Self {
        Object::from(exception).into()
    }
}

/// Of any object that is made by calling its class, as exceptions are; else it is given back.
impl TryFrom<Value> for Exception {
    type Error = Value;

    fn try_from(value: Value) -> Result<Self, Value> {
        match value {
            Value::Object(object)
                if !object.is_new && object.items.is_empty() && object.pairs.is_empty() =>
            {
                let Object { class, args, state, .. } = *object;
                Ok(Self { class, args, state })
            }
            other => Err(other),
        }
    }
}

impl Serialize for Exception {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Object::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Exception {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::try_from(value).map_err(|_| {
            D::Error::invalid_type(Unexpected::Other("not an exception"), &"an exception")
        })
    }
}
