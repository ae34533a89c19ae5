//! Requests: `(ident or None, method, args, kwargs)`.

use mpconn_pickle::{Encoder, Error as PickleError, Tuple};
use serde::ser::{Serialize, SerializeMap, SerializeTuple, Serializer};

/// Positional arguments of a call: a Rust tuple of up to six values, `()` for none, or a
/// [`Tuple`] of any number.
pub trait Arguments {
    /// Returns how many there are.
    #[doc(hidden)]
    fn count(&self) -> usize;

    /// Serializes each.
    #[doc(hidden)]
    fn write<S: SerializeTuple>(&self, tuple: &mut S) -> Result<(), S::Error>;
}

impl<T: Serialize> Arguments for Tuple<Vec<T>> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn write<S: SerializeTuple>(&self, tuple: &mut S) -> Result<(), S::Error> {
        self.0.iter().try_for_each(|argument| tuple.serialize_element(argument))
    }
}

macro_rules! arguments {
    ($count:literal $($argument:ident)*) => {
        impl<$($argument: Serialize),*> Arguments for ($($argument,)*) {
            fn count(&self) -> usize {
                $count
            }

            #[allow(non_snake_case, unused_variables, reason = "the names are those of the types")]
            fn write<Out: SerializeTuple>(&self, tuple: &mut Out) -> Result<(), Out::Error> {
                let ($($argument,)*) = self;
                $(tuple.serialize_element($argument)?;)*
                Ok(())
            }
        }
    };
}

arguments!(0);
arguments!(1 A);
arguments!(2 A B);
arguments!(3 A B C);
arguments!(4 A B C D);
arguments!(5 A B C D E);
arguments!(6 A B C D E F);

/// Positional arguments inside of other arguments, as those of a function of a pool are.
pub(crate) struct Packed<'a, A: ?Sized>(pub(crate) &'a A);

impl<A: Arguments + ?Sized> Serialize for Packed<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.count())?;
        self.0.write(&mut tuple)?;
        tuple.end()
    }
}

/// The arguments of `create`: the name of a type, and those of its constructor.
pub(crate) struct After<'a, A: ?Sized>(pub(crate) &'a str, pub(crate) &'a A);

impl<A: Arguments + ?Sized> Arguments for After<'_, A> {
    fn count(&self) -> usize {
        1 + self.1.count()
    }

    fn write<S: SerializeTuple>(&self, tuple: &mut S) -> Result<(), S::Error> {
        tuple.serialize_element(self.0)?;
        self.1.write(tuple)
    }
}

/// No keyword arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoKwargs;

impl Serialize for NoKwargs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

/// Encodes a request: `ident` is the object that is called, and `None` for the manager itself.
/// `kwargs` is written as a dict: a struct or a map.
///
/// # Errors
///
/// Those of [`Encoder::to_bytes`].
pub fn encode_request<A: Arguments + ?Sized, K: Serialize + ?Sized>(
    encoder: Encoder,
    ident: Option<&str>,
    method: &str,
    args: &A,
    kwargs: &K,
) -> Result<Vec<u8>, PickleError> {
    encoder.to_bytes(&Request { ident, method, args, kwargs })
}

struct Request<'a, A: ?Sized, K: ?Sized> {
    ident: Option<&'a str>,
    method: &'a str,
    args: &'a A,
    kwargs: &'a K,
}

impl<A: Arguments + ?Sized, K: Serialize + ?Sized> Serialize for Request<'_, A, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_tuple(4)?;
        parts.serialize_element(&self.ident)?;
        parts.serialize_element(self.method)?;
        parts.serialize_element(&Packed(self.args))?;
        parts.serialize_element(self.kwargs)?;
        parts.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mpconn_pickle::{Value, from_slice};

    #[test]
    fn arguments_are_tuples() {
        let arguments = |bytes: Vec<u8>| match from_slice::<Value>(&bytes).expect("a pickle") {
            Value::Tuple(parts) => parts[2].clone(),
            other => panic!("{other:?}"),
        };
        let none =
            encode_request(Encoder::new(), None, "dummy", &(), &NoKwargs).expect("a request");
        assert_eq!(arguments(none), Value::Tuple(vec![]));
        let one = encode_request(Encoder::new(), Some("a"), "put", &(7,), &NoKwargs);
        assert_eq!(arguments(one.expect("a request")), Value::Tuple(vec![7.into()]));
        let any = encode_request(Encoder::new(), Some("a"), "put", &Tuple(vec![1, 2]), &NoKwargs);
        assert_eq!(arguments(any.expect("a request")), Value::Tuple(vec![1.into(), 2.into()]));
    }
}
