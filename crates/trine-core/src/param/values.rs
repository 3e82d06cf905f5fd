//! All values of one name in a query or in header fields.

use std::borrow::Cow;

use http::HeaderMap;
use percent_encoding::percent_decode;

use super::{Param, ParamLocation, clip, missing};
use crate::Rejection;

/// An iterator over all values of one name in a query or in the header fields, in order.
///
/// ```
/// use trine_core::param::Values;
///
/// let values = Values::new("tag", "tag=a&page=2&tag=b%20c");
/// let texts: Vec<_> = values.map(|value| value.unwrap().value.into_owned()).collect();
/// assert_eq!(texts, ["a", "b c"]);
/// ```
#[derive(Debug, Clone)]
pub struct Values<'a> {
    name: &'a str,
    origin: Origin<'a>,
}

#[derive(Debug, Clone)]
enum Origin<'a> {
    /// The rest of the query.
    Query(&'a str),
    /// The fields, and the number of lines that were returned already.
    Header(&'a HeaderMap, usize),
}

impl<'a> Values<'a> {
    /// The values of `name` in a query, which is encoded as `application/x-www-form-urlencoded`.
    ///
    /// ```
    /// use trine_core::param::Values;
    ///
    /// assert_eq!(Values::new("name", "name=Ann+Lee").one().unwrap().value, "Ann Lee");
    /// assert!(Values::new("page", "page=1&page=2").one().is_err());
    /// ```
    #[must_use]
    pub fn new(name: &'a str, query: &'a str) -> Values<'a> {
        Values { name, origin: Origin::Query(query) }
    }

    /// The values of the header field `name`. Each line is one value.
    #[must_use]
    pub fn of_header(name: &'a str, headers: &'a HeaderMap) -> Values<'a> {
        Values { name, origin: Origin::Header(headers, 0) }
    }

    /// The only value.
    ///
    /// # Errors
    /// A 400 if there is none or more than one.
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

    /// Whether there are no values, or only empty ones, which browsers send for inputs that were
    /// left empty.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.clone().all(|value| value.is_ok_and(|value| value.value.is_empty()))
    }

    fn location(&self) -> ParamLocation {
        match self.origin {
            Origin::Query(_) => ParamLocation::Query,
            Origin::Header(..) => ParamLocation::Header,
        }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<Param<'a>, Rejection>;

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.name;
        let query = match &mut self.origin {
            Origin::Query(query) => query,
            Origin::Header(headers, seen) => {
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

/// Decodes `application/x-www-form-urlencoded` (`+` is a space) like the WHATWG URL standard, but
/// strictly: a `%` that encodes nothing and bytes that are not UTF-8 are refused. The standard
/// would keep the former and replace the latter, and the handler would store both.
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

/// Whether two hexadecimal digits follow each `%` (RFC 3986, 2.1).
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
