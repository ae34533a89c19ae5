//! The opcodes of single values, as each protocol has them.

use crate::integer::shortest;
use crate::names::Names;
use crate::opcode::*;
use crate::{Error, Protocol};

pub(crate) struct Writer<'o> {
    pub(crate) out: &'o mut Vec<u8>,
    pub(crate) protocol: Protocol,
    pub(crate) names: Names,
}

impl<'o> Writer<'o> {
    pub(crate) fn begin(out: &'o mut Vec<u8>, protocol: Protocol) -> Self {
        out.extend([PROTO, protocol.number()]);
        Self { out, protocol, names: Names::default() }
    }

    pub(crate) fn stop(self) {
        self.out.push(STOP);
    }

    #[inline]
    pub(crate) fn int(&mut self, number: i64) {
        if let Ok(a) = u8::try_from(number) {
            self.out.extend_from_slice(&[BININT1, a]);
        } else if let Ok(two) = u16::try_from(number) {
            let [a, b] = two.to_le_bytes();
            self.out.extend_from_slice(&[BININT2, a, b]);
        } else if let Ok(four) = i32::try_from(number) {
            self.counted(BININT, four.to_le_bytes());
        } else {
            // Python writes fewer bytes where fewer are enough, but reads these.
            self.out.extend_from_slice(&[LONG1, 8]);
            self.out.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Of little-endian two's complement.
    pub(crate) fn long(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let bytes = shortest(bytes);
        match (u8::try_from(bytes.len()), i32::try_from(bytes.len())) {
            (Ok(length), _) => self.out.extend_from_slice(&[LONG1, length]),
            (_, Ok(length)) => self.counted(LONG4, length.to_le_bytes()),
            _ => return Err(Error::Unwritable("an int of 2 GiB")),
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn float(&mut self, number: f64) {
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        self.out.extend_from_slice(&[BINFLOAT, a, b, c, d, e, f, g, h]);
    }

    /// Of UTF-8, in which there may be surrogates.
    #[inline]
    pub(crate) fn str(&mut self, text: &[u8]) -> Result<(), Error> {
        match (u8::try_from(text.len()), u32::try_from(text.len())) {
            (Ok(length), _) if self.has_4() => {
                self.out.extend_from_slice(&[SHORT_BINUNICODE, length]);
            }
            (_, Ok(length)) => self.counted(BINUNICODE, length.to_le_bytes()),
            _ if self.has_4() => self.counted8(BINUNICODE8, text.len()),
            _ => return Err(Error::Unwritable("a str of 4 GiB needs protocol 4")),
        }
        self.out.extend_from_slice(text);
        Ok(())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if !self.has_4() {
            // What Python 3 writes for Python 2.
            self.out.extend_from_slice(b"c_codecs\nencode\n");
            self.latin1(bytes)?;
            self.str(b"latin1")?;
            self.out.extend([TUPLE2, REDUCE]);
            return Ok(());
        }
        match (u8::try_from(bytes.len()), u32::try_from(bytes.len())) {
            (Ok(length), _) => self.out.extend_from_slice(&[SHORT_BINBYTES, length]),
            (_, Ok(length)) => self.counted(BINBYTES, length.to_le_bytes()),
            _ => self.counted8(BINBYTES8, bytes.len()),
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn bytearray(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.protocol == Protocol::V5 {
            self.counted8(BYTEARRAY8, bytes.len());
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        self.name("builtins", "bytearray")?;
        self.bytes(bytes)?;
        self.out.extend([TUPLE1, REDUCE]);
        Ok(())
    }

    /// What is beside the pickle.
    pub(crate) fn next_buffer(&mut self) -> Result<(), Error> {
        if self.protocol < Protocol::V5 {
            return Err(Error::Unwritable("a buffer beside the pickle needs protocol 5"));
        }
        self.out.push(NEXT_BUFFER);
        Ok(())
    }

    /// A class or a function.
    pub(crate) fn name(&mut self, module: &str, name: &str) -> Result<(), Error> {
        if self.has_4() {
            self.str(module.as_bytes())?;
            self.str(name.as_bytes())?;
            self.out.push(STACK_GLOBAL);
            return Ok(());
        }
        if name.contains('.') {
            return Err(Error::Unwritable("a class within a class, before protocol 4"));
        }
        // As either Python finds it: Python 3 knows the old names.
        let module = match module {
            "builtins" => "__builtin__",
            "copyreg" => "copy_reg",
            other => other,
        };
        self.out.push(GLOBAL);
        for line in [module, name] {
            if line.contains('\n') {
                return Err(Error::Unwritable("the name of a class with a newline in it"));
            }
            self.out.extend_from_slice(line.as_bytes());
            self.out.push(b'\n');
        }
        Ok(())
    }

    /// A str whose characters stand for bytes.
    fn latin1(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
        let length = u32::try_from(bytes.len() + high)
            .map_err(|_| Error::Unwritable("bytes of 4 GiB need protocol 4"))?;
        self.counted(BINUNICODE, length.to_le_bytes());
        self.out.reserve(bytes.len() + high);
        for run in bytes.chunk_by(|one, other| one.is_ascii() == other.is_ascii()) {
            if run[0].is_ascii() {
                self.out.extend_from_slice(run);
            } else {
                self.out.extend(run.iter().flat_map(|byte| [0xc0 | byte >> 6, 0x80 | byte & 0x3f]));
            }
        }
        Ok(())
    }

    #[inline]
    fn counted(&mut self, opcode: u8, [a, b, c, d]: [u8; 4]) {
        self.out.extend_from_slice(&[opcode, a, b, c, d]);
    }

    fn counted8(&mut self, opcode: u8, count: usize) {
        self.out.push(opcode);
        self.out.extend_from_slice(&(count as u64).to_le_bytes());
    }

    pub(crate) fn has_4(&self) -> bool {
        self.protocol >= Protocol::V4
    }
}
