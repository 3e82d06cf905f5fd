//! Decodes header blocks a second time (RFC 7541), for what h2 does not report: whether a `:path`
//! has a fragment, which the crate `http` silently drops, and whether trailers have pseudo fields.
//!
//! No text is kept. Of each entry of the dynamic table, only its size and the kind of its field are
//! stored. The table must agree with the table of h2, so a block that cannot be decoded ends the
//! connection, as RFC 7541, 3 requires.

use std::collections::VecDeque;

use crate::semantics::huffman;

/// What a block contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// A pseudo field.
    pub(super) pseudo: bool,
    /// A path with a `#`.
    pub(super) fragment: bool,
}

/// A decoder with its dynamic table.
#[derive(Debug)]
pub(super) struct Fields {
    /// The beginning of a field that is not complete.
    partial: Vec<u8>,
    /// The limit of `partial`.
    max_partial: usize,
    seen: Seen,
    /// The dynamic table, newest entry first.
    entries: VecDeque<Entry>,
    size: usize,
    max_size: usize,
    /// A block could not be decoded, or only one of h2 and this decoder has seen it. Then nothing
    /// more is decoded.
    lost: bool,
    scratch: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Name,
    fragment: bool,
    size: usize,
}

#[derive(Debug, Clone, Copy)]
struct Name {
    kind: Kind,
    len: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Path,
    Pseudo,
    Regular,
}

/// The bytes are not valid HPACK.
#[derive(Debug)]
struct Broken;

/// An encoded string.
struct Text<'a> {
    coded: &'a [u8],
    huffman: bool,
}

/// The size of an entry in addition to its name and value (RFC 7541, 4.1).
const OVERHEAD: usize = 32;

/// The default size of the table (RFC 9113, 6.5.2).
const DEFAULT_TABLE: usize = 4096;

/// The capacity of the buffer that a connection keeps after a block. Most texts need less.
const MAX_SCRATCH: usize = 4096;

impl Fields {
    /// `head` is the limit of a request head, in bytes.
    pub(super) fn new(head: usize) -> Fields {
        Fields {
            partial: Vec::new(),
            // The longest Huffman code encodes one byte in four.
            max_partial: head.saturating_mul(4),
            seen: Seen::default(),
            entries: VecDeque::new(),
            size: 0,
            max_size: DEFAULT_TABLE,
            lost: false,
            scratch: Vec::new(),
        }
    }

    /// Decodes the next bytes of a block. Returns false if a field is longer than a head may be.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> bool {
        if self.lost {
            return true;
        }
        if self.partial.is_empty() {
            let read = self.read(bytes);
            self.partial.extend_from_slice(&bytes[read..]);
        } else {
            let mut partial = std::mem::take(&mut self.partial);
            partial.extend_from_slice(bytes);
            let read = self.read(&partial);
            partial.drain(..read);
            self.partial = partial;
        }
        self.partial.len() <= self.max_partial
    }

    /// Ends the block.
    pub(super) fn end(&mut self) -> Seen {
        // A field is cut off.
        self.lost |= !self.partial.is_empty();
        self.partial = Vec::new();
        if self.scratch.capacity() > MAX_SCRATCH {
            self.scratch = Vec::new();
        }
        std::mem::take(&mut self.seen)
    }

    /// Stops decoding, because h2 and this decoder no longer see the same blocks.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Decodes complete fields, and returns the number of their bytes.
    fn read(&mut self, bytes: &[u8]) -> usize {
        let mut read = 0;
        while read < bytes.len() {
            match self.field(&bytes[read..]) {
                Ok(Some(len)) => read += len,
                Ok(None) => break,
                Err(Broken) => {
                    self.lost = true;
                    return bytes.len();
                }
            }
        }
        read
    }

    /// Decodes one field, or an update of the table size (RFC 7541, 6). `None` if it is not
    /// complete.
    fn field(&mut self, bytes: &[u8]) -> Result<Option<usize>, Broken> {
        let first = bytes[0];
        if first & 0x80 != 0 {
            let Some((index, len)) = integer(bytes, 7)? else { return Ok(None) };
            let (name, fragment) = match index.checked_sub(STATIC + 1) {
                None => (self.name(index)?, false),
                Some(at) => {
                    self.entries.get(at).map(|entry| (entry.name, entry.fragment)).ok_or(Broken)?
                }
            };
            self.add(name, fragment);
            return Ok(Some(len));
        }
        if first & 0xe0 == 0x20 {
            let Some((max_size, len)) = integer(bytes, 5)? else { return Ok(None) };
            self.max_size = max_size;
            self.make_room(0);
            return Ok(Some(len));
        }
        let indexed = first & 0x40 != 0;
        let Some((index, mut len)) = integer(bytes, if indexed { 6 } else { 4 })? else {
            return Ok(None);
        };
        let literal = if index == 0 {
            let Some((text, text_len)) = string(&bytes[len..])? else { return Ok(None) };
            len += text_len;
            Some(text)
        } else {
            None
        };
        let Some((value, value_len)) = string(&bytes[len..])? else { return Ok(None) };
        let name = match literal {
            Some(text) => Name::of(self.decode(&text)?),
            None => self.name(index)?,
        };
        if !indexed && name.kind != Kind::Path {
            self.add(name, false);
            return Ok(Some(len + value_len));
        }
        let value = self.decode(&value)?;
        let fragment = name.kind == Kind::Path && value.contains(&b'#');
        let size = name.len + value.len() + OVERHEAD;
        self.add(name, fragment);
        if indexed {
            self.insert(Entry { name, fragment, size });
        }
        Ok(Some(len + value_len))
    }

    fn add(&mut self, name: Name, fragment: bool) {
        self.seen.pseudo |= name.kind != Kind::Regular;
        self.seen.fragment |= fragment;
    }

    fn name(&self, index: usize) -> Result<Name, Broken> {
        match index.checked_sub(STATIC + 1) {
            Some(at) => self.entries.get(at).map(|entry| entry.name).ok_or(Broken),
            None => {
                let len = usize::from(*NAME_LENGTHS.get(index.wrapping_sub(1)).ok_or(Broken)?);
                let kind = match index {
                    4 | 5 => Kind::Path,
                    ..=14 => Kind::Pseudo,
                    _ => Kind::Regular,
                };
                Ok(Name { kind, len })
            }
        }
    }

    fn decode<'a>(&'a mut self, text: &Text<'a>) -> Result<&'a [u8], Broken> {
        if !text.huffman {
            return Ok(text.coded);
        }
        self.scratch.clear();
        huffman::decode(text.coded, &mut self.scratch, usize::MAX).ok_or(Broken)?;
        Ok(&self.scratch)
    }

    /// Inserts an entry. An entry that is larger than the table empties it (RFC 7541, 4.4).
    fn insert(&mut self, entry: Entry) {
        self.make_room(entry.size);
        if entry.size <= self.max_size {
            self.size += entry.size;
            self.entries.push_front(entry);
        }
    }

    fn make_room(&mut self, size: usize) {
        while self.size.saturating_add(size) > self.max_size
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size -= oldest.size;
        }
    }
}

