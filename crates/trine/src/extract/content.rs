//! Reads a whole body of a declared content type: shared by `Json`, `Form` and `Multipart`.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Body as _;
use trine_core::param::ParamLocation;
use trine_core::{Cx, Problem, Rejection};

use crate::validation::{FieldErrors, Location};

/// The content type that an extractor reads.
pub(crate) struct Content {
    /// The media types for error messages, as in `Accept`.
    pub(crate) expected: &'static str,
    /// Whether a media type without parameters is accepted.
    pub(crate) accepts: fn(&str) -> bool,
}

impl Content {
    /// Reads the whole body.
    ///
    /// The content type must be declared. Browsers let any page send a body that is declared as
    /// text, or not declared at all, to other sites without a preflight request. Reading it as JSON
    /// would open every route that authenticates by cookie to such pages.
    pub(crate) async fn read(&self, cx: &mut Cx) -> Result<Bytes, Rejection> {
        let body = cx.take_decoded_body()?;
        // The usual spelling; parsing the others costs some five hundred instructions.
        if cx.headers().get(header::CONTENT_TYPE).is_some_and(|given| given == self.expected) {
            return Ok(body.bytes().await?);
        }
        match media_type(cx.headers()) {
            Some(given) if (self.accepts)(given) => Ok(body.bytes().await?),
            None if body.is_end_stream() => Err(self.empty().absent().into()),
            given => Err(self.unsupported(given)),
        }
    }

    /// The problem for an empty body.
    #[cold]
    pub(crate) fn empty(&self) -> Problem {
        let message = format!("expected {}", self.quoted());
        let mut errors = FieldErrors::of(Location::Body);
        errors.refuse("", "missing", &*message);
        errors.problem(StatusCode::BAD_REQUEST).detail(format!("the body is empty: {message}"))
    }

    fn quoted(&self) -> String {
        format!("`{}`", self.expected.replace(", ", "` or `"))
    }

    // RFC 9110 section 15.5.16: `Accept` in a 415 lists the accepted types.
    #[cold]
    fn unsupported(&self, given: Option<&str>) -> Rejection {
        let expected = self.expected;
        let got = match given {
            None => "but it is missing".to_owned(),
            Some(NOT_TEXT) => format!("got {NOT_TEXT}"),
            Some(given) => format!("got `{given}`"),
        };
        let message = format!("expected {}, {got}", self.quoted());
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .detail(format!("header `content-type`: {message}"))
            .with("errors", ParamLocation::Header.errors("content-type", "content_type", &message))
            .with("expected", expected)
            .header(header::ACCEPT, HeaderValue::from_static(expected))
            .into()
    }
}

const NOT_TEXT: &str = "bytes that are not text";

/// The media type that a request declares, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?;
    let Ok(text) = value.to_str() else { return Some(NOT_TEXT) };
    Some(text.split(';').next().unwrap_or_default().trim())
}
