//! What a shared object is, and how it is called.

use std::time::Duration;

use mpconn_pickle::{Exception, Kind, Value, View};
use serde::{Deserialize, Serialize};

use super::python::raise;

/// An object that a server shares. Implement it for types of your own; [`Queue`](super::Queue),
/// [`Dict`](super::Dict) and others are here.
///
/// A method that has to wait returns [`Outcome::Wait`] and changes nothing. It is called again when
/// another call has changed the object. No thread waits.
///
/// A panic in a method is a `RuntimeError` for the client. The object remains as it is then.
pub trait SharedObject: Send {
    /// Returns the names of the methods that clients may call.
    fn exposed(&self) -> &[&str];

    /// Calls a method, which is one of [`exposed`](Self::exposed).
    ///
    /// # Errors
    ///
    /// An exception, which the client raises.
    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception>;

    /// Answers a call whose wait has ended without success. The default is a `TimeoutError`.
    ///
    /// # Errors
    ///
    /// An exception, which the client raises.
    fn expired(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        Err(raise("TimeoutError", call.method()))
    }

    /// Takes back what an [`Outcome::Take`] gave to a client that was gone before it was sent.
    fn restore(&mut self, value: Value) {
        let _ = value;
    }

    /// Returns Python's `repr` of the object.
    fn repr(&self) -> String {
        "<shared object>".to_owned()
    }

    /// Returns a copy of the object: Python's `proxy._getvalue()`. The default is the `TypeError` for
    /// what cannot be pickled.
    ///
    /// # Errors
    ///
    /// An exception, whose text the client gets.
    fn value(&self) -> Result<Value, Exception> {
        Err(raise("TypeError", "cannot pickle a shared object"))
    }

    /// Calls `visit` for each value that the object holds. They count against the limit of memory,
    /// and objects whose proxies are in them are kept.
    fn visit(&self, visit: &mut dyn FnMut(&Value)) {
        let _ = visit;
    }
}

/// The outcome of a call.
#[allow(missing_debug_implementations, reason = "an object need not have one")]
#[non_exhaustive]
pub enum Outcome {
    /// The result.
    Return(Value),
    /// The result, which was removed from the object. If it cannot be sent,
    /// [`SharedObject::restore`] takes it back.
    Take(Value),
    /// The result is an object of its own, of which the client gets a proxy of the type `typeid`.
    Proxy {
        /// The name under which the client has registered the type of the proxy.
        typeid: String,
        /// The object.
        object: Box<dyn SharedObject>,
    },
    /// There is no result yet. The call waits for at most this time, and without limit for `None`.
    Wait(Option<Duration>),
}

impl Outcome {
    /// The result `None`.
    pub const NONE: Self = Self::Return(Value::None);

    /// Returns a result that serde writes.
    ///
    /// # Errors
    ///
    /// A `TypeError` if it cannot be written as a pickle.
    pub fn of<T: Serialize + ?Sized>(result: &T) -> Result<Self, Exception> {
        match Value::of(result) {
            Ok(value) => Ok(Self::Return(value)),
            Err(error) => Err(raise("TypeError", error.to_string())),
        }
    }
}

impl From<Value> for Outcome {
    fn from(value: Value) -> Self {
        Self::Return(value)
    }
}

/// A call of a method: its name, and its arguments as they lie in the pickle.
#[derive(Debug)]
pub struct Call<'p, 'a> {
    method: &'p str,
    args: Vec<View<'p, 'a>>,
    kwargs: Vec<(&'p str, View<'p, 'a>)>,
}

impl<'p, 'a> Call<'p, 'a> {
    /// Reads a request. The first part is the id of an object, if it is not for the manager.
    pub(crate) fn of(request: View<'p, 'a>) -> Result<(Option<&'p str>, Self), Exception> {
        let mut parts = request.items();
        let (4, Kind::Tuple) = (parts.len(), request.kind()) else {
            return Err(raise("ValueError", "a request is a tuple of 4 values"));
        };
        let mut part = || parts.next().unwrap_or(request);
        let (ident, method, args, kwargs) = (part(), part(), part(), part());
        let ident = match ident.kind() {
            Kind::None => None,
            Kind::Str(ident) => Some(ident),
            _ => return Err(raise("TypeError", "the id of a request is not a str")),
        };
        let Kind::Str(method) = method.kind() else {
            return Err(raise("TypeError", "the method of a request is not a str"));
        };
        let (Kind::Tuple | Kind::List, Kind::Dict) = (args.kind(), kwargs.kind()) else {
            return Err(raise("TypeError", "the arguments of a request are no tuple and dict"));
        };
        let kwargs = kwargs.pairs().map(|(name, value)| match name.kind() {
            Kind::Str(name) => Ok((name, value)),
            _ => Err(raise("TypeError", "keywords must be strings")),
        });
        let call = Self {
            method,
            args: args.items().collect(),
            kwargs: kwargs.collect::<Result<_, _>>()?,
        };
        Ok((ident, call))
    }

