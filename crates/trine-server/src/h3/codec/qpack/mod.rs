//! Encodes and decodes fields (QPACK, RFC 9204), without a dynamic table on either side. `table` is
//! the static table.
//!
//! We announce an empty table, so the fields of a client refer to the static table only, and no
//! request waits for another. Our own fields do the same. This costs some bytes, but saves memory
//! that clients could claim.

mod table;

use bytes::{BufMut as _, Bytes, BytesMut};

use super::error::{Code, Fault};
use crate::semantics::huffman;

/// The size of a field in addition to its name and value (RFC 9114, 4.2.2).
const OVERHEAD: usize = 32;

/// A decoded field. Its name may be a pseudo name, and was not validated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: Name,
    pub(crate) value: Bytes,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Known(&'static str),
    Other(Bytes),
}

impl Name {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Name::Known(name) => name.as_bytes(),
            Name::Other(name) => name,
        }
    }
}

/// Why fields cannot be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// They are larger than the limit.
    TooLarge,
    /// The compression is invalid, which ends the connection.
    Broken(&'static str),
}

impl From<Unreadable> for Fault {
    fn from(unreadable: Unreadable) -> Fault {
        match unreadable {
            Unreadable::TooLarge => Fault::Stream(Code::ExcessiveLoad, "the fields are too large"),
            Unreadable::Broken(why) => Fault::Connection(Code::QpackDecompression, why),
        }
    }
}

/// Decodes the fields of a section. Their size, as defined by RFC 9114, 4.2.2, is at most `most`.
pub(crate) fn decode(section: Bytes, most: usize) -> Result<Vec<Field>, Unreadable> {
    let mut reader = Reader { bytes: section, left: most };
    let (required, _) = reader.integer(8)?;
    let (_base, _) = reader.integer(7)?;
    if required != 0 {
        return Err(Unreadable::Broken(
            "a field refers to the dynamic table, which has no entries",
        ));
    }
    let mut fields = Vec::new();
    while let Some(first) = reader.bytes.first() {
        let field = match first {
            0x80..=0xff => reader.indexed()?,
            0x40..0x80 => reader.named_by_index()?,
            0x20..0x40 => reader.literal()?,
            0x00..0x20 => return Err(Unreadable::Broken("a field refers to the dynamic table")),
        };
        fields.push(field);
    }
    Ok(fields)
}

struct Reader {
    bytes: Bytes,
    /// The size that the remaining fields may have.
    left: usize,
}

impl Reader {
    fn indexed(&mut self) -> Result<Field, Unreadable> {
        let (name, value) = self.entry(6, 0x40)?;
        self.spend(name.len() + value.len() + OVERHEAD)?;
        Ok(Field { name: Name::Known(name), value: Bytes::from_static(value.as_bytes()) })
    }

    fn named_by_index(&mut self) -> Result<Field, Unreadable> {
        let (name, _) = self.entry(4, 0x10)?;
        self.spend(name.len() + OVERHEAD)?;
        Ok(Field { name: Name::Known(name), value: self.text(7)? })
    }

    fn literal(&mut self) -> Result<Field, Unreadable> {
        self.spend(OVERHEAD)?;
        let name = self.text(3)?;
        Ok(Field { name: Name::Other(name), value: self.text(7)? })
    }

    /// An entry of the static table. The bit `table` distinguishes it from the dynamic table.
    fn entry(&mut self, prefix: u8, table: u8) -> Result<(&'static str, &'static str), Unreadable> {
        let (index, first) = self.integer(prefix)?;
        if first & table == 0 {
            return Err(Unreadable::Broken("a field refers to the dynamic table"));
        }
        let entry = usize::try_from(index).ok().and_then(|index| table::TABLE.get(index));
        entry.copied().ok_or(Unreadable::Broken("a field refers to no entry of the static table"))
    }

    /// A string whose length has a prefix of `prefix` bits. The bit before them says whether it is
    /// compressed.
    fn text(&mut self, prefix: u8) -> Result<Bytes, Unreadable> {
        let (len, first) = self.integer(prefix)?;
        let len = usize::try_from(len).ok().filter(|len| *len <= self.bytes.len());
        let coded = self.bytes.split_to(len.ok_or(CUT_OFF)?);
        if first & 1 << prefix == 0 {
            self.spend(coded.len())?;
            return Ok(coded);
        }
        let mut text = Vec::with_capacity((coded.len() * 8 / 5).min(self.left));
        if huffman::decode(&coded, &mut text, self.left).is_none() {
            // If it filled the limit, it is too large and not invalid.
            let full = text.len() == self.left;
            return Err(if full {
                Unreadable::TooLarge
            } else {
                Unreadable::Broken("a broken Huffman code")
            });
        }
        self.spend(text.len())?;
        Ok(text.into())
    }

