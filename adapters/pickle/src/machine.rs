//! The machine that a pickle is a program for: a stack, marks in it, and a memo.
//!
//! It only ever puts values together. Where Python would import a name or call something, it notes
//! which and with what.

mod build;
mod scalars;
mod stack;
mod trace;

use crate::cursor::Cursor;
use crate::graph::{Graph, Node};
use crate::limits::Limits;
use crate::opcode::*;
use crate::{Error, Limit, Python2Str, text};
pub(crate) use trace::Origins;

/// What a pickle says.
pub(crate) struct Parsed<'a> {
    pub(crate) graph: Graph<'a>,
    pub(crate) root: Node,
    /// How many bytes the pickle has, of those that were given.
    pub(crate) length: usize,
}

/// A pickle, and how it is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) pickle: &'a [u8],
    pub(crate) limits: Limits,
    pub(crate) python2_str: Python2Str,
}

impl<'a> Source<'a> {
    pub(crate) fn run(
        self,
        buffers: &mut dyn Iterator<Item = &'a [u8]>,
    ) -> Result<Parsed<'a>, Error> {
        if u32::try_from(self.pickle.len()).map_or(true, |length| length > self.limits.bytes) {
            let offset = self.limits.bytes as usize;
            return Err(Error::TooMuch { offset, limit: Limit::Bytes });
        }
        let mut machine = Machine::new(self, buffers);
        while let Some(opcode) = machine.next()? {
            machine.execute(opcode)?;
        }
        let root = machine.pop()?;
        Ok(Parsed { root, length: machine.input.offset(), graph: machine.graph })
    }
}

/// How many values there is room for at first: a small message has fewer, and room that grows costs
/// more instructions than all else in one.
const FEW: usize = 32;

struct Machine<'a, 'b> {
    input: Cursor<'a>,
    /// Those beside the pickle, of which each is taken once.
    buffers: &'b mut dyn Iterator<Item = &'a [u8]>,
    /// Where the present opcode is.
    opcode: usize,
    graph: Graph<'a>,
    stack: Vec<Node>,
    marks: Vec<usize>,
    /// The last mark: nothing below it is popped.
    fence: usize,
    memo: Vec<Node>,
    nodes: u32,
    /// How many bytes may still be made out of those of the pickle.
    copies: u64,
    limits: Limits,
    python2_str: Python2Str,
}

impl<'a, 'b> Machine<'a, 'b> {
    #[inline]
    fn new(
        Source { pickle, limits, python2_str }: Source<'a>,
        buffers: &'b mut dyn Iterator<Item = &'a [u8]>,
    ) -> Self {
        let few = FEW.min(pickle.len() / 4);
        Self {
            input: Cursor::new(pickle),
            buffers,
            opcode: 0,
            graph: Graph::with_capacity(few),
            stack: Vec::with_capacity(few),
            marks: Vec::new(),
            fence: 0,
            memo: Vec::with_capacity(few),
            nodes: 0,
            copies: (pickle.len() as u64).saturating_add(limits.expansion),
            limits,
            python2_str,
        }
    }

    /// Returns the next opcode, or `None` at the end. As Python, whatever comes behind it.
    #[inline]
    fn next(&mut self) -> Result<Option<u8>, Error> {
        self.opcode = self.input.offset();
        let opcode = self.input.byte()?;
        Ok(Some(opcode).filter(|&opcode| opcode != STOP))
    }

