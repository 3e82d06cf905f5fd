//! The value of `Location`: what `Created` and `Redirect` share.

use std::panic::Location;

use http::{HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use trine_core::{Cx, IntoResponse, Problem, Response};

use crate::link::{Link, Links};

/// Where [`Redirect`](crate::Redirect) and [`Created`](crate::Created) point: a text, or a [`Link`]
/// to a handler.
///
/// ```
/// use trine::prelude::*;
///
/// #[get("/users/{id}")]
/// async fn user(id: u64) {}
///
/// let by_link = Redirect::to(user::uri(7));
/// let by_text = Redirect::to("https://example.com/");
/// ```
///
/// A link needs the request, so the answer has to pass a handler, an extractor or middleware of an
/// application: one that a foreign service gives has no `Location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A URI or a reference.
    Text(String),
    /// A handler; the text is made when the answer leaves the handler that gave it.
    Link(Link),
}

impl<T: Into<String>> From<T> for Target {
    fn from(text: T) -> Target {
        Target::Text(text.into())
    }
}

impl From<Link> for Target {
    fn from(link: Link) -> Target {
        Target::Link(link)
    }
}

/// A link that waits for the request to be known.
#[derive(Clone)]
struct Pending(Link, Written);

/// Where an answer with a target was written: two that differ in nothing else are equal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written(pub(super) &'static Location<'static>);

impl PartialEq for Written {
    fn eq(&self, _: &Written) -> bool {
        true
    }
}

impl Eq for Written {}

impl Target {
    /// Sets `Location` of a response.
    pub(super) fn locate(self, mut response: Response, written: Written) -> Response {
        match self {
            Target::Link(link) => {
                response.extensions_mut().insert(Pending(link, written));
                response
            }
            Target::Text(text) => match location(&text) {
                Ok(value) => {
                    response.headers_mut().insert(header::LOCATION, value);
                    response
                }
                Err(mistake) => {
                    let Written(at) = written;
                    let detail = format!("`Location` of {}:{}: {mistake}", at.file(), at.line());
                    Problem::internal(detail).came_from(at, None).into_response()
                }
            },
        }
    }
}

/// Sets `Location` where a link waits for it.
pub(crate) fn locate_pending(mut response: Response, cx: &Cx) -> Response {
    match response.extensions_mut().remove() {
        None => response,
        Some(Pending(link, written)) => match Links::of(cx).to(link) {
            Ok(href) => Target::Text(href.into()).locate(response, written),
            Err(problem) => problem.came_from(written.0, None).into_response(),
        },
    }
}

fn location(target: &str) -> Result<HeaderValue, String> {
    HeaderValue::try_from(uri(target)?).map_err(|error| error.to_string())
}

/// A URI or a reference, whose spaces and other letters are percent-encoded as a browser would.
///
/// Control characters are refused: they are never meant, and a line break in them would start a
/// header field of whoever wrote the target. So is a host that is none: percent-encoding it would
/// name another one.
pub(crate) fn uri(target: &str) -> Result<String, String> {
    let got = target.escape_debug();
    if let Some(at) = target.find(|c: char| c.is_ascii_control()) {
        return Err(format!("expected a URI, got `{got}` with a control character at offset {at}"));
    }
    let (authority, rest) = target.split_at(end_of_authority(target));
    let host = authority.rsplit(['/', '@']).next().unwrap_or_default();
    if !host.is_ascii() {
        return Err(format!(
            "the host of `{got}` is not ASCII: a URI has it in its other form, `xn--…`, which a browser shows where its \
             address is copied, and the crate `idna` makes"
        ));
    }
    // Browsers end the authority at a backslash, and others do not: the two would go to different
    // places.
    let wrong = authority.bytes().find(|byte| *byte == b'\\');
    let is_wrong = |byte: &u8| !byte.is_ascii_alphanumeric() && !IN_HOST.contains(byte);
    if let Some(wrong) = wrong.or_else(|| host.bytes().find(is_wrong)) {
        return Err(format!("the host of `{got}` has a `{}`", char::from(wrong)));
    }
    let mut text = String::with_capacity(target.len());
    let (before_host, host) = authority.split_at(authority.len() - host.len());
    encode(before_host, &mut text);
    text.push_str(host);
    match rest.split_once('#') {
        None => encode(rest, &mut text),
        Some((before, fragment)) => {
            encode(before, &mut text);
            text.push('#');
            encode(fragment, &mut text);
        }
    }
    Ok(text)
}

