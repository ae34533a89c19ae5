//! What is put together from values on the stack: containers that grow, and objects.

use super::Machine;
use crate::graph::{Node, Object, add};
use crate::{Error, Limit, text};

impl Machine<'_, '_> {
    pub(super) fn append(&mut self, from: usize) -> Result<(), Error> {
        let items = match self.target(from)? {
            Node::List(list) => list,
            Node::Object(object) => match self.graph.objects[object as usize].items {
                Some(items) => items,
                None => self.own(object, |object| &mut object.items),
            },
            _ => return Err(self.malformed("appends to what is not a list")),
        };
        self.graph.extend(items, &self.stack[from..]);
        self.stack.truncate(from);
        Ok(())
    }

    pub(super) fn set_items(&mut self, from: usize) -> Result<(), Error> {
        self.even_above(from)?;
        let pairs = match self.target(from)? {
            Node::Dict(dict) => dict,
            Node::Object(object) => match self.graph.objects[object as usize].pairs {
                Some(pairs) => pairs,
                None => self.own(object, |object| &mut object.pairs),
            },
            _ => return Err(self.malformed("sets items of what is not a dict")),
        };
        self.graph.extend(pairs, &self.stack[from..]);
        self.stack.truncate(from);
        Ok(())
    }

    pub(super) fn add_items(&mut self, from: usize) -> Result<(), Error> {
        let Node::Set(set) = self.target(from)? else {
            return Err(self.malformed("adds to what is not a set"));
        };
        self.graph.extend(set, &self.stack[from..]);
        self.stack.truncate(from);
        Ok(())
    }

    /// What is below those values.
    fn target(&self, from: usize) -> Result<Node, Error> {
        Ok(self.stack[self.above(self.stack.len() - from + 1)?])
    }

    /// Makes a container of the object's own.
    fn own(&mut self, object: u32, which: fn(&mut Object) -> &mut Option<u32>) -> u32 {
        let container = self.graph.container(&[], self.opcode);
        *which(&mut self.graph.objects[object as usize]) = Some(container);
        container
    }

    pub(super) fn new_object(&mut self) -> Result<(), Error> {
        let from = self.above(2)?;
        let [class, Node::Tuple(args)] = self.stack[from..] else {
            return Err(self.malformed(NOT_A_CLASS));
        };
        self.check_class(class)?;
        self.stack.truncate(from);
        let object = Object { is_new: true, ..self.called(class, args) };
        self.push_object(object)
    }

    pub(super) fn new_object_ex(&mut self) -> Result<(), Error> {
        let from = self.above(3)?;
        let [class, Node::Tuple(args), Node::Dict(kwargs)] = self.stack[from..] else {
            return Err(self.malformed(NOT_A_CLASS));
        };
        self.check_class(class)?;
        self.stack.truncate(from);
        let object = Object { is_new: true, kwargs: Some(kwargs), ..self.called(class, args) };
        self.push_object(object)
    }

    /// Of a class of the old kind, which only Python 2 has, with what is on the stack.
    pub(super) fn instance(&mut self, class: Node, from: usize) -> Result<(), Error> {
        let args = self.graph.container(&self.stack[from..], self.opcode);
        self.stack.truncate(from);
        self.call(class, args)
    }

    pub(super) fn old_object(&mut self) -> Result<(), Error> {
        let from = self.unmark()?;
        let Some(&class) = self.stack.get(from) else {
            return Err(self.malformed(NOT_A_CLASS));
        };
        self.check_class(class)?;
        self.instance(class, from + 1)?;
        self.stack.swap_remove(from);
        Ok(())
    }

    pub(super) fn build(&mut self) -> Result<(), Error> {
        let from = self.above(2)?;
        let [Node::Object(object), state] = self.stack[from..] else {
            return Err(self.malformed("a state for what is not an object"));
        };
        let present = &mut self.graph.objects[object as usize].state;
        if present.is_some() {
            return Err(self.malformed("a second state for an object"));
        }
        *present = Some(state);
        self.stack.truncate(from + 1);
        Ok(())
    }

