//! All values of one name.

use std::borrow::Cow;

use http::HeaderMap;
use percent_encoding::percent_decode;

use super::{Param, ParamLocation, clip, missing};
use crate::Rejection;

/// All values of one name in a query or in the header fields, in order.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    name: &'a str,
    source: Source<'a>,
}

#[derive(Debug, Clone)]
enum Source<'a> {
    /// What is left of the query.
    Query(&'a str),
    /// The fields, and how many lines of this one were handed out.
    Header(&'a HeaderMap, usize),
}

impl<'a> Values<'a> {
    /// The values of `name` in `query`, which is percent-encoded as browsers do.
    #[must_use]
    pub fn new(name: &'a str, query: &'a str) -> Values<'a> {
        Values { name, source: Source::Query(query) }
    }

    /// The values of the header fields called `name`: each line is one.
    #[must_use]
    pub fn of_header(name: &'a str, headers: &'a HeaderMap) -> Values<'a> {
        Values { name, source: Source::Header(headers, 0) }
    }

    /// The one value.
    ///
    /// # Errors
    /// A 400 where there is none or more than one.
    pub fn one(mut self) -> Result<Param<'a>, Rejection> {
        let (name, location) = (self.name, self.location());
        let first = self.next().ok_or_else(|| missing(location, name).absent())??;
        match self.count() {
            0 => Ok(first),
            more => {
                let message = format!("expected one value, got {}", more + 1);
                Err(location.refuse(name, "duplicate", &message).into())
            }
        }
    }

    /// Whether nothing came but, perhaps, empty text: browsers send that for inputs that nobody
    /// touched.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.clone().all(|value| value.is_ok_and(|value| value.value.is_empty()))
    }

    fn location(&self) -> ParamLocation {
        match self.source {
            Source::Query(_) => ParamLocation::Query,
            Source::Header(..) => ParamLocation::Header,
        }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<Param<'a>, Rejection>;

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.name;
        let query = match &mut self.source {
            Source::Query(query) => query,
            Source::Header(headers, seen) => {
                let line = headers.get_all(name).iter().nth(*seen)?;
                *seen += 1;
                return Some(match std::str::from_utf8(line.as_bytes()) {
                    Ok(text) => Ok(Param {
                        name,
                        location: ParamLocation::Header,
                        value: Cow::Borrowed(text),
                    }),
                    Err(_) => {
                        Err(ParamLocation::Header.refuse(name, "encoding", "expected UTF-8").into())
                    }
                });
            }
        };
        while !query.is_empty() {
            let (pair, rest) = query.split_once('&').unwrap_or((query, ""));
            *query = rest;
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key == name || decode(key).is_some_and(|key| key == name) {
                return Some(match decode(value) {
                    Some(value) => Ok(Param { name, location: ParamLocation::Query, value }),
                    None => Err(not_utf8(name, value)),
                });
            }
        }
        None
    }
}

/// `application/x-www-form-urlencoded` as the WHATWG URL standard reads it (`+` is a space), but
/// strictly: neither is a `%` kept that encodes nothing, nor does U+FFFD stand for what is no
/// UTF-8. The handler would store both.
#[doc(hidden)]
#[must_use]
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Some(Cow::Borrowed(text));
    }
    if !is_encoded(text) {
        return None;
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().ok()?;
    Some(Cow::Owned(decoded.into_owned()))
}

// RFC 3986 section 2.1: two hexadecimal digits follow each `%`.
#[doc(hidden)]
#[must_use]
pub fn is_encoded(text: &str) -> bool {
    let mut after = text.split('%').skip(1);
    after.all(|part| {
        part.as_bytes().get(..2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cold]
fn not_utf8(name: &str, value: &str) -> Rejection {
    let message = format!("expected percent-encoded UTF-8, got `{}`", clip(value));
    ParamLocation::Query.refuse(name, "encoding", &message).into()
}
