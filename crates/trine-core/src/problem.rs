//! An error as RFC 9457 tells it.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::LengthLimitError;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};

use crate::{Body, BodyError, BoxError, IntoResponse, Response};

/// An error that a client can read: status, title, detail, and members of your own ([RFC 9457]).
///
/// It carries the error behind it, which is logged and never sent.
///
/// ```
/// use trine_core::Problem;
///
/// let problem = Problem::not_found("no article has the slug `hello`").with("slug", "hello");
/// assert_eq!(problem.status(), 404);
/// ```
///
/// It is rendered as the client accepts it: JSON unless it asks for HTML, Markdown or plain text.
///
/// [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
pub struct Problem(Box<Inner>);

struct Inner {
    status: StatusCode,
    type_uri: Option<Cow<'static, str>>,
    title: Option<Cow<'static, str>>,
    detail: Option<Cow<'static, str>>,
    members: Map<String, Value>,
    headers: HeaderMap,
    source: Option<BoxError>,
    absent: bool,
}

impl Problem {
    /// An error with this status; its title is the status's own name.
    #[must_use]
    pub fn new(status: StatusCode) -> Problem {
        Problem(Box::new(Inner {
            status,
            type_uri: None,
            title: None,
            detail: None,
            members: Map::new(),
            headers: HeaderMap::new(),
            source: None,
            absent: false,
        }))
    }

    /// 400: the request is wrong; `detail` says what was expected and what came.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST).detail(detail)
    }

    /// 401: who is asking is not known.
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED).detail(detail)
    }

    /// 403: who is asking may not.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN).detail(detail)
    }

    /// 404: it is not there.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND).detail(detail)
    }

    /// 409: it contradicts what is there.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::CONFLICT).detail(detail)
    }

    /// 422: it is well formed and makes no sense.
    pub fn unprocessable(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY).detail(detail)
    }

    /// 500 for any error: the client learns nothing of it, the log all.
    pub fn internal(error: impl Into<BoxError>) -> Problem {
        Problem(Box::new(Inner {
            source: Some(error.into()),
            ..*Problem::new(StatusCode::INTERNAL_SERVER_ERROR).0
        }))
    }

    /// Sets the URI that names this kind of problem; `about:blank` unless set.
    #[must_use]
    pub fn type_uri(mut self, uri: impl Into<Cow<'static, str>>) -> Problem {
        self.0.type_uri = Some(uri.into());
        self
    }

    /// Sets the short text that is the same for every problem of this kind.
    #[must_use]
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Problem {
        self.0.title = Some(title.into());
        self
    }

    /// Sets the text about this very case.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a member of your own.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Problem {
        self.0.members.insert(name.into(), value.into());
        self
    }

    /// Adds a header field to the response, such as `Allow` or `WWW-Authenticate`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.0.headers.append(name, value);
        self
    }

    /// Keeps the error behind it for the log and for catchers.
    #[must_use]
    pub fn source(mut self, error: impl Into<BoxError>) -> Problem {
        self.0.source = Some(error.into());
        self
    }

    /// Says that the thing was not in the request at all: an `Option` of the extractor is `None` then.
    #[must_use]
    pub fn absent(mut self) -> Problem {
        self.0.absent = true;
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The title; the status's own name unless one was set.
    #[must_use]
    pub fn title_text(&self) -> &str {
        self.0.title.as_deref().or(self.0.status.canonical_reason()).unwrap_or("Error")
    }

    /// The text about this very case.
    #[must_use]
    pub fn detail_text(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The error behind it.
    #[must_use]
    pub fn source_error(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// A member of one's own.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.members.get(name)
    }

    /// Whether [`Problem::absent`] was said.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.0.absent
    }

    /// Renders it as `accept` (the value of the request's `Accept`) prefers.
    ///
    /// The response carries the problem itself, so that a catcher further out can take it with [`Problem::take`].
    #[must_use]
    pub fn render(self, accept: Option<&HeaderValue>) -> Response {
        let format = Format::negotiate(accept);
        let mut response = Response::new(Body::from(self.text(format)));
        *response.status_mut() = self.0.status;
        response.headers_mut().clone_from(&self.0.headers);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }

    /// Whether a response carries a problem.
    #[must_use]
    pub fn is_in(response: &Response) -> bool {
        response.extensions().get::<Carried>().is_some()
    }

    /// Takes the problem that a response carries.
    pub fn take(response: &mut Response) -> Option<Problem> {
        let Carried(problem) = response.extensions_mut().remove()?;
        Arc::into_inner(problem)
    }

    fn text(&self, format: Format) -> String {
        match format {
            // A map of text and values can always be written.
            Format::Json => serde_json::to_string(self).unwrap_or_default(),
            Format::Html => self.html(),
            Format::Markdown => self.lines("# ", "\n"),
            Format::Plain => self.lines("", ""),
        }
    }

    fn lines(&self, heading: &str, gap: &str) -> String {
        let mut text = format!("{heading}{} {}\n", self.0.status.as_u16(), self.title_text());
        if let Some(detail) = &self.0.detail {
            text.push_str(gap);
            text.push_str(detail);
            text.push('\n');
        }
        text
    }

    fn html(&self) -> String {
        let title = format!("{} {}", self.0.status.as_u16(), escape(self.title_text()));
        let detail =
            self.0.detail.as_deref().map_or_else(String::new, |text| format!("<p>{}</p>", escape(text)));
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title}</title><style>:root{{color-scheme:light dark}}\
             body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem}}</style>\
             <h1>{title}</h1>{detail}</html>"
        )
    }
}