impl Name {
    fn of(text: &[u8]) -> Name {
        let kind = match text {
            b":path" => Kind::Path,
            [b':', ..] => Kind::Pseudo,
            _ => Kind::Regular,
        };
        Name { kind, len: text.len() }
    }
}

/// An integer with a prefix of `prefix` bits (RFC 7541, 5.1), and the number of its bytes.
fn integer(bytes: &[u8], prefix: u8) -> Result<Option<(usize, usize)>, Broken> {
    let mask = u8::MAX >> (8 - prefix);
    let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
    let mut value = usize::from(first & mask);
    if value < usize::from(mask) {
        return Ok(Some((value, 1)));
    }
    // h2 reads the same number of bytes.
    for (at, byte) in rest.iter().take(4).enumerate() {
        value += usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((value, at + 2)));
        }
    }
    if rest.len() < 4 { Ok(None) } else { Err(Broken) }
}

fn string(bytes: &[u8]) -> Result<Option<(Text<'_>, usize)>, Broken> {
    let Some((len, start)) = integer(bytes, 7)? else { return Ok(None) };
    let coded = bytes.get(start..start + len);
    Ok(coded.map(|coded| (Text { coded, huffman: bytes[0] & 0x80 != 0 }, start + len)))
}

/// The number of entries in the static table (RFC 7541, appendix A).
const STATIC: usize = 61;

