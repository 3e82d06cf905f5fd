//! The request that was sent, as a failed expectation shows it.

use std::fmt::{Display, Formatter};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

/// A request as it was sent; the last one if redirects were followed.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) headers: HeaderMap,
    /// `None` for a streamed body.
    pub(super) body: Option<Bytes>,
    /// The route that it matched, with its handler and location, if they are known.
    pub(super) route: Option<String>,
    /// The redirects that were followed before.
    pub(super) hops: Vec<String>,
}

impl Display for Sent {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for hop in &self.hops {
            writeln!(f, "{hop}")?;
        }
        writeln!(f, "{} {}", self.method, self.target)?;
        show_headers(&self.headers, f)?;
        match &self.body {
            None => writeln!(f, "(a streamed body)")?,
            Some(body) if body.is_empty() => {}
            Some(body) => show_body(body, f)?,
        }
        match &self.route {
            Some(route) => writeln!(f, "\nroute: {route}\n"),
            None => writeln!(f),
        }
    }
}

pub(super) fn show_headers(headers: &HeaderMap, f: &mut Formatter<'_>) -> std::fmt::Result {
    for (name, value) in headers {
        writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
    }
    Ok(())
}

/// The maximum number of bytes of a body that are shown.
const SHOWN: usize = 4000;

pub(super) fn show_body(body: &[u8], f: &mut Formatter<'_>) -> std::fmt::Result {
    match std::str::from_utf8(body) {
        Ok("") => writeln!(f, "(no body)"),
        Ok(text) if text.len() <= SHOWN => writeln!(f, "\n{text}"),
        Ok(text) => {
            writeln!(f, "\n{}… ({} bytes)", &text[..text.floor_char_boundary(SHOWN)], text.len())
        }
        Err(_) => writeln!(f, "({} bytes that are not text)", body.len()),
    }
}
