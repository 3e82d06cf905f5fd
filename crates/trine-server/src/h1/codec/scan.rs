//! Finds the lines of a head, eight bytes at a time (RFC 9112, sections 3 and 5).
//!
//! The scanner reads from the left and stops at the first invalid byte, so its result does not
//! depend on how the bytes were split into packets. It returns positions in the buffer and copies
//! nothing. It only finds where a name or a value ends; their content is checked later.

use std::ops::Range;

use http::Method;
use smallvec::SmallVec;

use crate::error::RequestError;

/// The first line of a request.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) method: Method,
    pub(crate) target: Range<usize>,
    /// `http::Uri` reads every byte of the target as RFC 3986 does.
    pub(crate) plain: bool,
    /// The version is HTTP/1.0.
    pub(crate) http10: bool,
    /// Where the next line begins.
    pub(crate) end: usize,
}

/// The positions of one field, without the white space around its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    name: (u32, u32),
    value: (u32, u32),
}

pub(crate) type Fields = SmallVec<[Field; 24]>;

impl Field {
    pub(crate) fn name(&self) -> Range<usize> {
        self.name.0 as usize..self.name.1 as usize
    }

    pub(crate) fn value(&self) -> Range<usize> {
        self.value.0 as usize..self.value.1 as usize
    }
}

/// The longest method that is read. Registered methods have at most 17 bytes. A longer method is
/// answered with 501 (RFC 9112, 3).
pub(super) const LONGEST_METHOD: usize = 1024;

/// The request line. `None` if it is not complete and valid so far.
pub(crate) fn line(input: &[u8]) -> Result<Option<Line>, RequestError> {
    if input == b"\r" {
        return Ok(None); // half of an empty line
    }
    let Some((method, start)) = method(input)? else { return Ok(None) };
    let (len, plain) = target_len(&input[start..]);
    let end = start + len;
    let version = match &input[end..] {
        [] => return Ok(None),
        [b' ', version @ ..] if len > 0 => version,
        _ => return Err(RequestError::RequestLine),
    };
    let http10 = match version.first_chunk() {
        Some(b"HTTP/1.1\r\n") => false,
        Some(b"HTTP/1.0\r\n") => true,
        _ => return other_version(version),
    };
    Ok(Some(Line { method, target: start..end, plain, http10, end: end + 1 + 10 }))
}

/// Finds the fields from `start` up to the empty line. Returns the position behind that line, or
/// `None` if it is missing.
#[inline]
pub(crate) fn fields(
    input: &[u8],
    start: usize,
    most: usize,
    out: &mut Fields,
) -> Result<Option<usize>, RequestError> {
    let mut rest = &input[start..];
    loop {
        match rest {
            [b'\r', b'\n', after @ ..] => return Ok(Some(input.len() - after.len())),
            [] | [b'\r'] => return Ok(None),
            [b'\r' | b'\n', ..] => return Err(RequestError::LineEnd),
            _ if out.len() == most => return Err(RequestError::TooManyHeaders),
            _ => {}
        }
        let at = input.len() - rest.len();
        let Some((field, after)) = field(rest, at)? else { return Ok(None) };
        out.push(field);
        rest = after;
    }
}

/// The field at the front of `rest`, and the bytes after its line. `at` is the position of `rest`
/// in the head.
#[inline]
fn field(rest: &[u8], at: usize) -> Result<Option<(Field, &[u8])>, RequestError> {
    let colon = name_len(rest);
    let mut value = match &rest[colon..] {
        [] => return Ok(None),
        [b':', value @ ..] if colon > 0 => value,
        // White space before the colon, or a folded line (RFC 9112, 5.1 and 5.2).
        _ => return Err(RequestError::HeaderName),
    };
    while let [b' ' | b'\t', after @ ..] = value {
        value = after;
    }
    let from = at + rest.len() - value.len();
    let (mut value, end) = value.split_at(value_len(value));
    let after = match end {
        [b'\r', b'\n', after @ ..] => after,
        [] | [b'\r'] => return Ok(None),
        // A bare LF ends the line for some parsers and not for others (RFC 9112, 2.2).
        [b'\n', ..] => return Err(RequestError::LineEnd),
        _ => return Err(RequestError::HeaderValue),
    };
    while let [before @ .., b' ' | b'\t'] = value {
        value = before;
    }
    // The limit of a head is much lower than 4 GiB.
    let range = |from: usize, len: usize| (from as u32, (from + len) as u32);
    Ok(Some((Field { name: range(at, colon), value: range(from, value.len()) }, after)))
}