/// The lengths of their names.
static NAME_LENGTHS: [u8; STATIC] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, // `:authority` to `:status`
    14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14, 16, 13,
    12, // `accept-charset` to `content-type`
    6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, // `cookie` to `max-forwards`
    18, 19, 5, 7, 7, 11, 6, 10, 25, 17, 10, 4, 3,
    16, // `proxy-authenticate` to `www-authenticate`
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes each block in pieces of every size.
    fn seen(blocks: &[&[u8]]) -> Vec<Seen> {
        let mut all = Vec::new();
        for size in 1..=blocks.iter().map(|block| block.len()).max().unwrap() {
            let mut fields = Fields::new(1000);
            let mut seen = Vec::new();
            for block in blocks {
                assert!(block.chunks(size).all(|piece| fields.feed(piece)));
                seen.push(fields.end());
            }
            assert!(!fields.lost, "{blocks:x?} in pieces of {size}");
            all.push(seen);
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{blocks:x?}");
        all.remove(0)
    }

    fn fragments(blocks: &[&[u8]]) -> Vec<bool> {
        seen(blocks).iter().map(|seen| seen.fragment).collect()
    }

    #[test]
    fn a_fragment_is_found_however_it_is_encoded() {
        assert_eq!(fragments(&[b"\x82\x86\x84"]), [false]);
        assert_eq!(fragments(&[b"\x04\x04/a#b"]), [true]);
        assert_eq!(fragments(&[b"\x15\x04/a#b"]), [true]);
        assert_eq!(fragments(&[b"\x00\x05:path\x04/a#b"]), [true]);
        // `:path` and `/#` in Huffman's code.
        assert_eq!(fragments(&[b"\x00\x84\xb9\x58\xd3\x3f\x83\x63\xfe\xbf"]), [true]);
        // In the dynamic table: by its index, and by the index of its name.
        assert_eq!(
            fragments(&[b"\x44\x02/#", b"\xbe", b"\x7e\x02/a", b"\xbe", b"\xbf"]),
            [true, true, false, false, true]
        );
        // Other fields may contain a `#`.
        assert_eq!(fragments(&[b"\x82\x00\x01x\x02a#", b"\x40\x01x\x02a#", b"\xbe"]), [false; 3]);
    }

    #[test]
    fn entries_without_room_are_evicted() {
        // Two entries of 5 + 2 + 32 bytes fit into 80, three do not.
        let blocks: [&[u8]; 3] = [b"\x3f\x31\x44\x02/#\x44\x02/a\x44\x02/b", b"\xbf", b"\xc0"];
        let mut fields = Fields::new(1000);
        assert!(blocks.iter().take(2).all(|block| fields.feed(block)));
        assert_eq!((fields.entries.len(), fields.lost), (2, false));
        fields.feed(blocks[2]);
        assert!(fields.lost);
        let mut fields = Fields::new(1000);
        fields.feed(b"\x44\x02/#\x20");
        assert_eq!((fields.entries.len(), fields.size), (0, 0));
        // An entry that is too large empties the table.
        let mut fields = Fields::new(1000);
        fields.feed(b"\x3f\x31\x44\x02/a\x44\x50");
        fields.feed(&[b'x'; 0x50]);
        assert_eq!((fields.entries.len(), fields.size), (0, 0));
    }

    #[test]
    fn pseudo_fields_are_recognized() {
        let pseudo = |block: &[u8]| seen(&[block])[0].pseudo;
        for yes in
            [b"\x81".as_slice(), b"\x8e", b"\x01\x01a", b"\x00\x02:x\x01a", b"\x00\x01x\x01a\x82"]
        {
            assert!(pseudo(yes), "{yes:x?}");
        }
        for no in [b"\x8f".as_slice(), b"\xbd", b"\x0f\x00\x01a", b"\x00\x01x\x02:a"] {
            assert!(!pseudo(no), "{no:x?}");
        }
    }

    #[test]
    fn invalid_hpack_ends_the_decoding_and_endless_fields_are_reported() {
        for broken in [b"\x80".as_slice(), b"\xbe", b"\xff\xff\xff\xff\xff\xff", b"\x04\x81\x00"] {
            let mut fields = Fields::new(1000);
            assert!(fields.feed(broken));
            assert!(fields.lost, "{broken:x?}");
            assert_eq!(fields.end(), Seen::default());
            assert!(fields.is_lost());
        }
        let mut cut = Fields::new(1000);
        cut.feed(b"\x04\x02/");
        assert!(!cut.is_lost());
        cut.end();
        assert!(cut.is_lost());
        let mut fields = Fields::new(10);
        assert!(fields.feed(b"\x04\x7f\x80\x10"));
        assert!(!fields.feed(&[b'x'; 40]));
    }

    #[test]
    fn one_large_field_does_not_keep_its_memory() {
        let mut fields = Fields::new(1 << 20);
        // `:path` with 90,000 times `0`, which has five bits of Huffman's code: 56,250 bytes.
        assert!(fields.feed(b"\x04\xff\xbb\xb6\x03") && fields.feed(&[0; 56_250]));
        assert!(fields.scratch.capacity() >= 90_000 && fields.partial.is_empty());
        fields.end();
        assert!(!fields.is_lost());
        assert_eq!(fields.scratch.capacity(), 0);
        assert_eq!(fields.partial.capacity(), 0);
        // A small buffer is kept.
        fields.feed(b"\x00\x84\xb9\x58\xd3\x3f\x83\x63\xfe\xbf");
        fields.end();
        assert!((1..=MAX_SCRATCH).contains(&fields.scratch.capacity()));
    }

    #[test]
    fn the_lengths_of_the_static_table_are_right() {
        let names = "accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age \
            allow authorization cache-control content-disposition content-encoding content-language content-length \
            content-location content-range content-type cookie date etag expect expires from host if-match \
            if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards \
            proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie \
            strict-transport-security transfer-encoding user-agent vary via www-authenticate";
        let lengths: Vec<u8> = names.split_whitespace().map(|name| name.len() as u8).collect();
        assert_eq!(NAME_LENGTHS[14..], lengths);
    }
}
