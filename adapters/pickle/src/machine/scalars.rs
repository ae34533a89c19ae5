//! What is one value by itself: numbers, texts, bytes, names.

use std::borrow::Cow;
use std::str;

use super::Machine;
use crate::graph::{Global, Node, add};
use crate::text::{self, Decimal};
use crate::{Error, Limit, Python2Str, integer};

impl<'a> Machine<'a, '_> {
    pub(super) fn push_float(&mut self, number: f64) -> Result<(), Error> {
        let node = Node::Float(add(&mut self.graph.floats, number));
        self.push(node)
    }

    pub(super) fn push_text(&mut self, length: u64) -> Result<(), Error> {
        let bytes = self.input.take(length)?;
        self.push_str(bytes.into())
    }

    pub(super) fn push_str(&mut self, bytes: Cow<'a, [u8]>) -> Result<(), Error> {
        let node = match utf8(bytes) {
            Ok(text) => Node::Str(add(&mut self.graph.strs, text)),
            Err(bytes) if text::has_surrogates(&bytes) => {
                Node::Surrogates(add(&mut self.graph.bytes, bytes))
            }
            Err(_) => return Err(self.malformed("a str that is not UTF-8")),
        };
        self.push(node)
    }

    pub(super) fn push_bytes(&mut self, kind: fn(u32) -> Node, length: u64) -> Result<(), Error> {
        self.graph.has_python3_bytes = true;
        let bytes = self.input.take(length)?;
        let node = kind(add(&mut self.graph.bytes, bytes.into()));
        self.push(node)
    }

    /// A buffer that is not in the pickle. The program that has it may write to it, as to a bytearray.
    pub(super) fn push_buffer(&mut self) -> Result<(), Error> {
        let buffer = self.buffers.next();
        let buffer = buffer.ok_or_else(|| self.malformed("a buffer that was not given"))?;
        let node = Node::ByteArray(add(&mut self.graph.bytes, buffer.into()));
        self.push(node)
    }

    pub(super) fn make_buffer_readonly(&mut self) -> Result<(), Error> {
        let top = self.above(1)?;
        match self.stack[top] {
            Node::ByteArray(buffer) => self.stack[top] = Node::Bytes(buffer),
            Node::Bytes(_) => {}
            _ => return Err(self.malformed("what is not a buffer as one")),
        }
        Ok(())
    }

    pub(super) fn push_python2(&mut self, bytes: Cow<'a, [u8]>) -> Result<(), Error> {
        self.graph.has_python2_str = true;
        let text = match self.python2_str {
            Python2Str::Text => utf8(bytes),
            Python2Str::Bytes => Err(bytes),
        };
        let node = match text {
            Ok(text) => Node::Str(add(&mut self.graph.strs, text)),
            Err(bytes) => Node::Bytes(add(&mut self.graph.bytes, bytes)),
        };
        self.push(node)
    }

    pub(super) fn push_long(&mut self, length: u64) -> Result<(), Error> {
        let bytes = integer::shortest(self.input.take(length)?);
        let node = match integer::to_i128(bytes).and_then(|number| i32::try_from(number).ok()) {
            Some(small) => Node::Int(small),
            None => Node::Long(add(&mut self.graph.bytes, bytes.into())),
        };
        self.push(node)
    }

    pub(super) fn push_decimal(&mut self, line: &[u8]) -> Result<(), Error> {
        if line.len() as u64 > u64::from(self.limits.digits) + 1 {
            return Err(self.too_much(Limit::Digits));
        }
        let node = match text::decimal(line).ok_or_else(|| self.malformed("not an int"))? {
            Decimal::Small(number) => Node::Int(number),
            Decimal::Long(bytes) => Node::Long(add(&mut self.graph.bytes, bytes.into())),
        };
        self.push(node)
    }

    /// Of what two lines say.
    pub(super) fn global(&mut self, module: &'a [u8], name: &'a [u8]) -> Result<u32, Error> {
        let line = |line| str::from_utf8(line).map_err(|_| self.malformed("a name not in UTF-8"));
        let (module, name) = (line(module)?, line(name)?);
        let module = add(&mut self.graph.strs, module.into());
        let name = add(&mut self.graph.strs, name.into());
        Ok(self.add_global(module, name))
    }

    pub(super) fn stack_global(&mut self) -> Result<(), Error> {
        let from = self.above(2)?;
        let [Node::Str(module), Node::Str(name)] = self.stack[from..] else {
            return Err(self.malformed("a name that is not a str"));
        };
        self.stack.truncate(from);
        let global = self.add_global(module, name);
        self.push(Node::Global(global))
    }

    /// Under its name of today, if it is one of Python 2's.
    fn add_global(&mut self, module: u32, name: u32) -> u32 {
        let strs = &mut self.graph.strs;
        let module = match &*strs[module as usize] {
            "__builtin__" | "exceptions" => add(strs, "builtins".into()),
            "copy_reg" => add(strs, "copyreg".into()),
            _ => module,
        };
        let name = match (&*strs[module as usize], &*strs[name as usize]) {
            ("builtins", "long") => add(strs, "int".into()),
            ("builtins", "unicode") => add(strs, "str".into()),
            ("builtins", "xrange") => add(strs, "range".into()),
            _ => name,
        };
        let offset = self.offset();
        add(&mut self.graph.globals, Global { module, name, offset })
    }
}

fn utf8(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Cow<'_, [u8]>> {
    match bytes {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).map(Cow::from).map_err(|_| bytes.into()),
        Cow::Owned(bytes) => {
            String::from_utf8(bytes).map(Cow::from).map_err(|error| error.into_bytes().into())
        }
    }
}