    #[inline]
    fn execute(&mut self, opcode: u8) -> Result<(), Error> {
        match opcode {
            BININT1 => {
                let number = self.input.byte()?.into();
                self.push(Node::Int(number))?;
            }
            BININT2 => {
                let number = u16::from_le_bytes(self.input.array()?).into();
                self.push(Node::Int(number))?;
            }
            BININT => {
                let number = i32::from_le_bytes(self.input.array()?);
                self.push(Node::Int(number))?;
            }
            BINFLOAT => {
                let number = f64::from_be_bytes(self.input.array()?);
                self.push_float(number)?;
            }
            SHORT_BINUNICODE => {
                let length = self.input.byte()?.into();
                self.push_text(length)?;
            }
            BINUNICODE => {
                let length = u32::from_le_bytes(self.input.array()?).into();
                self.push_text(length)?;
            }
            BINUNICODE8 => {
                let length = u64::from_le_bytes(self.input.array()?);
                self.push_text(length)?;
            }
            MEMOIZE => self.put(self.memo.len() as u64)?,
            BINPUT => {
                let index = self.input.byte()?.into();
                self.put(index)?;
            }
            LONG_BINPUT => {
                let index = u32::from_le_bytes(self.input.array()?).into();
                self.put(index)?;
            }
            BINGET => {
                let index = self.input.byte()?.into();
                self.get(index)?;
            }
            LONG_BINGET => {
                let index = u32::from_le_bytes(self.input.array()?).into();
                self.get(index)?;
            }
            MARK => self.mark()?,
            NONE => self.push(Node::None)?,
            NEWTRUE => self.push(Node::Bool(true))?,
            NEWFALSE => self.push(Node::Bool(false))?,
            EMPTY_LIST => self.push_container(Node::List)?,
            EMPTY_DICT => self.push_container(Node::Dict)?,
            EMPTY_SET => self.push_container(Node::Set)?,
            EMPTY_TUPLE => self.push_container(Node::Tuple)?,
            TUPLE1 => self.gather(Node::Tuple, 1)?,
            TUPLE2 => self.gather(Node::Tuple, 2)?,
            TUPLE3 => self.gather(Node::Tuple, 3)?,
            TUPLE => self.gather_marked(Node::Tuple)?,
            LIST => self.gather_marked(Node::List)?,
            FROZENSET => self.gather_marked(Node::FrozenSet)?,
            DICT => {
                self.even_above(self.fence)?;
                self.gather_marked(Node::Dict)?;
            }
            APPEND => self.append(self.above(1)?)?,
            APPENDS => {
                let from = self.unmark()?;
                self.append(from)?;
            }
            SETITEM => self.set_items(self.above(2)?)?,
            SETITEMS => {
                let from = self.unmark()?;
                self.set_items(from)?;
            }
            ADDITEMS => {
                let from = self.unmark()?;
                self.add_items(from)?;
            }
            LONG1 => {
                let length = self.input.byte()?.into();
                self.push_long(length)?;
            }
            LONG4 => {
                // Signed, but Python refuses a negative one.
                let length = u32::from_le_bytes(self.input.array()?).into();
                self.push_long(length)?;
            }
            SHORT_BINBYTES => {
                let length = self.input.byte()?.into();
                self.push_bytes(Node::Bytes, length)?;
            }
            BINBYTES => {
                let length = u32::from_le_bytes(self.input.array()?).into();
                self.push_bytes(Node::Bytes, length)?;
            }
            BINBYTES8 => {
                let length = u64::from_le_bytes(self.input.array()?);
                self.push_bytes(Node::Bytes, length)?;
            }
            BYTEARRAY8 => {
                let length = u64::from_le_bytes(self.input.array()?);
                self.push_bytes(Node::ByteArray, length)?;
            }
            NEXT_BUFFER => self.push_buffer()?,
            READONLY_BUFFER => self.make_buffer_readonly()?,
            SHORT_BINSTRING => {
                let length = self.input.byte()?.into();
                let bytes = self.input.take(length)?;
                self.push_python2(bytes.into())?;
            }
            BINSTRING => {
                let length = u32::from_le_bytes(self.input.array()?).into();
                let bytes = self.input.take(length)?;
                self.push_python2(bytes.into())?;
            }
            INT => match self.input.line()? {
                b"00" => self.push(Node::Bool(false))?,
                b"01" => self.push(Node::Bool(true))?,
                line => self.push_decimal(line)?,
            },
            LONG => {
                let line = self.input.line()?;
                self.push_decimal(line.strip_suffix(b"L").unwrap_or(line))?;
            }
            FLOAT => {
                let number = text::float(self.input.line()?);
                let number = number.ok_or_else(|| self.malformed("not a float"))?;
                self.push_float(number)?;
            }
            STRING => {
                let bytes = text::quoted(self.input.line()?);
                let bytes = bytes.ok_or_else(|| self.malformed("not a quoted str"))?;
                self.push_python2(bytes)?;
            }
            UNICODE => {
                let text = text::raw_unicode_escape(self.input.line()?);
                let text = text.ok_or_else(|| self.malformed("not a raw-unicode-escape"))?;
                self.push_str(text)?;
            }
            PUT => {
                let index = self.index()?;
                self.put(index)?;
            }
            GET => {
                let index = self.index()?;
                self.get(index)?;
            }
            POP if self.stack.len() == self.fence => {
                self.unmark()?;
            }
            POP => {
                self.pop()?;
            }
            POP_MARK => {
                let from = self.unmark()?;
                self.stack.truncate(from);
            }
            DUP => self.push(self.stack[self.above(1)?])?,
            GLOBAL => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                let global = self.global(module, name)?;
                self.push(Node::Global(global))?;
            }
            STACK_GLOBAL => self.stack_global()?,
            REDUCE => self.reduce()?,
            NEWOBJ => self.new_object()?,
            NEWOBJ_EX => self.new_object_ex()?,
            INST => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                let class = Node::Global(self.global(module, name)?);
                let from = self.unmark()?;
                self.instance(class, from)?;
            }
            OBJ => self.old_object()?,
            BUILD => self.build()?,
            PROTO => {
                if self.input.byte()? > 5 {
                    return Err(self.malformed("a protocol later than 5"));
                }
            }
            FRAME => {
                let length = u64::from_le_bytes(self.input.array()?);
                if length > self.input.left() as u64 {
                    return Err(Error::Truncated { offset: self.input.offset() });
                }
            }
            _ => return Err(Error::Opcode { offset: self.opcode, opcode }),
        }
        Ok(())
    }

    /// As the graph keeps it: no pickle is as long as that could not hold.
    fn offset(&self) -> u32 {
        u32::try_from(self.opcode).unwrap_or(u32::MAX)
    }

    fn malformed(&self, reason: &'static str) -> Error {
        Error::Malformed { offset: self.opcode, reason }
    }

    fn too_much(&self, limit: Limit) -> Error {
        Error::TooMuch { offset: self.opcode, limit }
    }
}
