//! serde's side of writing.

mod compound;

use std::fmt;

use serde::ser::{Serialize, Serializer};

use crate::opcode::*;
use crate::writer::Writer;
use crate::{Error, Protocol, form};
pub(crate) use compound::Compound;

/// Writes one value of a pickle. [`Encoder::write_with`](crate::Encoder::write_with) makes it.
// In a form of `crate::form`, if it has one.
pub struct Pickler<'w, 'o> {
    writer: &'w mut Writer<'o>,
    form: &'static str,
}

/// What was written so far is not shown.
impl fmt::Debug for Pickler<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serializer").finish_non_exhaustive()
    }
}

impl<'w, 'o> Pickler<'w, 'o> {
    pub(crate) fn new(writer: &'w mut Writer<'o>) -> Self {
        Self { writer, form: "" }
    }

    /// Begins what ends with those opcodes.
    fn open(self, opcodes: &[u8], end: &'static [u8]) -> Result<Compound<'w, 'o>, Error> {
        self.writer.out.extend_from_slice(opcodes);
        Ok(Compound { writer: self.writer, end })
    }

    fn sequence(self) -> Result<Compound<'w, 'o>, Error> {
        let has_sets = self.writer.has_4();
        match self.form {
            form::TUPLE => self.open(b"(", b"t"),
            form::SET if has_sets => self.open(b"\x8f(", b"\x90"),
            form::SET => self.open(b"c__builtin__\nset\n](", b"e\x85R"),
            form::FROZEN_SET if has_sets => self.open(b"(", b"\x91"),
            form::FROZEN_SET => self.open(b"c__builtin__\nfrozenset\n](", b"e\x85R"),
            form::CALL => self.open(b"(", b"tR"),
            form::NEW => self.open(b"(", b"t\x81"),
            form::ITEMS => self.open(b"(", b"e"),
            _ => self.open(b"](", b"e"),
        }
    }

    fn number(self, number: i128) -> Result<(), Error> {
        match i64::try_from(number) {
            Ok(number) => {
                self.writer.int(number);
                Ok(())
            }
            Err(_) => self.writer.long(&number.to_le_bytes()),
        }
    }

    fn code(self, opcode: u8) -> Result<(), Error> {
        self.writer.out.push(opcode);
        Ok(())
    }
}

impl<'w, 'o> Serializer for Pickler<'w, 'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Compound<'w, 'o>;
    type SerializeTuple = Compound<'w, 'o>;
    type SerializeTupleStruct = Compound<'w, 'o>;
    type SerializeTupleVariant = Compound<'w, 'o>;
    type SerializeMap = Compound<'w, 'o>;
    type SerializeStruct = Compound<'w, 'o>;
    type SerializeStructVariant = Compound<'w, 'o>;

    fn serialize_bool(self, yes: bool) -> Result<(), Error> {
        self.code(if yes { NEWTRUE } else { NEWFALSE })
    }

    fn serialize_i8(self, number: i8) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }

    fn serialize_i16(self, number: i16) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }

    fn serialize_i32(self, number: i32) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }

    #[inline]
    fn serialize_i64(self, number: i64) -> Result<(), Error> {
        self.writer.int(number);
        Ok(())
    }

    fn serialize_i128(self, number: i128) -> Result<(), Error> {
        self.number(number)
    }

    fn serialize_u8(self, number: u8) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }

    fn serialize_u16(self, number: u16) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }

    fn serialize_u32(self, number: u32) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }

    fn serialize_u64(self, number: u64) -> Result<(), Error> {
        self.number(number.into())
    }

    fn serialize_u128(self, number: u128) -> Result<(), Error> {
        match i128::try_from(number) {
            Ok(number) => self.number(number),
            Err(_) => {
                let mut bytes = [0; 17];
                bytes[..16].copy_from_slice(&number.to_le_bytes());
                self.writer.long(&bytes)
            }
        }
    }

    fn serialize_f32(self, number: f32) -> Result<(), Error> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        self.writer.float(number);
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), Error> {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), Error> {
        if self.form == form::GLOBAL {
            let (module, name) = text.split_once(':').unwrap_or_default();
            return self.writer.name(module, name);
        }
        self.writer.str(text.as_bytes())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        match self.form {
            form::INTEGER => self.writer.long(bytes),
            form::SURROGATES => self.writer.str(bytes),
            form::BYTE_ARRAY => self.writer.bytearray(bytes),
            _ => self.writer.bytes(bytes),
        }
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.code(NONE)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        if self.form == form::BUFFER {
            return self.writer.next_buffer();
        }
        self.code(NONE)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.code(NONE)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.writer.static_name(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let form = if name.starts_with(form::PREFIX) { name } else { "" };
        value.serialize(Pickler { writer: self.writer, form })?;
        if form == form::STATE {
            self.writer.out.push(BUILD);
        }
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.writer.out.push(EMPTY_DICT);
        self.writer.static_name(variant)?;
        value.serialize(Pickler::new(self.writer))?;
        self.writer.out.push(SETITEM);
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'w, 'o>, Error> {
        if length == Some(0) && self.form.is_empty() {
            self.open(b"]", b"")
        } else {
            self.sequence()
        }
    }

    fn serialize_tuple(self, length: usize) -> Result<Compound<'w, 'o>, Error> {
        match (self.form, length) {
            (form::COMPLEX, 2) => {
                self.writer.name("builtins", "complex")?;
                self.open(b"", b"\x86R")
            }
            ("", 0) => self.open(b")", b""),
            ("", 1) => self.open(b"", b"\x85"),
            ("", 2) => self.open(b"", b"\x86"),
            ("", 3) => self.open(b"", b"\x87"),
            ("", _) => self.open(b"(", b"t"),
            _ => self.sequence(),
        }
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Compound<'w, 'o>, Error> {
        // An object's fields are opcodes that follow each other.
        if name == form::OBJECT { self.open(b"", b"") } else { self.serialize_tuple(length) }
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'o>, Error> {
        self.writer.out.push(EMPTY_DICT);
        self.writer.static_name(variant)?;
        self.open(b"(", b"ts")
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'w, 'o>, Error> {
        match (self.form, length) {
            (form::PAIRS, _) => self.open(b"(", b"u"),
            (form::KWARGS, _) if self.writer.protocol == Protocol::V2 => {
                Err(Error::Unwritable("an object with arguments by keywords needs protocol 4"))
            }
            (form::KWARGS, _) => self.open(b"}(", b"u\x92"),
            (_, Some(0)) => self.open(b"}", b""),
            _ => self.open(b"}(", b"u"),
        }
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Compound<'w, 'o>, Error> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w, 'o>, Error> {
        self.writer.out.push(EMPTY_DICT);
        self.writer.static_name(variant)?;
        self.open(b"}(", b"us")
    }
}
