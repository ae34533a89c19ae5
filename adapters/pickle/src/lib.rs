//! Python's pickles, read and written with serde: bounded, and never executed.
//!
//! Most Python peers say `connection.send({'job': 7})` and expect `connection.recv()` to give them an
//! object. What goes over the wire then is a pickle. This crate turns it into Rust types and back:
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
//! struct Reply {
//!     done: bool,
//! }
//!
//! // connection.send({'name': 'resize', 'sizes': [64, 128]}), by Python 3.13
//! let message = b"\x80\x04\x95\x25\0\0\0\0\0\0\0}\x94(\x8c\x04name\x94\x8c\x06resize\x94\
//!                 \x8c\x05sizes\x94]\x94(K@K\x80eu.";
//! let job: Job = from_slice(message)?;
//! assert_eq!(job, Job { name: "resize", sizes: vec![64, 128] });
//!
//! let message = to_bytes(&Reply { done: true })?; // connection.recv() gives {'done': True}
//! # let value: mpconn_pickle::Value = from_slice(&message)?;
//! # assert_eq!(value.get("done"), Some(&true.into()));
//! # Ok::<(), mpconn_pickle::Error>(())
//! ```
//!
//! It knows nothing of connections. With the feature `pickle`, `mpconn-blocking` and `mpconn-tokio`
//! have `send` and `recv`, which are these two functions over a connection.
//!
//! # A pickle is a program
//!
//! for a machine with a stack: push 64, push 128, make a list of both. Two of its opcodes are why
//! Python warns of pickles from strangers: one imports a name, one calls it. Here no opcode can do
//! either. A name stays a name, and a call is noted with its arguments, as an [`Object`]. Some calls
//! are how Python writes plain data (`bytearray(b'..')`, `datetime.date(..)`): those are recognised.
//!
//! Reading goes in two passes. The machine makes a flat graph, one node of eight bytes a value, in
//! which what Python shares is shared and what contains itself may; then serde takes from that graph
//! what the Rust type asks for, and skips the rest without a look.
//!
//! # What is shared, contains itself, or is deep
//!
//! Rust's types are trees: what Python has in two places, serde copies, and what contains itself it
//! never comes to the end of. [`Decoder::parse`] gives the graph instead, a [`Pickle`], of which every
//! value is a [`View`]. Walking from one to the next has no limit, and from each on a Rust type can be
//! read:
//!
//! ```
//! use mpconn_pickle::Decoder;
//!
//! // a = [[1, 2]]; a.append(a), by Python 3.13
//! let pickle = Decoder::new().parse(b"\x80\x04\x95\x0f\0\0\0\0\0\0\0]\x94(]\x94(K\x01K\x02eh\0e.")?;
//! let list = pickle.root();
//! let items: Vec<_> = list.items().collect();
//! assert_eq!(items[0].to::<Vec<u8>>()?, [1, 2]);
//! assert_eq!(items[1], list); // which it is, and not only what it says
//! # Ok::<(), mpconn_pickle::Error>(())
//! ```
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
//! | `list` | anything in a row, tuples too | `Vec` and other sequences |
//! | `tuple` | the same | tuples, arrays, tuple structs, [`Tuple`] |
//! | `set`, `frozenset`, `deque` | the same | [`Set`], [`FrozenSet`], [`Object`] |
//! | `dict`, `OrderedDict`, `defaultdict`, `Counter` | maps, structs | maps, structs |
//! | `{'Name': content}`, `'Name'` | an enum's variant | the same |
//! | `date`, `time`, `datetime` | text: `isoformat()` | [`Object`] |
//! | `timezone`, `Decimal`, `UUID`, `Fraction`, `Path` | text: `str()`; a `Path` of 3.13 as the program wrote it | [`Object`] |
//! | `timedelta` | three integers: days, seconds, microseconds | [`Object`] |
//! | an exception | [`Exception`] | [`Exception`] |
//! | any other object | its items, attributes, or arguments | [`Object`] |
//! | a class or a function | text: `module.name`; [`Global`] | [`Global`] |
//!
//! Text of dates, UUIDs and decimals is what the crates for those read with serde. [`Value`] takes
//! everything, exactly as it is.
//!
//! - A `str` with surrogates (`'\udcff'`, as `os.listdir` gives for names that are no UTF-8) is no
//!   text in Rust: it is read as [`Bytes`], or as [`Value::Surrogates`].
//! - Python 2's `str` is text if it is UTF-8, or always bytes: [`Decoder::python2_str`]. A Rust type
//!   that says which it wants gets it either way.
//! - Which attributes an object has when it is read as a struct: those of its `__dict__`, or its
//!   slots. [`Decoder::strict`] refuses objects that are not in the table.
//! - Not read: persistent ids, the extension registry and buffers beside the pickle, whose meaning
//!   only the program knows that wrote them; and calls of what has no name.
//!
//! # Which protocol
//!
//! All of them are read, 0 to 5. Written is 2, which every Python from 2.7 on reads; it has no opcode
//! for bytes and sets, and says those as calls, as Python does. Where no Python 2 listens,
//! [`Protocol::V4`] is shorter and faster for them: [`Encoder::protocol`].
//!
//! # What a hostile pickle can do
//!
//! It can be refused, with an [`Error`] that says where and why. Nothing it claims is allocated;
//! memory and time are linear in its length, and [limits](Limit) bound both: nesting
//! ([`MAX_DEPTH`]), values ([`MAX_NODES`]), the memo ([`MAX_MEMO`]), bytes ([`MAX_BYTES`]), digits in
//! text ([`MAX_DIGITS`]), and how much shared values grow when they are copied out
//! ([`MAX_EXPANSION`]): `a = [x, x]; b = [a, a]; ..` is small in Python and 2ⁿ in Rust. Each can be
//! set on a [`Decoder`]. The machine does not recurse, nor does its graph, also when it is dropped;
//! serde does, once per level of nesting, and a [`Value`] when it is dropped.
//!
//! What is written is harmless only if the names in it are: an [`Object`] is a call that the Python
//! that reads it will make.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod content;
mod cursor;
mod de;
mod decoder;
mod describe;
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
pub use encoder::{Encoder, Protocol, to_bytes};
pub use error::{Error, Mismatch};
pub use exception::{Exception, RemoteTraceback, Reply};
pub use integer::Integer;
pub use limits::{Limit, MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_EXPANSION, MAX_MEMO, MAX_NODES};
pub use object::{Class, Global, Object};
pub use pickle::Pickle;
pub use value::Value;
pub use view::{Kind, View};
pub use wrap::{ByteArray, Bytes, FrozenSet, Set, Tuple};
