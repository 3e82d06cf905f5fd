//! The grammar of `Forwarded` (RFC 7239, 4). The parser is strict about quotes: see
//! [`super::forwarded`] for the reason.

use std::borrow::Cow;

use super::{Hop, address, secure};

/// The elements of a line. `None` if any of them is malformed.
pub(super) fn line(mut rest: &[u8]) -> Option<Vec<Hop<'_>>> {
    let mut hops = Vec::new();
    loop {
        let (hop, behind) = element(rest)?;
        hops.extend(hop);
        match behind.split_first() {
            Some((_comma, more)) => rest = more,
            None => return Some(hops),
        }
    }
}

/// One element: the pairs up to a comma or the end of the line, and the rest of the line. An
/// element without pairs is skipped, as in every list (RFC 9110, 5.6.1.2).
fn element(mut rest: &[u8]) -> Option<(Option<Hop<'_>>, &[u8])> {
    let (mut client, mut proto, mut host, mut empty) = (None, None, None, true);
    loop {
        rest = rest.trim_ascii_start();
        if !matches!(rest.first(), None | Some(b',' | b';')) {
            let (name, value, behind) = pair(rest)?;
            let known = match name.to_ascii_lowercase().as_slice() {
                b"for" => Some(&mut client),
                b"proto" => Some(&mut proto),
                b"host" => Some(&mut host),
                _ => None,
            };
            // A name may occur only once in an element.
            if known.is_some_and(|known| known.replace(value).is_some()) {
                return None;
            }
            rest = behind.trim_ascii_start();
            empty = false;
        }
        match rest.split_first() {
            Some((b';', more)) => rest = more,
            Some((b',', _)) | None => break,
            Some(_) => return None,
        }
    }
    let hop = Hop {
        address: client.as_deref().and_then(address),
        secure: proto.as_deref().and_then(secure),
        host,
    };
    Some((Some(hop).filter(|_| !empty), rest))
}

/// The name and the value of `name=value` or `name="value"`, and the rest of the line.
fn pair(text: &[u8]) -> Option<(&[u8], Cow<'_, str>, &[u8])> {
    let equals = text.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
    let (name, value) = (&text[..equals], &text[equals + 1..]);
    if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)) {
        return None;
    }
    let (value, behind) = match value.strip_prefix(b"\"") {
        Some(quoted) => unquote(quoted)?,
        None => bare(value)?,
    };
    Some((name, value, behind))
}

/// A value without quotes: a token, or a value that many proxies leave unquoted although the
/// grammar requires quotes, such as `[::1]` or `1.2.3.4:80`.
fn bare(text: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let end = text.iter().position(|byte| b",; \t".contains(byte)).unwrap_or(text.len());
    let (value, behind) = text.split_at(end);
    let plain = !value.is_empty()
        && value.iter().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(byte));
    let value = str::from_utf8(value).ok().filter(|_| plain)?;
    Some((Cow::Borrowed(value), behind))
}

/// The rest of a quoted string, up to the closing quote.
fn unquote(text: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let mut plain = Vec::new();
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                let value = String::from_utf8(plain).ok()?;
                return Some((Cow::Owned(value), &text[at + 1..]));
            }
            b'\\' => plain.push(*bytes.next()?.1),
            byte => plain.push(*byte),
        }
    }
    None
}