fn method(input: &[u8]) -> Result<Option<(Method, usize)>, RequestError> {
    match input {
        [b'G', b'E', b'T', b' ', ..] => return Ok(Some((Method::GET, 4))),
        [b'P', b'O', b'S', b'T', b' ', ..] => return Ok(Some((Method::POST, 5))),
        _ => {}
    }
    let end = input.iter().take(LONGEST_METHOD + 1).position(|byte| !is_token(*byte));
    let Some(end) = end else {
        return if input.len() > LONGEST_METHOD {
            Err(RequestError::MethodTooLong)
        } else {
            Ok(None)
        };
    };
    if end == 0 || input[end] != b' ' {
        return Err(RequestError::RequestLine);
    }
    let method = Method::from_bytes(&input[..end]).map_err(|_| RequestError::Method)?;
    Ok(Some((method, end + 1)))
}

/// The bytes of a token (RFC 9110, 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

// This waits for the whole line: the choice of 505 or 400 must not depend on how the bytes were
// split into packets.
#[cold]
fn other_version(version: &[u8]) -> Result<Option<Line>, RequestError> {
    let Some(end) = version.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    match &version[..end] {
        b"HTTP/1.1" | b"HTTP/1.0" => Err(RequestError::LineEnd),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1', ..] => Err(RequestError::LineEnd),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9', b'\r'] => {
            Err(RequestError::Version)
        }
        _ => Err(RequestError::RequestLine),
    }
}

/// The length of the target, which ends at the first space or control character, and whether it is
/// plain. A plain target has no byte that `http::Uri` accepts against RFC 3986, and no fragment,
/// which `http::Uri` would drop silently.
#[inline]
fn target_len(text: &[u8]) -> (usize, bool) {
    let odd = |word: u64| word & HIGH | equal(word, b'\\') | equal(word, b'#');
    let (mut rest, mut seen) = (text, 0);
    while let Some((word, after)) = word(rest) {
        let stop = below(word, 0x21) | equal(word, 0x7f);
        if stop != 0 {
            let before = first(stop);
            let kept = if before == 0 { 0 } else { word << (64 - 8 * before) };
            return (text.len() - rest.len() + before, (seen | odd(kept)) == 0);
        }
        seen |= odd(word);
        rest = after;
    }
    let len = rest.iter().position(|byte| matches!(byte, 0..=0x20 | 0x7f)).unwrap_or(rest.len());
    let plain = rest[..len].iter().all(|byte| byte.is_ascii() && !matches!(byte, b'\\' | b'#'));
    (text.len() - rest.len() + len, seen == 0 && plain)
}

/// The length up to the first colon, white space or control character. [`name`](super::name) checks
/// the bytes before it.
#[inline]
fn name_len(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, after)) = word(rest) {
        let stop = equal(word, b':') | below(word, 0x21);
        if stop != 0 {
            return text.len() - rest.len() + first(stop);
        }
        rest = after;
    }
    let len = rest.iter().position(|byte| matches!(byte, b':' | 0..=0x20)).unwrap_or(rest.len());
    text.len() - rest.len() + len
}

/// The length up to the first byte that is not allowed in a value (RFC 9110, 5.5).
#[inline]
fn value_len(text: &[u8]) -> usize {
    let mut rest = text;
    // Most values are long and contain no tab. The compiler checks these blocks with vector
    // instructions.
    while let Some((block, after)) = rest.split_first_chunk::<16>() {
        if block.iter().fold(false, |found, byte| found | (*byte < 0x20) | (*byte == 0x7f)) {
            break;
        }
        rest = after;
    }
    while let Some((word, after)) = word(rest) {
        let stop = below(word, 0x20) | equal(word, 0x7f);
        if stop == 0 {
            rest = after;
            continue;
        }
        rest = &rest[first(stop)..];
        match rest {
            [b'\t', after @ ..] => rest = after,
            _ => return text.len() - rest.len(),
        }
    }
    let stop = |byte: &u8| matches!(byte, 0..=8 | 10..=0x1f | 0x7f);
    text.len() - rest.len() + rest.iter().position(stop).unwrap_or(rest.len())
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Eight bytes, the first of them in the lowest bits, and the bytes after them.
#[inline]
fn word(input: &[u8]) -> Option<(u64, &[u8])> {
    let (word, after) = input.split_first_chunk()?;
    Some((u64::from_le_bytes(*word), after))
}

/// Sets the high bit of each byte that is less than `limit`, which is at most 128. A borrow may
/// also set the high bit of later bytes. The lowest set bit is always right, and so is whether
/// there is one.
#[inline]
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGH
}

/// Sets the high bit of each byte that equals `byte`, with the same exception as [`below`].
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * u64::from(byte)), 1)
}

/// The index of the lowest marked byte.
#[inline]
fn first(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}
