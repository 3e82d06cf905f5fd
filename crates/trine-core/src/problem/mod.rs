//! [`Problem`]: an error response in the format of RFC 9457, "Problem Details for HTTP APIs".
//!
//! # Layout
//! - this file: what a problem contains
//! - `render`: converts a problem into a response, and finds the problem that a response carries
//! - `format`: the formats of a problem, and which of them a client accepts
//! - `conversion`: the problem of an error whose type is erased
//! - `body_fault`: the problem of an error that the request body caused

pub(crate) mod body_fault;
mod conversion;
mod format;
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
pub use body_fault::{body_status, problem as body_problem};
#[doc(hidden)]
pub use conversion::{ProblemConversion, from_error};
#[doc(hidden)]
pub use format::Format;
#[doc(hidden)]
pub use render::{escape, vary};

/// Whether an error is the last link in the chain of a [`BodyError`](crate::BodyError), which repeats
/// what the `BodyError` says.
#[doc(hidden)]
#[must_use]
pub fn is_body_fault(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<body_fault::BodyFault>()
}

/// Whether a source file belongs to this crate.
#[doc(hidden)]
#[must_use]
pub fn is_ours(file: &str) -> bool {
    file!().strip_suffix("problem/mod.rs").is_some_and(|folder| file.starts_with(folder))
}

/// An error response that a client can read: a status, a title, a detail and extension members
/// ([RFC 9457]).
///
/// It also carries the error behind it, which is logged and never sent.
///
/// ```
/// use trine_core::Problem;
///
/// let problem = Problem::not_found("no article has the slug `hello`").with("slug", "hello");
/// assert_eq!(problem.status(), 404);
/// assert_eq!(problem.to_string(), "404 Not Found: no article has the slug `hello`");
/// ```
///
/// The client gets it as JSON, or as HTML, Markdown or plain text if it prefers one of these. The
/// methods that end in `_text`, and those without an argument, read what the others set.
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
    dev: DevInfo,
}

