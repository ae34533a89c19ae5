//! Reads and writes Python's pickles with serde, within limits and without executing them.
//!
//! Most Python peers call `connection.send({'job': 7})` and expect an object from
//! `connection.recv()`. The message is a pickle then. This crate turns it into Rust types and back:
//!
//! ```
//! use mpconn_pickle::{from_slice, to_bytes};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Deserialize)]
//! struct Job<'m> {
//!     name: &'m str, // borrowed from the message
//!     sizes: Vec<u32>,
//! }
//!
//! #[derive(Serialize)]
//! struct Done {
//!     done: bool,
//! }
//!
//! // connection.send({'name': 'resize', 'sizes': [64, 128]}), by Python 3.13
//! let message = b"\x80\x04\x95\x25\0\0\0\0\0\0\0}\x94(\x8c\x04name\x94\x8c\x06resize\x94\
//!                 \x8c\x05sizes\x94]\x94(K@K\x80eu.";
//! let job: Job = from_slice(message)?;
//! assert_eq!(job, Job { name: "resize", sizes: vec![64, 128] });
//!
//! let message = to_bytes(&Done { done: true })?; // connection.recv() returns {'done': True}
//! # let value: mpconn_pickle::Value = from_slice(&message)?;
//! # assert_eq!(value.get("done"), Some(&true.into()));
//! # Ok::<(), mpconn_pickle::Error>(())
//! ```
//!
//! The crate does not depend on connections. With the feature `pickle`, `mpconn-blocking` and
//! `mpconn-tokio` have `send` and `recv`, which are these two functions over a connection.
//!
//! # How a pickle is read
//!
//! A pickle is a program for a machine with a stack: push 64, push 128, make a list of both. Python
//! warns of pickles from strangers because two of its opcodes import a name and call it. Here no
//! opcode does either: a name remains a name, and a call is recorded with its arguments, as an
//! [`Object`].
//!
//! Reading has two passes. The machine makes a flat graph of nodes, in which what Python shares is
//! shared. Then serde takes from the graph what the Rust type asks for, and skips the rest.
//!
//! # What an object is read from
//!
//! A value is deserialized from what Python calls the content of an object, and from nothing else:
//!
//! - the pairs of a subclass of `dict`, the items of a subclass of `list`, `set`, `frozenset` or
//!   `tuple`, the fields of a named tuple;
//! - the attributes: `__dict__` and slots, or the `__dict__` in the state of a pydantic model;
//! - a state that is a list or a tuple, in order: that of a frozen dataclass with slots, for example;
//! - the one value that an object wraps: the value of a member of an `Enum`, a subclass of `int`,
//!   `float`, `str` or `bytes`.
//!
//! The arguments of a constructor are content only where the class is known to be rebuilt that way. An
//! object that has a state is never read from its arguments, and an exception never as anything else
//! than an [`Exception`]. What does not match is an error that says what Python sent: ``a
//! `datetime.date`, where struct Job is expected``.
//!
//! # Which type becomes which
//!
//! | Python | in Rust, as serde sees it | from Rust |
//! | --- | --- | --- |
//! | `None` | `()`, `Option` | `()`, unit structs, `None` |
//! | `bool`, `int`, `float` | the numbers, `i128` and `u128`, [`Integer`] for longer ones | the same |
//! | `complex` | a pair of `f64` | [`Value::Complex`] |
//! | `str` | `&str`, `String`, `char` | the same |
//! | `bytes`, `bytearray` | `&[u8]`, [`Bytes`], `Vec<u8>` | [`Bytes`], [`ByteArray`] |
//! | `list`, `tuple` | sequences and tuples | `Vec`; tuples, arrays, tuple structs, [`Tuple`] |
//! | `set`, `frozenset`, `deque`, `range` | sequences | [`Set`], [`FrozenSet`], [`Object`] |
//! | `dict`, `OrderedDict`, `defaultdict`, `Counter` | maps, structs | maps, structs |
//! | `{'Name': content}`, `'Name'` | an enum's variant | the same |
//! | `UserDict`, `UserList`, `UserString` | maps, sequences, text | [`Object`] |
//! | a member of an `Enum` | its value | [`Object`] |
//! | `date`, `time`, `datetime` | text: `isoformat()` | [`Object`] |
//! | `timezone`, `Decimal`, `UUID`, `Fraction`, `Path`, `ipaddress` | text: `str()` | [`Object`] |
//! | `ZoneInfo`, zones of pytz and dateutil | text: the key | [`Object`] |
//! | a regular expression | text: the pattern, with its flags before it: `(?i)a+` | [`Object`] |
//! | `timedelta` | three integers: days, seconds, microseconds | [`Object`] |
//! | `slice` | three values: start, stop, step | [`Object`] |
//! | `array.array` | a sequence of numbers | [`Object`] |
//! | a number of NumPy | the number; a `datetime64` as a pair of an `i64` and its unit | [`Object`] |
//! | an array of NumPy | `NdArray`, with the feature `numpy`; a sequence if it has one dimension | `NdArray` |
//! | an exception | [`Exception`], [`Reply`], `Result<T, Exception>` | [`Exception`] |
//! | any other object | its content, see above | [`Object`] |
//! | a class or a function | text: `module.name`; [`Global`] | [`Global`] |
//!
//! Text of dates, UUIDs and decimals is what the crates for those read with serde. [`Value`] takes
//! every value, exactly as it is.
//!
//! - An aware `datetime` whose offset only a database of time zones tells is an error that names the
//!   zone. With a fixed offset, and in UTC, it is text.
//! - `bytes` are not text, but in a pickle of Python 2, whose `str` is both. Python 2's `str` is read as
//!   text if it is UTF-8, or always as bytes: [`Decoder::python2_str`].
//! - A `str` with surrogates (`'\udcff'`, which `os.listdir` returns for names that are not UTF-8) is
//!   no text in Rust: it is read as [`Bytes`], or as [`Value::Surrogates`].
//! - An `array.array` of `l` or `L` that a Python with `multiprocessing.managers` sends is an error: the
//!   size of its items depends on the machine.
//! - [`Decoder::strict`] refuses objects that are not in the table.
//! - Persistent ids and the extension registry are not read: their meaning is known only to the program
//!   that wrote them.
//!
//! # Large buffers
//!
//! In protocol 5, large buffers may be beside the pickle, so that they are not copied into it and out of
//! it. The convention here is to send each as a message of its own, after the pickle and in its order.
//! Python sends an object with NumPy arrays in it like this, and receives one from Rust:
//!
//! ```python
//! buffers = []
//! connection.send_bytes(pickle.dumps(value, protocol=5, buffer_callback=buffers.append))
//! for buffer in buffers: connection.send_bytes(buffer.raw())
//!
//! value = pickle.loads(connection.recv_bytes(), buffers=iter(connection.recv_bytes, None))
//! ```
//!
//! Arrays that Python receives so are read-only; `map(bytearray, iter(..))` makes them writable, by a
//! copy. In Rust, [`Decoder::count_buffers`] tells how many messages follow:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use mpconn_pickle::{Buffer, Decoder, Encoder, Error, Protocol};
//!
//! // With `connection.send_bytes` and `connection.recv_bytes` in place of these.
//! fn send(messages: &mut Vec<Vec<u8>>, frame: &[u8]) -> Result<(), Error> {
//!     let value = BTreeMap::from([("frame", Buffer)]);
//!     messages.push(Encoder::new().protocol(Protocol::V5).to_bytes(&value)?);
//!     messages.push(frame.to_vec());
//!     Ok(())
//! }
//!
//! fn receive(mut messages: impl Iterator<Item = Vec<u8>>) -> Result<usize, Error> {
//!     let pickle = messages.next().expect("a message");
//!     let count = Decoder::new().count_buffers(&pickle)?;
//!     let buffers: Vec<_> = messages.take(count).collect();
//!     let buffers = buffers.iter().map(Vec::as_slice);
//!     let value = Decoder::new().parse_with_buffers(&pickle, buffers)?;
//!     let value: BTreeMap<&str, &[u8]> = value.to()?;
//!     Ok(value["frame"].len())
//! }
//!
//! let mut messages = Vec::new();
//! send(&mut messages, &[0; 1000])?;
//! assert_eq!(receive(messages.into_iter()), Ok(1000));
//! # Ok::<(), Error>(())
//! ```
//!
//! An array of NumPy is written that way by `NdArray::out_of_band`.
//!
//! # What is shared, contains itself, or is deep
//!
//! Rust's types are trees: serde copies what Python has in two places, and never comes to the end of
//! what contains itself. [`Decoder::parse`] returns the graph instead, a [`Pickle`], of which every
//! value is a [`View`]. Walking from one to the next has no limit, and from each a Rust type can be read:
//!
//! ```
//! use mpconn_pickle::Decoder;
//!
//! // a = [[1, 2]]; a.append(a), by Python 3.13
//! let pickle = Decoder::new().parse(b"\x80\x04\x95\x0f\0\0\0\0\0\0\0]\x94(]\x94(K\x01K\x02eh\0e.")?;
//! let list = pickle.root();
//! let items: Vec<_> = list.items().collect();
//! assert_eq!(items[0].to::<Vec<u8>>()?, [1, 2]);
//! assert_eq!(items[1], list); // the same list, and not one with the same content
//! # Ok::<(), mpconn_pickle::Error>(())
//! ```
//!
//! # Which protocol
//!
//! Protocols 0 to 5 are read. Protocol 2 is written, which every Python from 2.7 on reads. It has no
//! opcode for bytes and sets, and writes those as calls, as Python does. Where no Python 2 listens,
//! [`Protocol::V4`] is shorter and faster for them: [`Encoder::protocol`].
//!
//! # What a hostile pickle can do
//!
//! It can be refused, with an [`Error`] that says where and why. Nothing it claims is allocated.
//! Memory and time are linear in its length, and [limits](Limit) bound both: nesting
//! ([`MAX_DEPTH`]), values ([`MAX_NODES`]), the memo ([`MAX_MEMO`]), bytes ([`MAX_BYTES`]), digits in
//! text ([`MAX_DIGITS`]), and how much shared values grow when they are copied out
//! ([`MAX_EXPANSION`]): `a = [x, x]; b = [a, a]; ..` is small in Python and 2ⁿ in Rust. Each can be
//! set on a [`Decoder`]. The machine does not recurse, nor does its graph, also when it is dropped;
//! serde does, once for each level of nesting, and a [`Value`] when it is dropped.
//!
//! One cost is the Rust type's: serde tries the variants of an `untagged` enum one after the other, on a copy of
//! the value, and for one that contains itself each level of nesting multiplies that. Two such variants
//! take a second for 20 levels. No format can bound it: read such a type with a
//! [`max_depth`](Decoder::max_depth) of what is really sent, or by hand from a [`View`].
//!
//! What is written is harmless only if the names in it are: an [`Object`] is a call that the Python
//! that reads it will make.
//!
//! # Features
//!
//! - `numpy`: `NdArray`, an array of NumPy whose bytes are borrowed from the message, or beside it.
//! - `ndarray`: conversions between `NdArray` and the arrays of the crate `ndarray`.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod content;
#[cfg(feature = "ndarray")]
mod convert;
mod cursor;
mod de;
mod decoder;
mod describe;
#[cfg_attr(not(feature = "numpy"), expect(unreachable_pub, reason = "it is public with it"))]
mod dtype;
mod encoder;
mod error;
mod exception;
mod form;
#[cfg(any(test, feature = "__fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod graph;
mod integer;
mod known;
mod limits;
mod machine;
mod names;
#[cfg(feature = "numpy")]
mod ndarray;
mod numbers;
mod object;
mod opcode;
mod pickle;
mod ser;
mod text;
mod value;
mod view;
mod wrap;
mod writer;

pub use decoder::{Decoder, Python2Str, from_slice};
#[cfg(feature = "numpy")]
pub use dtype::{DType, DTypeKind};
pub use encoder::{Encoder, Protocol, to_bytes};
pub use error::{Error, Mismatch};
pub use exception::{Exception, RemoteTraceback, Reply};
pub use integer::Integer;
pub use limits::{Limit, MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_EXPANSION, MAX_MEMO, MAX_NODES};
#[cfg(feature = "numpy")]
pub use ndarray::{Element, NdArray, Order, OutOfBand};
pub use object::{Class, Global, Object};
pub use pickle::Pickle;
pub use ser::Pickler as Serializer;
pub use value::Value;
pub use view::{Kind, View};
pub use wrap::{Buffer, ByteArray, Bytes, FrozenSet, Set, Tuple};
