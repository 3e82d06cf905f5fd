//! Fields to bytes and back (QPACK, RFC 9204), without a dynamic table on either side.
//!
//! We announce a table of no bytes, so a client's fields refer to the static table only, and no
//! request waits for another. Ours do so too. What that costs in bytes, it saves in memory that
//! clients could claim.

mod table;

use bytes::{BufMut as _, Bytes, BytesMut};

use super::error::{Code, Fault};
use crate::semantics::huffman;

/// What a field costs beyond its name and value (RFC 9114, 4.2.2).
const OVERHEAD: usize = 32;

/// A field as it came. Its name may be a pseudo one; whether it is valid was not looked at.
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

/// Why fields cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// They are larger than the limit.
    TooLarge,
    /// The compression is broken, and with it the connection.
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

/// The fields of a section, whose size as RFC 9114, 4.2.2 counts it is at most `most`.
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
    /// How large the rest may be.
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

    /// An entry of the static table; `table` is the bit that says so.
    fn entry(&mut self, prefix: u8, table: u8) -> Result<(&'static str, &'static str), Unreadable> {
        let (index, first) = self.integer(prefix)?;
        if first & table == 0 {
            return Err(Unreadable::Broken("a field refers to the dynamic table"));
        }
        let entry = usize::try_from(index).ok().and_then(|index| table::TABLE.get(index));
        entry.copied().ok_or(Unreadable::Broken("a field refers to no entry of the static table"))
    }

    /// A string whose length has `prefix` bits in its first byte; the bit before them says whether
    /// it is compressed.
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
            // Where it filled what is allowed, it was too large rather than broken.
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

    /// An integer with `prefix` bits in its first byte, which comes along (RFC 7541, 5.1).
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

/// The integer at the front, its first byte, and how many bytes it takes. `None` while they are not
/// all there.
fn integer(bytes: &[u8], prefix: u8) -> Result<Option<(u64, u8, usize)>, Unreadable> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let mask = u8::MAX >> (8 - prefix);
    if first & mask < mask {
        return Ok(Some((u64::from(first & mask), first, 1)));
    }
    let mut value = u64::from(mask);
    // Nothing that has a place here needs more than 62 bits (RFC 9204, 4.1.1).
    for (at, byte) in bytes[1..].iter().enumerate().take(9) {
        value += u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((value, first, at + 2)));
        }
    }
    if bytes.len() > 10 { Err(Unreadable::Broken("an integer is too large")) } else { Ok(None) }
}

/// Fields on their way out.
#[derive(Debug)]
pub(crate) struct Encoder {
    out: BytesMut,
}

impl Encoder {
    pub(crate) fn new() -> Encoder {
        let mut out = BytesMut::with_capacity(256);
        // No entry of a dynamic table is needed.
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

/// What a client's encoder may say to a table of no bytes: that it has none (RFC 9204, 4.3.1).
pub(crate) fn check_instructions(bytes: &[u8]) -> Result<(), Fault> {
    const NO_BYTES: u8 = 0x20;
    if bytes.iter().all(|byte| *byte == NO_BYTES) {
        return Ok(());
    }
    Err(Fault::Connection(
        Code::QpackEncoderStream,
        "an entry for the dynamic table, which has no bytes",
    ))
}

/// What a client's decoder may say where no field needs a table: that it gave up a stream (RFC
/// 9204, 4.4.2). `inside` is whether the last bytes ended within such a word.
pub(crate) fn check_feedback(bytes: &[u8], inside: &mut bool) -> Result<(), Fault> {
    for byte in bytes {
        *inside = match (*inside, byte) {
            (true, byte) => byte & 0x80 != 0,
            (false, 0x40..0x80) => byte & 0x3f == 0x3f,
            (false, _) => {
                let why = "the decoder speaks of entries that were never sent";
                return Err(Fault::Connection(Code::QpackDecoderStream, why));
            }
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests;
