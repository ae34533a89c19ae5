//! What a pickle says, as a flat graph.
//!
//! A value is a [`Node`] of eight bytes: small ones are in it, others behind a number. The values of
//! a container lie beside each other in one `Vec`, so that nothing here points, nests or recurses:
//! values that are shared, or contain themselves, cost no more than others, and dropping a graph is
//! dropping a few `Vec`s.

use std::borrow::Cow;
use std::{slice, str};

use crate::integer;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// Where the memo has nothing.
    Unset,
    None,
    Bool(bool),
    Int(i32),
    /// Little-endian two's complement in `bytes`, without superfluous bytes.
    Long(u32),
    Float(u32),
    /// The real part in `floats`; the imaginary one is the next.
    Complex(u32),
    Str(u32),
    /// A str that is not Unicode: its UTF-8 in `bytes`, in which surrogates have three bytes.
    Surrogates(u32),
    Bytes(u32),
    ByteArray(u32),
    Tuple(u32),
    List(u32),
    /// Keys and values in turn.
    Dict(u32),
    Set(u32),
    FrozenSet(u32),
    Global(u32),
    Object(u32),
}

impl Node {
    pub(crate) fn is_object(self) -> bool {
        matches!(self, Self::Object(_))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Graph<'a> {
    /// Whether there is a str of Python 2's, which is text and bytes at once.
    pub(crate) has_python2_str: bool,
    /// Whether there are bytes of Python 3's, which are no text, whatever else there is.
    pub(crate) has_python3_bytes: bool,
    pub(crate) floats: Vec<f64>,
    pub(crate) strs: Vec<Cow<'a, str>>,
    pub(crate) bytes: Vec<Cow<'a, [u8]>>,
    pub(crate) globals: Vec<Global>,
    pub(crate) objects: Vec<Object>,
    items: Vec<Node>,
    containers: Vec<Container>,
    /// What containers got after others had begun.
    later: Vec<Run>,
}

/// A class or a function by its name: an entry of `strs`, each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Global {
    pub(crate) module: u32,
    pub(crate) name: u32,
    pub(crate) offset: u32,
}

/// What a class would be called with, and what it would then be given. Nothing is ever called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object {
    /// A `Global`, or an `Object` if the class is itself the result of a call.
    pub(crate) class: Node,
    /// By `__new__` in place of a call.
    pub(crate) is_new: bool,
    pub(crate) args: u32,
    pub(crate) kwargs: Option<u32>,
    pub(crate) items: Option<u32>,
    pub(crate) pairs: Option<u32>,
    pub(crate) state: Option<Node>,
    pub(crate) offset: u32,
}

#[derive(Debug, Clone, Copy)]
struct Container {
    first: Run,
    /// The last of `later`, if it has any there.
    last: u32,
    count: u32,
    offset: u32,
}

/// Neighbours in `items`.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u32,
    count: u32,
    next: u32,
}

const NOWHERE: u32 = u32::MAX;

impl<'a> Graph<'a> {
    /// With room for so many values in containers, and as many texts.
    pub(crate) fn with_capacity(values: usize) -> Self {
        let (items, strs) = (Vec::with_capacity(values), Vec::with_capacity(values));
        Self { items, strs, ..Self::default() }
    }

    pub(crate) fn container(&mut self, items: &[Node], offset: usize) -> u32 {
        let first =
            Run { start: index(self.items.len()), count: index(items.len()), next: NOWHERE };
        self.items.extend_from_slice(items);
        let count = first.count;
        add(&mut self.containers, Container { first, last: NOWHERE, count, offset: index(offset) })
    }

    pub(crate) fn extend(&mut self, container: u32, items: &[Node]) {
        let container = &mut self.containers[container as usize];
        let (start, count) = (index(self.items.len()), index(items.len()));
        let next = index(self.later.len());
        self.items.extend_from_slice(items);
        container.count += count;
        let tail = match container.last {
            NOWHERE => &mut container.first,
            last => &mut self.later[last as usize],
        };
        if tail.start + tail.count == start {
            tail.count += count;
        } else if tail.count == 0 {
            (tail.start, tail.count) = (start, count);
        } else {
            (tail.next, container.last) = (next, next);
            self.later.push(Run { start, count, next: NOWHERE });
        }
    }

