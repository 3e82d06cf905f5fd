//! [`Problem`]: an error response in the format of RFC 9457, "Problem Details for HTTP APIs".
//!
//! # Layout
//! - this file: what a problem contains
//! - `render`: the response that a problem becomes, and the problem that a response carries
//! - `format`: the formats of a problem, and which of them a client accepts
//! - `conversion`: the problem of an error whose type is erased
//! - `body_fault`: the problem of an error that the request body caused

mod conversion;
mod format;
pub(crate) mod body_fault;
mod render;

use std::backtrace::Backtrace;
use std::borrow::Cow;
use std::error::Error;
use std::panic::Location;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::BoxError;

#[doc(hidden)]
pub use conversion::{ProblemConversion, from_error};
#[doc(hidden)]
pub use format::Format;
#[doc(hidden)]
pub use body_fault::{body_status, problem as body_problem};
#[doc(hidden)]
pub use render::{escape, vary};

/// Whether a file is one of this crate.
#[doc(hidden)]
#[must_use]
pub fn is_ours(file: &str) -> bool {
    file!().strip_suffix("problem/mod.rs").is_some_and(|folder| file.starts_with(folder))
}

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
    inside: Inside,
}

/// What developers want to know, and nobody else.
struct Inside {
    made_at: &'static Location<'static>,
    refused_by: Option<&'static str>,
    backtrace: Option<Backtrace>,
    notes: Vec<(Cow<'static, str>, String)>,
}

impl Problem {
    /// An error with this status; its title is the status's own name.
    #[must_use]
    #[track_caller]
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
            inside: Inside {
                made_at: Location::caller(),
                refused_by: None,
                backtrace: None,
                notes: Vec::new(),
            },
        }))
    }

    /// 400: the request is wrong; `detail` says what was expected and what came.
    #[track_caller]
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST).detail(detail)
    }

    /// 401: who is asking is not known.
    #[track_caller]
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED).detail(detail)
    }

    /// 403: who is asking may not.
    #[track_caller]
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN).detail(detail)
    }

    /// 404: it is not there.
    #[track_caller]
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND).detail(detail)
    }

    /// 409: it contradicts what is there.
    #[track_caller]
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::CONFLICT).detail(detail)
    }

    /// 422: it is well formed and makes no sense.
    #[track_caller]
    pub fn unprocessable(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY).detail(detail)
    }

    /// 500 for any error: the client learns nothing of it, the log all.
    #[track_caller]
    pub fn internal(error: impl Into<BoxError>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR).source(error)
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

    /// Says that the thing was not in the request at all: an `Option` of the extractor is `None`
    /// then.
    #[must_use]
    pub fn absent(mut self) -> Problem {
        self.0.absent = true;
        self
    }

    /// Adds a text of several lines for developers, such as the place in a template. The error page
    /// shows it under the `dev` profile; nobody else sees it.
    #[must_use]
    pub fn note(mut self, title: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Problem {
        self.0.inside.notes.push((title.into(), text.into()));
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
    pub fn source_error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// The error of this type that is behind it: its source, or the first among the causes of that.
    ///
    /// ```
    /// use trine_core::Problem;
    ///
    /// let problem = Problem::internal(std::io::Error::other("the disk is full"));
    /// assert!(problem.error::<std::io::Error>().is_some());
    /// assert!(problem.error::<std::fmt::Error>().is_none());
    /// ```
    #[must_use]
    pub fn error<E: Error + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn Error + 'static)> = Some(self);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// A member of one's own.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.members.get(name)
    }

    /// The header fields that it adds to the response.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Whether [`Problem::absent`] was said.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.0.absent
    }

    /// The line of the program that made it.
    #[must_use]
    pub fn made_at(&self) -> &'static Location<'static> {
        self.0.inside.made_at
    }

    /// The type of the extractor or parameter that refused, where one did.
    #[must_use]
    pub fn refused_by(&self) -> Option<&'static str> {
        self.0.inside.refused_by
    }

    /// What [`Problem::note`] added: titles and texts.
    pub fn notes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.inside.notes.iter().map(|(title, text)| (&**title, &**text))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.0.inside.backtrace.as_ref()
    }

    /// Wraps the error behind it, where there is one, into what was said on its way.
    #[doc(hidden)]
    #[must_use]
    pub fn map_source(
        mut self,
        wrap: impl FnOnce(Option<BoxError>) -> Option<BoxError>,
    ) -> Problem {
        self.0.source = wrap(self.0.source);
        self
    }

    /// Says where an error came from that became this problem.
    #[doc(hidden)]
    #[must_use]
    pub fn came_from(
        mut self,
        at: &'static Location<'static>,
        backtrace: Option<Backtrace>,
    ) -> Problem {
        self.0.inside.made_at = at;
        self.0.inside.backtrace = backtrace;
        self
    }

    /// The innermost extractor is the one that refused: what wraps it only passes the problem on.
    pub(crate) fn note_refusal(&mut self, by: &'static str) {
        self.0.inside.refused_by.get_or_insert(by);
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

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|error| error as _)
    }
}