    pub(super) fn reduce(&mut self) -> Result<(), Error> {
        let from = self.above(2)?;
        let [class, Node::Tuple(args)] = self.stack[from..] else {
            return Err(self.malformed(NOT_A_CLASS));
        };
        self.check_class(class)?;
        self.stack.truncate(from);
        self.call(class, args)
    }

    /// Checks that a class is a name or the result of a call.
    fn check_class(&self, class: Node) -> Result<(), Error> {
        match class {
            Node::Global(_) | Node::Object(_) => Ok(()),
            _ => Err(self.malformed(NOT_A_CLASS)),
        }
    }

    fn call(&mut self, class: Node, args: u32) -> Result<(), Error> {
        let Node::Global(name) = class else { return self.push_object(self.called(class, args)) };
        match self.data(name, args)? {
            Some(node) => self.push(node),
            None => {
                let object = self.collection(name, args)?;
                self.push_object(object)
            }
        }
    }

    /// The forms in which protocols without an opcode for it write data.
    fn data(&mut self, class: u32, args: u32) -> Result<Option<Node>, Error> {
        let mut items = self.graph.items(args);
        let args = [items.next(), items.next(), items.next()];
        let node = match (self.graph.name(class), args) {
            (("builtins", "complex"), [Some(Node::Float(re)), Some(Node::Float(im)), None]) => {
                let parts = [re, im].map(|part| self.graph.floats[part as usize]);
                let number = add(&mut self.graph.floats, parts[0]);
                add(&mut self.graph.floats, parts[1]);
                Node::Complex(number)
            }
            (("builtins", "bytearray"), [Some(Node::Str(text)), Some(encoding), None])
                if self.graph.raw(encoding) == Some(b"latin-1") =>
            {
                Node::ByteArray(self.latin1(text)?)
            }
            (("_codecs", "encode"), [Some(Node::Str(text)), Some(encoding), None])
                if self.graph.raw(encoding) == Some(b"latin1") =>
            {
                self.graph.has_python3_bytes = true;
                Node::Bytes(self.latin1(text)?)
            }
            (("builtins", name), [None, ..]) => match name {
                "list" => Node::List(self.empty()),
                "tuple" => Node::Tuple(self.empty()),
                "dict" => Node::Dict(self.empty()),
                "set" => Node::Set(self.empty()),
                "frozenset" => Node::FrozenSet(self.empty()),
                "bytes" => Node::Bytes(self.add_bytes(Vec::new())),
                "bytearray" => Node::ByteArray(self.add_bytes(Vec::new())),
                _ => return Ok(None),
            },
            (("builtins", name), [Some(only), None, _]) => return Ok(converted(name, only)),
            _ => return Ok(None),
        };
        Ok(Some(node))
    }

    /// An object whose content is put where containers have theirs, whichever way the versions of
    /// Python write it.
    fn collection(&mut self, class: u32, args: u32) -> Result<Object, Error> {
        let object = self.called(Node::Global(class), args);
        let mut items = self.graph.items(args);
        let args = [items.next(), items.next(), items.next()];
        Ok(match (self.graph.name(class), args) {
            (("collections", "defaultdict"), _) => Object { pairs: Some(self.empty()), ..object },
            (("collections", "OrderedDict" | "Counter"), [None, ..]) => {
                Object { pairs: Some(self.empty()), ..object }
            }
            (("collections", "Counter"), [Some(Node::Dict(dict)), None, _]) => {
                Object { pairs: Some(dict), args: self.empty(), ..object }
            }
            (("collections", "OrderedDict"), [Some(Node::List(list)), None, _]) => {
                Object { pairs: Some(self.flattened(list)?), args: self.empty(), ..object }
            }
            (("collections", "deque"), [None, ..]) => {
                Object { items: Some(self.empty()), ..object }
            }
            (("collections", "deque"), [Some(Node::Tuple(none)), ..])
                if self.graph.items(none).len() == 0 =>
            {
                Object { items: Some(self.empty()), ..object }
            }
            (("collections", "deque"), [Some(Node::List(list)), length, None]) => {
                let none = Node::Tuple(self.empty());
                let args: Vec<_> = length.into_iter().flat_map(|length| [none, length]).collect();
                let args = self.graph.container(&args, self.opcode);
                Object { items: Some(list), args, ..object }
            }
            // Bytes to Python 2 too, though they may happen to be text.
            (("datetime", "datetime" | "date" | "time"), [Some(Node::Str(fields)), zone, None]) => {
                let fields = self.graph.str(fields).as_bytes().to_vec();
                self.charge(fields.len())?;
                let fields = Node::Bytes(self.add_bytes(fields));
                let args: Vec<_> = [Some(fields), zone].into_iter().flatten().collect();
                Object { args: self.graph.container(&args, self.opcode), ..object }
            }
            // How protocols 0 and 1 make an object: of a class, from one of what it inherits.
            (
                ("copyreg", "_reconstructor"),
                [
                    Some(class @ Node::Global(_)),
                    Some(_),
                    Some(content @ (Node::None | Node::Dict(_) | Node::List(_))),
                ],
            ) => {
                let args = self.empty();
                let object = Object { is_new: true, ..self.called(class, args) };
                match content {
                    Node::Dict(pairs) => Object { pairs: Some(pairs), ..object },
                    Node::List(items) => Object { items: Some(items), ..object },
                    _ => object,
                }
            }
            _ => object,
        })
    }

