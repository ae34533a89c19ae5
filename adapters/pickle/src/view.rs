//! A value of a pickle where it lies, with those that it refers to around it.

use std::hash::{Hash, Hasher};
use std::{fmt, iter, ptr};

use serde::{Deserialize, Deserializer};

use crate::de::Reader;
use crate::graph::{Node, Object};
use crate::pickle::Place;
use crate::{Error, Pickle, integer};

/// A value of a [`Pickle`]: what it is, what is in it, and which it is.
///
/// Two of them are equal if they are the same value, as by Python's `is`, and not if they only say
/// the same. There are exceptions: two sets made of one list, or bytearrays of one bytes, are one
/// here, and a class that the pickle names twice is two. What holds itself is found within itself again; nothing here follows it by itself.
#[derive(Clone, Copy)]
pub struct View<'p, 'a> {
    pickle: &'p Pickle<'a>,
    node: Node,
    place: Place,
}

/// What a [`View`] is of, with the content of what has no values in it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Kind<'p> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An `int` that fits.
    Int(i64),
    /// An `int` that does not fit into an `i64`, as
    /// [`Integer::from_le_bytes`](crate::Integer::from_le_bytes) takes it.
    Long(&'p [u8]),
    /// A `float`.
    Float(f64),
    /// A `complex`: the real and the imaginary part.
    Complex(f64, f64),
    /// A `str`.
    Str(&'p str),
    /// A `str` with surrogates, as [`Value::Surrogates`](crate::Value::Surrogates) has it.
    Surrogates(&'p [u8]),
    /// `bytes`.
    Bytes(&'p [u8]),
    /// A `bytearray`.
    ByteArray(&'p [u8]),
    /// A `tuple` of [items](View::items).
    Tuple,
    /// A `list` of [items](View::items).
    List,
    /// A `dict` of [pairs](View::pairs).
    Dict,
    /// A `set` of [items](View::items).
    Set,
    /// A `frozenset` of [items](View::items).
    FrozenSet,
    /// A class or a function, with the names that [`Global`](crate::Global) has.
    Global {
        /// As in `import module`.
        module: &'p str,
        /// In that module.
        name: &'p str,
    },
    /// An object, whose parts are those of [`Object`](crate::Object): [`View::class`],
    /// [`View::args`], [`View::kwargs`], [`View::items`], [`View::pairs`], [`View::state`].
    Object {
        /// Whether it is made by `__new__`, and not by a call of its class.
        is_new: bool,
    },
}

impl<'p, 'a> View<'p, 'a> {
    pub(crate) fn new(pickle: &'p Pickle<'a>, root: Node) -> Self {
        Self { pickle, node: root, place: Place::Root }
    }

    /// What it is. [`Strictness`](crate::Decoder::strict) hides nothing from this.
    #[must_use]
    pub fn kind(self) -> Kind<'p> {
        let graph = &self.pickle.graph;
        let bytes = |number: u32| &*graph.bytes[number as usize];
        match self.node {
            Node::None | Node::Unset => Kind::None,
            Node::Bool(yes) => Kind::Bool(yes),
            Node::Int(number) => Kind::Int(number.into()),
            Node::Long(number) => match integer::to_i64(bytes(number)) {
                Some(number) => Kind::Int(number),
                None => Kind::Long(bytes(number)),
            },
            Node::Float(number) => Kind::Float(graph.floats[number as usize]),
            Node::Complex(number) => {
                Kind::Complex(graph.floats[number as usize], graph.floats[number as usize + 1])
            }
            Node::Str(number) => Kind::Str(graph.str(number)),
            Node::Surrogates(number) => Kind::Surrogates(bytes(number)),
            Node::Bytes(number) => Kind::Bytes(bytes(number)),
            Node::ByteArray(number) => Kind::ByteArray(bytes(number)),
            Node::Tuple(_) => Kind::Tuple,
            Node::List(_) => Kind::List,
            Node::Dict(_) => Kind::Dict,
            Node::Set(_) => Kind::Set,
            Node::FrozenSet(_) => Kind::FrozenSet,
            Node::Global(number) => {
                let (module, name) = graph.name(number);
                Kind::Global { module, name }
            }
            Node::Object(number) => Kind::Object { is_new: graph.objects[number as usize].is_new },
        }
    }

    /// What is in a tuple, a list, a set or a frozenset, and what was appended to an object, as to a
    /// `deque`. Others have none.
    pub fn items(self) -> impl ExactSizeIterator<Item = Self> {
        self.each(self.row().or_else(|| self.object()?.items))
    }

    /// What is in a dict, keys with values, and what was set in an object, as in an `OrderedDict`.
    /// Others have none.
    ///
    /// They come in the order in which Python wrote them. A hostile one repeats keys; in Python the
    /// last would count.
    pub fn pairs(self) -> impl Iterator<Item = (Self, Self)> {
        self.each_pair(match self.node {
            Node::Dict(pairs) => Some(pairs),
            _ => self.object().and_then(|object| object.pairs),
        })
    }

    /// Returns what an object is made by calling: a [`Kind::Global`], or a [`Kind::Object`] if that is
    /// itself the result of a call. Others have none.
    #[must_use]
    pub fn class(self) -> Option<Self> {
        Some(self.inner(self.object()?.class))
    }

    /// What an object is made with. Others have none.
    pub fn args(self) -> impl ExactSizeIterator<Item = Self> {
        self.each(self.object().map(|object| object.args))
    }

    /// What an object is made with by keywords. Others have none.
    pub fn kwargs(self) -> impl Iterator<Item = (Self, Self)> {
        self.each_pair(self.object().and_then(|object| object.kwargs))
    }

    /// What an object's `__setstate__` gets, or its `__dict__` becomes.
    #[must_use]
    pub fn state(self) -> Option<Self> {
        Some(self.inner(self.object()?.state?))
    }

    /// All that it refers to: what is in a container, and the parts of an object, each as a container
    /// of its own, with its class if that is an object. Python's `gc.get_referents`.
    ///
    /// Who follows these and looks at no value twice is done in time and memory linear in the pickle's
    /// length. With the others that is not so: any number of objects can have the same items.
    pub fn referents(self) -> impl Iterator<Item = Self> {
        let content = match self.node {
            Node::Dict(pairs) => Some(pairs),
            _ => self.row(),
        };
        let parts = self.object().map(|object| {
            let args = Some(Node::Tuple(object.args));
            let kwargs = object.kwargs.map(Node::Dict);
            let items = object.items.map(Node::List);
            let class = Some(object.class).filter(|class| matches!(class, Node::Object(_)));
            [class, args, kwargs, items, object.pairs.map(Node::Dict), object.state]
        });
        let parts = parts.into_iter().flatten().flatten();
        self.each(content).chain(parts.map(move |node| self.inner(node)))
    }

    /// Returns where in the pickle the opcode is that makes it, in bytes.
    ///
    /// Numbers, texts and bytes keep no offset: for the first of them the pickle is read once more. Of
    /// what comes from the pickler's memo, it is the opcode that takes it from there; of a state that is
    /// one number or text, that of its object.
    #[must_use]
    pub fn offset(self) -> usize {
        match self.pickle.graph.offset_of(self.node) {
            Some(offset) => offset,
            None => self.pickle.origin(self.place),
        }
    }

    /// As a Rust type: what [`from_slice`](crate::from_slice) gives of a pickle with this in it.
    ///
    /// [`MAX_DEPTH`](crate::MAX_DEPTH) counts from here, so that parts of what is too deep can be
    /// read. [`MAX_EXPANSION`](crate::MAX_EXPANSION) is for all that is read of one [`Pickle`]
    /// together; threads that read at the same time may pay less.
    ///
    /// # Errors
    ///
    /// [`Error`]: `Mismatch`, `Foreign`, and `TooMuch` of these two.
    pub fn to<T: Deserialize<'a>>(self) -> Result<T, Error> {
        T::deserialize(self.reader()).map_err(|error| self.reader().locate_at(self.place, error))
    }

    /// Returns serde's deserializer of this value, for crates that take one: `serde_path_to_error`,
    /// `serde_ignored`, `serde_transcode`, `erased-serde`. Its limits are those of [`to`](Self::to). An
    /// error of this value itself, if it is a number, text or bytes, has no offset: [`to`](Self::to)
    /// adds it.
    ///
    /// ```
    /// use mpconn_pickle::Decoder;
    /// use serde::{Deserialize, Deserializer};
    ///
    /// let pickle = Decoder::new().parse(b"](K\x01K\x02e.")?;
    /// assert_eq!(Vec::<u8>::deserialize(pickle.root().deserializer()), Ok(vec![1, 2]));
    /// # Ok::<(), mpconn_pickle::Error>(())
    /// ```
    #[must_use]
    pub fn deserializer(self) -> impl Deserializer<'a, Error = Error> + use<'p, 'a> {
        self.reader()
    }

    fn reader(self) -> Reader<'p, 'a> {
        Reader::new(self.pickle, self.node, self.place.outer(&self.pickle.graph))
    }

    /// Of what is a row of values, and no more.
    fn row(self) -> Option<u32> {
        match self.node {
            Node::Tuple(items) | Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => {
                Some(items)
            }
            _ => None,
        }
    }

    fn object(self) -> Option<&'p Object> {
        let Node::Object(number) = self.node else { return None };
        Some(&self.pickle.graph.objects[number as usize])
    }

    /// A part of an object.
    fn inner(self, node: Node) -> Self {
        let outer = self.pickle.graph.offset_of(self.node);
        Self { node, place: Place::Part(outer.unwrap_or_default()), ..self }
    }

    fn each(self, container: Option<u32>) -> impl ExactSizeIterator<Item = Self> {
        let graph = &self.pickle.graph;
        let nodes = container.map(|container| graph.items(container)).unwrap_or_default();
        let container = container.unwrap_or_default();
        nodes.enumerate().map(move |(ordinal, node)| Self {
            node,
            place: Place::item(container, ordinal),
            ..self
        })
    }

    fn each_pair(self, container: Option<u32>) -> impl Iterator<Item = (Self, Self)> {
        let mut views = self.each(container);
        iter::from_fn(move || Some((views.next()?, views.next()?)))
    }
}

/// Numbers that fit into 32 bits are the same if they are equal.
impl PartialEq for View<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.pickle, other.pickle) && self.node == other.node
    }
}

impl Eq for View<'_, '_> {}

impl Hash for View<'_, '_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.node.hash(state);
    }
}

/// Its kind alone: what is in it might contain it.
impl fmt::Debug for View<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}