    pub(crate) fn items(&self, container: u32) -> Items<'_> {
        let container = &self.containers[container as usize];
        Items {
            later: &self.later,
            items: &self.items,
            run: slice(&self.items, container.first).iter(),
            next: container.first.next,
            count: container.count,
        }
    }

    /// What all containers hold, in the order in which they got it.
    pub(crate) fn all_items(&self) -> &[Node] {
        &self.items
    }

    /// Returns where in [`all_items`](Self::all_items) a value of a container is.
    pub(crate) fn position(&self, container: u32, mut ordinal: usize) -> Option<usize> {
        let mut run = self.containers[container as usize].first;
        while ordinal >= run.count as usize {
            ordinal -= run.count as usize;
            run = *self.later.get(run.next as usize)?;
        }
        Some(run.start as usize + ordinal)
    }

    /// Where in the pickle the opcode is that makes it.
    pub(crate) fn offset(&self, container: u32) -> usize {
        self.containers[container as usize].offset as usize
    }

    /// The same of any value that keeps it: what is one value by itself does not.
    pub(crate) fn offset_of(&self, node: Node) -> Option<usize> {
        match node {
            Node::Tuple(number)
            | Node::List(number)
            | Node::Dict(number)
            | Node::Set(number)
            | Node::FrozenSet(number) => Some(self.offset(number)),
            Node::Global(number) => Some(self.globals[number as usize].offset as usize),
            Node::Object(number) => Some(self.objects[number as usize].offset as usize),
            _ => None,
        }
    }

    pub(crate) fn str(&self, number: u32) -> &Cow<'a, str> {
        &self.strs[number as usize]
    }

    /// Also what Python 2 has as a str, whichever way that was read.
    pub(crate) fn raw(&self, node: Node) -> Option<&[u8]> {
        match node {
            Node::Str(number) => Some(self.str(number).as_bytes()),
            Node::Bytes(number) => Some(&self.bytes[number as usize]),
            _ => None,
        }
    }

    /// The module and the name of an object's class. Both are empty if that was made by a call.
    pub(crate) fn class(&self, object: &Object) -> (&str, &str) {
        match object.class {
            Node::Global(class) => self.name(class),
            _ => ("", ""),
        }
    }

    /// An object's argument by its position.
    pub(crate) fn arg(&self, object: &Object, position: usize) -> Option<Node> {
        self.items(object.args).nth(position)
    }

    /// Returns text, also what Python 2 has as a str, whichever way that was read.
    pub(crate) fn text(&self, node: Node) -> Option<&str> {
        str::from_utf8(self.raw(node)?).ok()
    }

    /// An integer that is not too large.
    pub(crate) fn int(&self, node: Node) -> Option<i128> {
        match node {
            Node::Int(number) => Some(number.into()),
            Node::Long(number) => integer::to_i128(&self.bytes[number as usize]),
            _ => None,
        }
    }

    /// A module and the name in it.
    pub(crate) fn name(&self, global: u32) -> (&str, &str) {
        let Global { module, name, .. } = self.globals[global as usize];
        (self.str(module), self.str(name))
    }
}

/// The values of a container, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Items<'g> {
    items: &'g [Node],
    later: &'g [Run],
    run: slice::Iter<'g, Node>,
    next: u32,
    count: u32,
}

impl Items<'_> {
    /// All of them, if they are two.
    pub(crate) fn two(mut self) -> Option<[Node; 2]> {
        if self.len() == 2 { Some([self.next()?, self.next()?]) } else { None }
    }
}

impl Iterator for Items<'_> {
    type Item = Node;

    #[inline]
    fn next(&mut self) -> Option<Node> {
        loop {
            if let Some(&node) = self.run.next() {
                self.count -= 1;
                return Some(node);
            }
            let &run = self.later.get(self.next as usize)?;
            (self.run, self.next) = (slice(self.items, run).iter(), run.next);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count as usize, Some(self.count as usize))
    }
}

impl ExactSizeIterator for Items<'_> {}

fn slice(items: &[Node], run: Run) -> &[Node] {
    &items[run.start as usize..][..run.count as usize]
}

/// Puts it at the end, and tells where that is.
pub(crate) fn add<T>(to: &mut Vec<T>, value: T) -> u32 {
    to.push(value);
    index(to.len() - 1)
}

/// Every entry takes a byte of the pickle at least, and that has no more than `u32::MAX`.
#[expect(clippy::cast_possible_truncation, reason = "as said above")]
fn index(number: usize) -> u32 {
    debug_assert!(u32::try_from(number).is_ok());
    number as u32
}