/// The parts that only developers see.
struct DevInfo {
    made_at: &'static Location<'static>,
    refused_by: Option<&'static str>,
    backtrace: Option<Backtrace>,
    notes: Vec<(Cow<'static, str>, String)>,
}

impl Problem {
    /// Creates a problem with this status. Its title is the name of the status.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// let problem = Problem::new(http::StatusCode::GONE);
    /// assert_eq!(problem.to_string(), "410 Gone");
    /// ```
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
            dev: DevInfo {
                made_at: Location::caller(),
                refused_by: None,
                backtrace: None,
                notes: Vec::new(),
            },
        }))
    }

    /// 400: the request is invalid. `detail` says what was expected and what the request contains.
    ///
    /// ```
    /// use trine_core::Problem;
    ///
    /// let problem = Problem::bad_request("`page`: expected a number, got `x`");
    /// assert_eq!(problem.title_text(), "Bad Request");
    /// ```
    #[track_caller]
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST).detail(detail)
    }

    /// 401: the request has no valid credentials.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// let problem = Problem::unauthorized("expected a bearer token");
    /// assert_eq!(problem.to_string(), "401 Unauthorized: expected a bearer token");
    /// ```
    #[track_caller]
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED).detail(detail)
    }

    /// 403: the client is not allowed to do this.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// let problem = Problem::forbidden("only the author can edit an article");
    /// assert_eq!(problem.status(), 403);
    /// ```
    #[track_caller]
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN).detail(detail)
    }

    /// 404: the resource does not exist.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// let problem = Problem::not_found("no user has the id 7");
    /// assert_eq!(problem.status(), 404);
    /// ```
    #[track_caller]
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND).detail(detail)
    }

    /// 409: the request conflicts with the state of the resource.
    #[track_caller]
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::CONFLICT).detail(detail)
    }

    /// 422: the request is well-formed, but its content is invalid.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// let problem = Problem::unprocessable("the end is before the start");
    /// assert_eq!(problem.status(), 422);
    /// ```
    #[track_caller]
    pub fn unprocessable(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY).detail(detail)
    }

    /// 500 for any error. The log gets the whole error; the client sees nothing of it.
    ///
    /// ```
    /// use trine_core::Problem;
    ///
    /// let problem = Problem::internal("the table is empty");
    /// assert_eq!(problem.to_string(), "500 Internal Server Error");
    /// assert_eq!(problem.source_error().unwrap().to_string(), "the table is empty");
    /// ```
    #[track_caller]
    pub fn internal(error: impl Into<BoxError>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR).source(error)
    }

    /// Sets the URI that identifies this type of problem. The default is `about:blank`.
    #[must_use]
    pub fn type_uri(mut self, uri: impl Into<Cow<'static, str>>) -> Problem {
        self.0.type_uri = Some(uri.into());
        self
    }

    /// Sets the title: a short text that is the same for every problem of this type.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// let problem = Problem::conflict("ann has 3 open orders").title("Open orders");
    /// assert_eq!(problem.to_string(), "409 Open orders: ann has 3 open orders");
    /// ```
    #[must_use]
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Problem {
        self.0.title = Some(title.into());
        self
    }

    /// Sets the detail: a text about this occurrence of the problem.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// let problem = Problem::new(http::StatusCode::TOO_MANY_REQUESTS).detail("try again in 5 s");
    /// assert_eq!(problem.detail_text(), Some("try again in 5 s"));
    /// ```
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds an extension member. It replaces one with the same name. The names `type`, `title`,
    /// `status` and `detail` are ignored.
    ///
    /// ```
    /// use trine_core::Problem;
    ///
    /// let problem = Problem::conflict("the name is taken").with("name", "ann");
    /// let json = serde_json::to_value(&problem).unwrap();
    /// assert_eq!(json["name"], "ann");
    /// ```
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Problem {
        self.0.members.insert(name.into(), value.into());
        self
    }

    /// Adds a header field to the response, such as `Allow` or `WWW-Authenticate`.
    ///
    /// ```
    /// use http::{HeaderValue, header};
    /// use trine_core::Problem;
    ///
    /// let problem = Problem::unauthorized("no token")
    ///     .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    /// assert_eq!(problem.render(None).headers()["www-authenticate"], "Bearer");
    /// ```
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.0.headers.append(name, value);
        self
    }

    /// Sets the error behind the problem, for the log and for catchers.
    #[must_use]
    pub fn source(mut self, error: impl Into<BoxError>) -> Problem {
        self.0.source = Some(error.into());
        self
    }

    /// Marks that the request does not contain the value at all. An `Option` of the extractor is
    /// `None` then.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// let problem = Problem::unauthorized("expected a bearer token").absent();
    /// assert!(problem.is_absent());
    /// ```
    #[must_use]
    pub fn absent(mut self) -> Problem {
        self.0.absent = true;
        self
    }

    /// Adds a text for developers, such as an excerpt of a template. It may have several lines.
    /// Only the error page of the `dev` profile shows it.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// let problem = Problem::internal("no such column").note("SQL", "SELECT nam FROM users");
    /// assert_eq!(problem.notes().next(), Some(("SQL", "SELECT nam FROM users")));
    /// ```
    #[must_use]
    pub fn note(mut self, title: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Problem {
        self.0.dev.notes.push((title.into(), text.into()));
        self
    }

    /// The status.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// assert_eq!(Problem::conflict("the name is taken").status(), 409);
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The title. The default is the name of the status.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// assert_eq!(Problem::not_found("no such page").title_text(), "Not Found");
    /// ```
    #[must_use]
    pub fn title_text(&self) -> &str {
        self.0.title.as_deref().or(self.0.status.canonical_reason()).unwrap_or("Error")
    }

    /// The detail.
    ///
    /// ```
    /// # use trine_core::Problem;
    /// assert_eq!(Problem::not_found("no such page").detail_text(), Some("no such page"));
    /// assert_eq!(Problem::internal("the disk is full").detail_text(), None);
    /// ```
    #[must_use]
    pub fn detail_text(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The error behind the problem.
    #[must_use]
    pub fn source_error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// The error of type `E` behind the problem: its source, or the first of its causes with that
    /// type.
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

    /// The extension member with this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.members.get(name)
    }

    /// The header fields that the problem adds to the response.
    ///
    /// ```
    /// # use http::{HeaderValue, header};
    /// # use trine_core::Problem;
    /// let problem = Problem::conflict("busy").header(header::RETRY_AFTER, HeaderValue::from(5));
    /// assert_eq!(problem.headers()["retry-after"], "5");
    /// ```
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Whether the problem is marked as [`absent`](Problem::absent).
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.0.absent
    }

    /// The location in the source where the problem was created.
    #[must_use]
    pub fn made_at(&self) -> &'static Location<'static> {
        self.0.dev.made_at
    }

    /// The type of the extractor or parameter that refused the request, if one did.
    #[must_use]
    pub fn refused_by(&self) -> Option<&'static str> {
        self.0.dev.refused_by
    }

    /// The titles and texts that [`Problem::note`] added.
    pub fn notes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.dev.notes.iter().map(|(title, text)| (&**title, &**text))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.0.dev.backtrace.as_ref()
    }

    /// Replaces the error behind the problem by the result of `wrap`.
    #[doc(hidden)]
    #[must_use]
    pub fn map_source(
        mut self,
        wrap: impl FnOnce(Option<BoxError>) -> Option<BoxError>,
    ) -> Problem {
        self.0.source = wrap(self.0.source);
        self
    }

    /// Sets the origin of an error that became this problem.
    #[doc(hidden)]
    #[must_use]
    pub fn came_from(
        mut self,
        at: &'static Location<'static>,
        backtrace: Option<Backtrace>,
    ) -> Problem {
        self.0.dev.made_at = at;
        self.0.dev.backtrace = backtrace;
        self
    }

    /// Records the extractor that refused. The innermost one is kept, since outer ones only pass
    /// its problem on.
    pub(crate) fn note_refusal(&mut self, by: &'static str) {
        self.0.dev.refused_by.get_or_insert(by);
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