#[derive(Clone)]
struct Carried(Arc<Problem>);

/// The media types in which a problem can be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Html,
    Markdown,
    Plain,
}

impl Format {
    const ALL: [(Format, &'static str, &'static str); 6] = [
        (Format::Json, "application", "problem+json"),
        (Format::Json, "application", "json"),
        (Format::Html, "text", "html"),
        (Format::Markdown, "text", "markdown"),
        (Format::Plain, "text", "plain"),
        (Format::Json, "*", "*"),
    ];

    fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/problem+json",
            Format::Html => "text/html; charset=utf-8",
            Format::Markdown => "text/markdown; charset=utf-8",
            Format::Plain => "text/plain; charset=utf-8",
        }
    }

    // RFC 9110 section 12.5.1: the highest quality wins, among equals the first named. An `Accept` that names
    // none of ours gets JSON: an error in a surprising format is better than a 406 about the error.
    fn negotiate(accept: Option<&HeaderValue>) -> Format {
        let Some(Ok(accept)) = accept.map(|value| value.to_str()) else { return Format::Json };
        let mut best = (0, Format::Json);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let Some((main, sub)) = parts.next().and_then(|media| media.split_once('/')) else { continue };
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
            let known = Format::ALL
                .iter()
                .find(|(_, m, s)| m.eq_ignore_ascii_case(main) && s.eq_ignore_ascii_case(sub));
            if let Some(&(format, ..)) = known
                && quality > best.0
            {
                best = (quality, format);
            }
        }
        best.1
    }
}

fn thousandths(quality: &str) -> u16 {
    quality.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The JSON object of RFC 9457; the standard members come first, and none of one's own replaces them.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const STANDARD: [&str; 4] = ["type", "title", "status", "detail"];
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("type", self.0.type_uri.as_deref().unwrap_or("about:blank"))?;
        object.serialize_entry("title", self.title_text())?;
        object.serialize_entry("status", &self.0.status.as_u16())?;
        if let Some(detail) = &self.0.detail {
            object.serialize_entry("detail", detail)?;
        }
        for (name, value) in self.0.members.iter().filter(|(name, _)| !STANDARD.contains(&name.as_str())) {
            object.serialize_entry(name, value)?;
        }
        object.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.render(None)
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
            BodyError::Incomplete | BodyError::Malformed(_) => StatusCode::BAD_REQUEST,
            // What a layer such as tower-http's `RequestBodyLimitLayer` says.
            BodyError::Other(error) if error.is::<LengthLimitError>() => {
                let detail = "the body is larger than a layer of this server allows";
                return Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail(detail).source(error);
            }
            BodyError::Other(error) => return Problem::internal(error),
        };
        Problem::new(status).detail(error.to_string()).source(error)
    }
}

impl std::fmt::Debug for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Problem")
            .field("status", &self.0.status)
            .field("title", &self.title_text())
            .field("detail", &self.0.detail)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.detail {
            Some(detail) => write!(f, "{} {}: {detail}", self.0.status.as_u16(), self.title_text()),
            None => write!(f, "{} {}", self.0.status.as_u16(), self.title_text()),
        }
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|error| error as _)
    }
}