    /// An integer with a prefix of `prefix` bits (RFC 7541, 5.1), and its first byte.
    fn integer(&mut self, prefix: u8) -> Result<(u64, u8), Unreadable> {
        let (value, first, taken) = integer(&self.bytes, prefix)?.ok_or(CUT_OFF)?;
        let _ = self.bytes.split_to(taken);
        Ok((value, first))
    }

    fn spend(&mut self, size: usize) -> Result<(), Unreadable> {
        self.left = self.left.checked_sub(size).ok_or(Unreadable::TooLarge)?;
        Ok(())
    }
}

const CUT_OFF: Unreadable = Unreadable::Broken("a field is cut off");

/// The integer at the front, its first byte, and the number of its bytes. `None` if bytes are
/// missing.
fn integer(bytes: &[u8], prefix: u8) -> Result<Option<(u64, u8, usize)>, Unreadable> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let mask = u8::MAX >> (8 - prefix);
    if first & mask < mask {
        return Ok(Some((u64::from(first & mask), first, 1)));
    }
    let mut value = u64::from(mask);
    // No valid integer needs more than 62 bits (RFC 9204, 4.1.1).
    for (at, byte) in bytes[1..].iter().enumerate().take(9) {
        value += u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((value, first, at + 2)));
        }
    }
    if bytes.len() > 10 { Err(Unreadable::Broken("an integer is too large")) } else { Ok(None) }
}

/// An encoder of fields.
#[derive(Debug)]
pub(crate) struct Encoder {
    out: BytesMut,
}

impl Encoder {
    pub(crate) fn new() -> Encoder {
        let mut out = BytesMut::with_capacity(256);
        // The section needs no entry of the dynamic table.
        out.put_slice(&[0, 0]);
        Encoder { out }
    }

    pub(crate) fn field(&mut self, name: &str, value: &[u8]) {
        if let Some(index) = table::find(name, value) {
            return self.integer(0xc0, 6, index);
        }
        match table::find_name(name) {
            Some(index) => self.integer(0x50, 4, index),
            None => {
                self.integer(0x20, 3, name.len());
                self.out.put_slice(name.as_bytes());
            }
        }
        self.integer(0, 7, value.len());
        self.out.put_slice(value);
    }

    pub(crate) fn finish(self) -> Bytes {
        self.out.freeze()
    }

    fn integer(&mut self, bits: u8, prefix: u8, value: usize) {
        let mask = u8::MAX >> (8 - prefix);
        match u8::try_from(value).ok().filter(|value| *value < mask) {
            Some(value) => self.out.put_u8(bits | value),
            None => {
                self.out.put_u8(bits | mask);
                let mut rest = value - usize::from(mask);
                while rest >= 0x80 {
                    self.out.put_u8(0x80 | (rest & 0x7f) as u8);
                    rest >>= 7;
                }
                self.out.put_u8(rest as u8);
            }
        }
    }
}

/// Checks the encoder stream of a client. With an empty table, the only valid instruction sets its
/// capacity to 0 (RFC 9204, 4.3.1).
pub(crate) fn check_instructions(bytes: &[u8]) -> Result<(), Fault> {
    const CAPACITY_0: u8 = 0x20;
    if bytes.iter().all(|byte| *byte == CAPACITY_0) {
        return Ok(());
    }
    Err(Fault::Connection(
        Code::QpackEncoderStream,
        "an instruction for the dynamic table, which is empty",
    ))
}

/// Checks the decoder stream of a client. Without a dynamic table, the only valid instruction
/// cancels a stream (RFC 9204, 4.4.2). `in_instruction` says that the last bytes ended within an
/// instruction.
pub(crate) fn check_feedback(bytes: &[u8], in_instruction: &mut bool) -> Result<(), Fault> {
    for byte in bytes {
        *in_instruction = match (*in_instruction, byte) {
            (true, byte) => byte & 0x80 != 0,
            (false, 0x40..0x80) => byte & 0x3f == 0x3f,
            (false, _) => {
                let why = "the decoder acknowledges entries that were never sent";
                return Err(Fault::Connection(Code::QpackDecoderStream, why));
            }
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests;