/// Behind `https://user@example.com:80` or `//example.com`; 0 where a target has no authority (RFC
/// 3986, 3).
fn end_of_authority(target: &str) -> usize {
    let scheme = target.find(':').filter(|&at| {
        let name = &target.as_bytes()[..at];
        name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
    });
    let start = scheme.map_or(0, |at| at + 1);
    match target[start..].strip_prefix("//") {
        None => 0,
        Some(rest) => target.len() - rest.len() + rest.find(['/', '?', '#']).unwrap_or(rest.len()),
    }
}

/// Encodes what no part of a URI holds. What is encoded already stays; a `%` that encodes nothing
/// is one itself.
fn encode(text: &str, to: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        to.extend(utf8_percent_encode(&rest[..at], NOT_IN_URI));
        let encodes = rest.as_bytes().get(at + 1..at + 3);
        let encodes = encodes.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        to.push_str(if encodes { "%" } else { "%25" });
        rest = &rest[at + 1..];
    }
    to.extend(utf8_percent_encode(rest, NOT_IN_URI));
}

// RFC 3986, 3.2: what a name, an address, its brackets and a port have beside letters and digits.
const IN_HOST: &[u8] = b"-._~%!$&'()*+,;=:[]";

const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn encodes_what_a_uri_cannot_hold_and_nothing_else() {
        for (target, expected) in [
            ("/a%20b?c=d#e", "/a%20b?c=d#e"),
            ("https://[::1]/ä b", "https://[::1]/%C3%A4%20b"),
            ("https://[::1]:80/", "https://[::1]:80/"),
            ("/100%", "/100%25"),
            ("/100%/%4", "/100%25/%254"),
            ("/50%ä?a=%zz", "/50%25%C3%A4?a=%25zz"),
            ("/a[0]?b[]=c", "/a%5B0%5D?b%5B%5D=c"),
            ("#a#b", "#a%23b"),
            ("/a?b=c?d/e", "/a?b=c?d/e"),
            ("//example.com/ä", "//example.com/%C3%A4"),
            ("/\\evil.example", "/%5Cevil.example"),
            ("https://xn--mnchen-3ya.example/ü", "https://xn--mnchen-3ya.example/%C3%BC"),
            ("https://us er:ü@example.com", "https://us%20er:%C3%BC@example.com"),
            ("https://example.com?ü", "https://example.com?%C3%BC"),
            ("mailto:ann@münchen.example", "mailto:ann@m%C3%BCnchen.example"),
            ("app+x://open?to=ü", "app+x://open?to=%C3%BC"),
            ("ü://x", "%C3%BC://x"),
            ("", ""),
        ] {
            assert_eq!(uri(target).as_deref(), Ok(expected), "{target}");
        }
    }

    #[test]
    fn refuses_control_characters() {
        let mistake = uri("/\r\nset-cookie: a=b").unwrap_err();
        assert!(mistake.contains(r"`/\r\nset-cookie: a=b`"), "{mistake}");
    }

    /// It was percent-encoded, and named another host then.
    #[test]
    fn refuses_a_host_that_is_none() {
        for target in
            ["https://münchen.example/", "//münchen.example", "https://u@münchen.example:80/"]
        {
            let mistake = uri(target).unwrap_err();
            assert!(mistake.contains(target) && mistake.contains("`xn--…`"), "{mistake}");
        }
        for (target, wrong) in [
            ("https://exam ple/", ' '),
            ("https://good.example\\@evil.example/", '\\'),
            ("//a{b}/", '{'),
            ("https://a|b", '|'),
        ] {
            let mistake = uri(target).unwrap_err();
            assert!(mistake.ends_with(&format!("has a `{wrong}`")), "{mistake}");
        }
    }
}
