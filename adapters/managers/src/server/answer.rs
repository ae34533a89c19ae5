//! Replies of a server, as Python reads them.

use mpconn_pickle::{Encoder, Exception, Protocol, Tuple, Value};
use serde::Serialize;

use crate::token::{Token, native};

/// What is sent in reply.
pub(crate) enum Answer {
    Return(Value),
    Error(Exception),
    Traceback(String),
    Unserializable(Exception),
    Proxy(Token, Vec<String>),
}

impl Answer {
    /// An exception in the manager itself, as the text that Python sends.
    pub(crate) fn traceback(exception: &Exception) -> Self {
        Self::Traceback(traceback(exception))
    }

    /// Encodes the reply for a client that reads this protocol.
    pub(crate) fn encode(&self, protocol: Protocol) -> Vec<u8> {
        // 2.7 asserts that the text is its own str, which the name of a call makes of it there.
        let text = |text: &str| match protocol {
            Protocol::V2 => {
                native(&text.escape_default().to_string().replace("\\n", "\n").replace("\\'", "'"))
            }
            _ => text.into(),
        };
        let encoded = match self {
            Self::Return(value) => encode(protocol, "#RETURN", value),
            Self::Error(exception) => {
                encode(protocol, "#ERROR", &for_protocol(exception, protocol))
            }
            Self::Traceback(traceback) => encode(protocol, "#TRACEBACK", &text(traceback)),
            Self::Unserializable(exception) => {
                encode(protocol, "#UNSERIALIZABLE", &text(&traceback(exception)))
            }
            Self::Proxy(token, exposed) => {
                encode(protocol, "#PROXY", &(Tuple(exposed.clone()), token.to_value()))
            }
        };
        encoded.unwrap_or_else(|error| {
            let error = text(&format!("{error}\n"));
            // Text can be encoded in each protocol.
            encode(protocol, "#UNSERIALIZABLE", &error).unwrap_or_default()
        })
    }
}

fn encode<T: Serialize>(
    protocol: Protocol,
    kind: &str,
    result: &T,
) -> Result<Vec<u8>, mpconn_pickle::Error> {
    Encoder::new().protocol(protocol).to_bytes(&(kind, result))
}

/// In protocol 2, which Python 2 reads, `queue` has the name that it has there. Python 3 knows it.
fn for_protocol(exception: &Exception, protocol: Protocol) -> Exception {
    let mut exception = exception.clone();
    if protocol == Protocol::V2 && exception.class.module == "queue" {
        exception.class.module = "Queue".to_owned();
    }
    exception
}

fn traceback(exception: &Exception) -> String {
    format!("Traceback (most recent call last):\n{exception}\n")
}

/// The exception for an id or a name that is not there.
pub(crate) fn key_error(name: &str) -> Exception {
    Exception::new("builtins", "KeyError", vec![name.into()])
}
