//! Replies: `(kind, result)`.

use mpconn_pickle::{Decoder, Exception, Pickle, Protocol, Value, View};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::token::{Token, text, token};

/// A reply of a manager.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply<'p, 'a> {
    /// `#RETURN`: what the method returned.
    Return(View<'p, 'a>),
    /// `#ERROR`: the exception that the method raised.
    Error(Exception),
    /// `#TRACEBACK`: the traceback of an exception in the manager itself.
    Traceback(String),
    /// `#UNSERIALIZABLE`: why the result cannot be pickled.
    Unserializable(String),
    /// `#PROXY`: the result is an object of its own, of which the caller has one reference.
    Proxy {
        /// The object. Its address is the one that the manager has for itself.
        token: Token,
        /// The names of its methods.
        exposed: Vec<String>,
    },
}

impl<'p, 'a> Reply<'p, 'a> {
    /// Reads a reply from the pickle that it is.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedReply`] if it is no reply, and [`Error::Pickle`] if its content is not what
    /// belongs to its kind.
    pub fn of(pickle: &'p Pickle<'a>) -> Result<Self, Error> {
        let mut parts = pickle.root().items();
        let (Some(kind), Some(result), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::unexpected("a reply has a kind and a result"));
        };
        let kind: String = kind.to()?;
        Ok(match kind.as_str() {
            "#RETURN" => Self::Return(result),
            "#ERROR" => Self::Error(result.to()?),
            "#TRACEBACK" => Self::Traceback(to_text(result)?),
            "#UNSERIALIZABLE" => Self::Unserializable(to_text(result)?),
            "#PROXY" => {
                let (exposed, proxy): (Value, Value) = result.to()?;
                let token =
                    token(&proxy).ok_or_else(|| Error::unexpected("a proxy without a token"))?;
                Self::Proxy { token, exposed: names(&exposed)? }
            }
            other => return Err(Error::unexpected(format!("a reply of the kind {other:?}"))),
        })
    }

    /// Returns the result, if it is a value.
    ///
    /// # Errors
    ///
    /// What the reply says, and [`Error::Pickle`] if the value is no `T`.
    pub fn into_value<T: DeserializeOwned>(self) -> Result<T, Error> {
        match self {
            Self::Return(result) => Ok(result.to()?),
            Self::Proxy { token, .. } => Err(Error::unexpected(format!(
                "a proxy of type {:?} in place of a value",
                token.typeid
            ))),
            other => Err(other.into_error()),
        }
    }

    /// Returns the token and the names of the methods, if the result is a proxy.
    ///
    /// # Errors
    ///
    /// What the reply says.
    pub fn into_proxy(self) -> Result<(Token, Vec<String>), Error> {
        match self {
            Self::Proxy { token, exposed } => Ok((token, exposed)),
            other => Err(other.into_error()),
        }
    }

    fn into_error(self) -> Error {
        match self {
            Self::Return(_) => Error::unexpected("a value in place of a proxy"),
            Self::Proxy { .. } => Error::unexpected("a proxy in place of a value"),
            Self::Error(exception) => exception.into(),
            Self::Traceback(text) => Error::Traceback(text.into()),
            Self::Unserializable(text) => Error::Unserializable(text.into()),
        }
    }
}

fn to_text(view: View<'_, '_>) -> Result<String, Error> {
    let value: Value = view.to()?;
    let text = text(&value).map(str::to_owned);
    text.ok_or_else(|| Error::unexpected("a traceback that is not text"))
}

/// The names of methods: a tuple, or a list.
fn names(value: &Value) -> Result<Vec<String>, Error> {
    let (Value::Tuple(names) | Value::List(names)) = value else {
        return Err(Error::unexpected("methods that are no tuple"));
    };
    let names: Option<_> = names.iter().map(|name| text(name).map(str::to_owned)).collect();
    names.ok_or_else(|| Error::unexpected("the name of a method that is not text"))
}

/// Reads the reply to a call as a value.
pub(crate) fn value<T: DeserializeOwned>(reply: &[u8]) -> Result<T, Error> {
    Reply::of(&Decoder::new().parse(reply)?)?.into_value()
}

/// Reads the reply to a call as a proxy.
pub(crate) fn proxy(reply: &[u8]) -> Result<(Token, Vec<String>), Error> {
    Reply::of(&Decoder::new().parse(reply)?)?.into_proxy()
}

/// Reads the reply to `create`.
pub(crate) fn created(reply: &[u8]) -> Result<(String, Vec<String>), Error> {
    let (ident, exposed): (Value, Value) = value(reply)?;
    let ident = text(&ident).ok_or_else(|| Error::unexpected("an id that is not text"))?;
    Ok((ident.to_owned(), names(&exposed)?))
}

/// Returns the newest protocol that the sender of a pickle is known to read: Python 2 has no other
/// than 2, and each Python that sends a later one reads 4.
pub(crate) fn protocol_of(pickle: &[u8]) -> Protocol {
    match pickle {
        [0x80, 3..=u8::MAX, ..] => Protocol::V4,
        _ => Protocol::V2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mpconn_pickle::to_bytes;

    fn read(reply: &(&str, Value)) -> Result<i64, Error> {
        value(&to_bytes(reply).expect("a pickle"))
    }

    #[test]
    fn each_kind_is_told() {
        assert!(matches!(read(&("#RETURN", 7.into())), Ok(7)));
        let empty = Exception::new("_queue", "Empty", vec![]);
        assert!(read(&("#ERROR", empty.into())).is_err_and(|error| error.is_raised("Empty")));
        let full = Exception::new("Queue", "Full", vec![]);
        assert!(matches!(read(&("#ERROR", full.into())), Err(Error::Full)));
        assert!(matches!(read(&("#TRACEBACK", "a\nb".into())), Err(Error::Traceback(_))));
        assert!(matches!(read(&("#UNSERIALIZABLE", "a".into())), Err(Error::Unserializable(_))));
        assert!(matches!(read(&("#NEWS", "a".into())), Err(Error::UnexpectedReply(_))));
        assert!(matches!(read(&("#RETURN", "a".into())), Err(Error::Pickle(_))));
        assert!(matches!(read(&("#PROXY", "a".into())), Err(Error::Pickle(_))));
    }

    #[test]
    fn a_proxy_has_a_token() {
        let token = Token { typeid: "Iterator".into(), address: "/tmp/m".into(), id: "7f".into() };
        let exposed = Value::Tuple(vec!["__next__".into()]);
        let reply = ("#PROXY", Value::Tuple(vec![exposed, token.to_value()]));
        let read = proxy(&to_bytes(&reply).expect("a pickle")).expect("a proxy");
        assert_eq!(read, (token, vec!["__next__".to_owned()]));
    }
}