    /// The keys and values of a list of pairs.
    fn flattened(&mut self, list: u32) -> Result<u32, Error> {
        let mut flat = Vec::new();
        for pair in self.graph.items(list) {
            let pair = match pair {
                Node::List(pair) | Node::Tuple(pair) => self.graph.items(pair).two(),
                _ => None,
            };
            flat.extend(
                pair.ok_or_else(|| self.malformed("an OrderedDict of what are not pairs"))?,
            );
        }
        self.charge(size_of_val(&*flat))?;
        Ok(self.graph.container(&flat, self.opcode))
    }

    fn latin1(&mut self, text: u32) -> Result<u32, Error> {
        let text = self.graph.str(text);
        let bytes = text::latin1(text).ok_or_else(|| self.malformed("not in Latin-1"))?;
        self.charge(bytes.len())?;
        Ok(self.add_bytes(bytes))
    }

    /// What is not in the pickle but made from it, which might be again and again.
    fn charge(&mut self, bytes: usize) -> Result<(), Error> {
        let left = self.copies.checked_sub(bytes as u64);
        self.copies = left.ok_or_else(|| self.too_much(Limit::Expansion))?;
        Ok(())
    }

    fn add_bytes(&mut self, bytes: Vec<u8>) -> u32 {
        add(&mut self.graph.bytes, bytes.into())
    }

    fn empty(&mut self) -> u32 {
        self.graph.container(&[], self.opcode)
    }

    fn called(&self, class: Node, args: u32) -> Object {
        Object {
            class,
            is_new: false,
            args,
            kwargs: None,
            items: None,
            pairs: None,
            state: None,
            offset: self.offset(),
        }
    }

    pub(super) fn push_object(&mut self, object: Object) -> Result<(), Error> {
        let object = Node::Object(add(&mut self.graph.objects, object));
        self.push(object)
    }
}

/// Returns what a built-in type makes of one value, where that is the value or another view of it.
fn converted(name: &str, value: Node) -> Option<Node> {
    Some(match (name, value) {
        (
            "list" | "tuple" | "set" | "frozenset",
            Node::List(items) | Node::Tuple(items) | Node::Set(items) | Node::FrozenSet(items),
        ) => match name {
            "list" => Node::List(items),
            "tuple" => Node::Tuple(items),
            "set" => Node::Set(items),
            _ => Node::FrozenSet(items),
        },
        ("bytearray", Node::Bytes(bytes)) => Node::ByteArray(bytes),
        ("dict", Node::Dict(_))
        | ("int", Node::Int(_) | Node::Long(_))
        | ("float", Node::Float(_))
        | ("bool", Node::Bool(_))
        | ("str", Node::Str(_) | Node::Surrogates(_))
        | ("bytes", Node::Bytes(_)) => value,
        _ => return None,
    })
}

const NOT_A_CLASS: &str = "calls what has no name, or without a tuple";