    /// The call of a constructor, without the name that `create` takes first.
    pub(crate) fn without_first(&self, method: &'p str) -> Self {
        Self { method, args: self.args[1..].to_vec(), kwargs: self.kwargs.clone() }
    }

    /// Returns the name of the method.
    #[must_use]
    pub fn method(&self) -> &'p str {
        self.method
    }

    /// Returns the positional arguments.
    #[must_use]
    pub fn args(&self) -> &[View<'p, 'a>] {
        &self.args
    }

    /// Returns the keyword arguments.
    #[must_use]
    pub fn kwargs(&self) -> &[(&'p str, View<'p, 'a>)] {
        &self.kwargs
    }

    /// Assigns the arguments to parameters by their names, as Python does. The first `required` have
    /// no default.
    ///
    /// # Errors
    ///
    /// A `TypeError` if an argument is missing, unknown, or given twice.
    pub fn bind<const N: usize>(
        &self,
        names: [&str; N],
        required: usize,
    ) -> Result<[Option<View<'p, 'a>>; N], Exception> {
        let method = self.method;
        if self.args.len() > N {
            let count = self.args.len();
            let text = format!("{method}() takes at most {N} arguments but {count} were given");
            return Err(raise("TypeError", text));
        }
        let mut bound = [None; N];
        for (place, value) in bound.iter_mut().zip(&self.args) {
            *place = Some(*value);
        }
        for (name, value) in &self.kwargs {
            let Some(place) = names.iter().position(|known| known == name) else {
                let text = format!("{method}() got an unexpected keyword argument '{name}'");
                return Err(raise("TypeError", text));
            };
            if bound[place].replace(*value).is_some() {
                let text = format!("{method}() got multiple values for argument '{name}'");
                return Err(raise("TypeError", text));
            }
        }
        if let Some(missing) = bound.iter().take(required).position(Option::is_none) {
            let name = names[missing];
            let text = format!("{method}() missing 1 required positional argument: '{name}'");
            return Err(raise("TypeError", text));
        }
        Ok(bound)
    }

    /// Reads the one argument that the method has.
    ///
    /// # Errors
    ///
    /// A `TypeError` if there is not exactly one argument, or if it is of another type.
    pub fn only<T: Deserialize<'a>>(&self, name: &str) -> Result<T, Exception> {
        self.read(self.bind([name], 1)?[0])
    }

    /// Reads an argument.
    ///
    /// # Errors
    ///
    /// A `TypeError` if it is missing or of another type.
    pub fn read<T: Deserialize<'a>>(&self, argument: Option<View<'p, 'a>>) -> Result<T, Exception> {
        let argument = argument.ok_or_else(|| raise("TypeError", "an argument is missing"))?;
        argument.to().map_err(|error| raise("TypeError", format!("{}(): {error}", self.method)))
    }

    /// Reads an argument, or takes a default.
    ///
    /// # Errors
    ///
    /// A `TypeError` if it is of another type.
    pub fn read_or<T: Deserialize<'a>>(
        &self,
        argument: Option<View<'p, 'a>>,
        default: T,
    ) -> Result<T, Exception> {
        if argument.is_some() { self.read(argument) } else { Ok(default) }
    }

    /// Checks that there are no arguments.
    ///
    /// # Errors
    ///
    /// A `TypeError` if there are some.
    pub fn nothing(&self) -> Result<(), Exception> {
        self.bind([], 0).map(|[]: [_; 0]| ())
    }

    /// Reads a timeout in seconds. Returns `None` for no timeout, and for one that no clock can hold.
    ///
    /// # Errors
    ///
    /// A `TypeError` if it is of another type, a `ValueError` if it is negative or not a number.
    pub fn timeout(&self, argument: Option<View<'p, 'a>>) -> Result<Option<Duration>, Exception> {
        let Some(seconds) = self.read_or::<Option<f64>>(argument, None)? else { return Ok(None) };
        if seconds.is_nan() || seconds < 0.0 {
            return Err(raise("ValueError", "'timeout' must be a non-negative number"));
        }
        Ok(Duration::try_from_secs_f64(seconds).ok())
    }
}
