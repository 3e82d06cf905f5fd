//! The value of `Location`: what `Created` and `Redirect` share.

use std::borrow::Cow;

use http::{HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use trine_core::{Cx, IntoResponse, Problem, Response};

use crate::link::{Link, Links};

/// Where [`Redirect`](crate::Redirect) and [`Created`](crate::Created) point: a text, or a [`Link`] to a handler.
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
/// A link needs the request, so the answer has to pass a handler, an extractor or middleware of an application: one that a
/// foreign service gives has no `Location`.
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
struct Pending(Link);

impl Target {
    /// Sets `Location` of a response.
    pub(super) fn locate(self, mut response: Response) -> Response {
        match self {
            Target::Link(link) => {
                response.extensions_mut().insert(Pending(link));
                response
            }
            Target::Text(text) => match location(&text) {
                Ok(value) => {
                    response.headers_mut().insert(header::LOCATION, value);
                    response
                }
                Err(problem) => problem.into_response(),
            },
        }
    }
}

/// Sets `Location` where a link waits for it.
pub(crate) fn locate_pending(mut response: Response, cx: &Cx) -> Response {
    match response.extensions_mut().remove() {
        None => response,
        Some(Pending(link)) => match Links::of(cx).to(link) {
            Ok(href) => Target::Text(href.into()).locate(response),
            Err(problem) => problem.into_response(),
        },
    }
}

/// A URI or a reference, whose spaces and other letters are percent-encoded as a browser would.
///
/// Control characters are refused: they are never meant, and a line break in them would start a header field of
/// whoever wrote the target.
fn location(target: &str) -> Result<HeaderValue, Problem> {
    if let Some(at) = target.find(|c: char| c.is_ascii_control()) {
        let detail = format!(
            "`Location`: expected a URI, got `{}` with a control character at offset {at}",
            target.escape_debug()
        );
        return Err(Problem::internal(detail));
    }
    HeaderValue::from_str(&Cow::from(utf8_percent_encode(target, NOT_IN_URI))).map_err(Problem::internal)
}

const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn encodes_what_a_uri_cannot_hold_and_nothing_else() {
        assert_eq!(location("/a%20b?c=d#e").unwrap(), "/a%20b?c=d#e");
        assert_eq!(location("https://[::1]/ä b").unwrap(), "https://[::1]/%C3%A4%20b");
    }

    #[test]
    fn refuses_control_characters() {
        let problem = location("/\r\nset-cookie: a=b").unwrap_err();
        assert_eq!(problem.status(), 500);
        assert!(problem.source_error().unwrap().to_string().contains(r"`/\r\nset-cookie: a=b`"));
    }
}
