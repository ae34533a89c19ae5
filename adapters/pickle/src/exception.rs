//! Python's exceptions, as values that are sent.

use std::fmt;

use serde::de::{Deserialize, Deserializer, EnumAccess, Error as _, VariantAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::content::{is_exception_name, is_no_exception_name};
use crate::{Class, Global, Object, Value, form};

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
///
/// It is read from any object that may be an exception: the name of a class of a program does not tell.
/// What is known to be something else, as a `datetime.date` or an `http.HTTPStatus`, is an error.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// Its class.
    pub class: Global,
    /// What it was made with: Python's `error.args`.
    pub args: Vec<Value>,
    /// Other attributes, `__notes__` among them.
    pub state: Option<Value>,
    /// Where it was raised, as `multiprocessing.Pool` and `ProcessPoolExecutor` send it with the
    /// exception. It is the [`source`](std::error::Error::source) of this error, as it is the
    /// `__cause__` in Python.
    pub traceback: Option<RemoteTraceback>,
}

/// The traceback of an exception that was raised in another process, as text of several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteTraceback(Box<str>);

impl RemoteTraceback {
    /// Returns it as Python sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RemoteTraceback {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for RemoteTraceback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim())
    }
}

impl std::error::Error for RemoteTraceback {}

impl Exception {
    /// Of the class `name` in `module`, `builtins` for Python's own.
    pub fn new(module: impl Into<String>, name: impl Into<String>, args: Vec<Value>) -> Self {
        Self { class: Global::new(module, name), args, state: None, traceback: None }
    }
}

impl Value {
    /// Returns `true` for an exception: one of Python's own, or one whose name ends as theirs do. Other
    /// exceptions cannot be told from other objects: read an [`Exception`] where you know that one
    /// comes.
    #[must_use]
    pub fn is_exception(&self) -> bool {
        let Self::Object(object) = self else { return false };
        let Some(Global { module, name }) = object.class.as_global() else { return false };
        object.is_called() && (is_exception_name(module, name) || object.remote().is_some())
    }
}

impl Object {
    /// Whether it is made by a call and nothing else, as exceptions are.
    fn is_called(&self) -> bool {
        !self.is_new && self.items.is_empty() && self.pairs.is_empty()
    }

    /// The exception and the traceback that a pool of processes sends together.
    fn remote(&self) -> Option<(&Object, &String)> {
        let ("rebuild_exc" | "_rebuild_exc") = self.class.as_global()?.name.as_str() else {
            return None;
        };
        match self.args.as_slice() {
            [Value::Object(exception), Value::Str(traceback)] => Some((exception, traceback)),
            _ => None,
        }
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

impl std::error::Error for Exception {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.traceback.as_ref().map(|traceback| traceback as _)
    }
}

/// With a traceback, as `multiprocessing.pool` sends it.
impl From<Exception> for Object {
    fn from(Exception { class, args, state, traceback }: Exception) -> Self {
        let Global { module, name } = class;
        let exception = Self { state, ..Self::new(module, name, args) };
        match traceback {
            None => exception,
            Some(RemoteTraceback(text)) => {
                let both = vec![exception.into(), Value::from(&*text)];
                Self::new("multiprocessing.pool", "rebuild_exc", both)
            }
        }
    }
}

impl From<Exception> for Value {
    fn from(exception: Exception) -> Self {
        Object::from(exception).into()
    }
}

/// Of any object that may be an exception; else it is given back.
impl TryFrom<Value> for Exception {
    type Error = Value;

    fn try_from(value: Value) -> Result<Self, Value> {
        let Value::Object(object) = value else { return Err(value) };
        if let Some((exception, traceback)) = object.remote() {
            return match Self::try_from(Value::from(exception.clone())) {
                Ok(inner) => {
                    let traceback = Some(RemoteTraceback::from(traceback.as_str()));
                    Ok(Self { traceback, ..inner })
                }
                Err(_) => Err(Value::Object(object)),
            };
        }
        let is_other = |Global { module, name }: &Global| is_no_exception_name(module, name);
        if !object.is_called() || object.class.as_global().is_some_and(is_other) {
            return Err(Value::Object(object));
        }
        let object = *object;
        match object.class {
            Class::Global(class) => {
                Ok(Self { class, args: object.args, state: object.state, traceback: None })
            }
            class @ Class::Object(_) => Err(Object { class, ..object }.into()),
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
        Self::try_from(value)
            .map_err(|value| D::Error::invalid_type(value.unexpected(), &"an exception"))
    }
}

/// A value, or the exception that was sent in its place.
///
/// Python programs that answer calls often send one or the other, and so do `multiprocessing`'s own.
/// `Result<T, Exception>` is read in the same way; it is written as serde has it, `{'Ok': value}`, and
/// this as the value or the exception itself.
///
/// ```
/// use mpconn_pickle::{Exception, Reply, from_slice, to_bytes};
///
/// let refused = Exception::new("builtins", "KeyError", vec!["job".into()]);
/// let reply: Reply<u32> = from_slice(&to_bytes(&refused)?)?;
/// assert_eq!(reply.into_result(), Err(refused));
/// let reply: Result<u32, Exception> = from_slice(&to_bytes(&7)?)?;
/// assert_eq!(reply, Ok(7));
/// # Ok::<(), mpconn_pickle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Reply<T> {
    /// What was asked for.
    Value(T),
    /// Why not.
    Exception(Exception),
}

impl<T> Reply<T> {
    /// Returns the value, or the exception as an error.
    ///
    /// # Errors
    ///
    /// The exception.
    pub fn into_result(self) -> Result<T, Exception> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Exception(exception) => Err(exception),
        }
    }
}

impl<T: Serialize> Serialize for Reply<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Exception(exception) => exception.serialize(serializer),
        }
    }
}

/// From other formats, always the value.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Reply<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReplyVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ReplyVisitor<T> {
            type Value = Reply<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or an exception")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                other: D,
            ) -> Result<Self::Value, D::Error> {
                T::deserialize(other).map(Reply::Value)
            }

            fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
                match access.variant::<u8>()? {
                    (0, value) => value.newtype_variant().map(Reply::Value),
                    (_, exception) => exception.newtype_variant().map(Reply::Exception),
                }
            }
        }

        deserializer.deserialize_newtype_struct(form::REPLY, ReplyVisitor(std::marker::PhantomData))
    }
}
