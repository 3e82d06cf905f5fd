//! The `Location` of a response, for `Created` and `Redirect`.

use std::panic::Location;

use http::{HeaderValue, header};
use trine_core::{Cx, IntoResponse, Problem, Response};

use super::uri::encode_uri;
use crate::link::{Link, Links};

/// The target of a [`Redirect`](crate::Redirect) or [`Created`](crate::Created): a URI as text, or
/// a [`Link`] to a handler.
///
/// ```
/// use trine::prelude::*;
///
/// #[get("/users/{id}")]
/// async fn user(id: u64) {}
///
/// #[get("/me")]
/// async fn me() -> Redirect {
///     Redirect::to(user::uri(7))
/// }
///
/// #[get("/help")]
/// async fn help() -> Redirect {
///     Redirect::to("https://example.com/help")
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().group(Group::at("/api").routes(routes![user, me, help]));
/// let client = app.test().await;
/// client.get("/api/me").await.expect_header("location", "/api/users/7");
/// client.get("/api/help").await.expect_header("location", "https://example.com/help");
/// # }
/// ```
///
/// A link is completed from the request when the response leaves the application's handler,
/// extractor or middleware. A response that a foreign service returns has no such step, and a link
/// in it sets no `Location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A URI or a relative reference.
    Text(String),
    /// A link to a handler, completed when the response leaves the handler that returned it.
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

/// A link in a response that has to be completed from the request.
#[derive(Clone)]
struct PendingLink(Link, CallSite);

/// The line of source code that set a target, for error messages. All call sites are equal, so that
/// responses compare by their content.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallSite(pub(super) &'static Location<'static>);

impl PartialEq for CallSite {
    fn eq(&self, _: &CallSite) -> bool {
        true
    }
}

impl Eq for CallSite {}

impl Target {
    /// Sets the `Location` of a response.
    pub(super) fn set_location(self, mut response: Response, call_site: CallSite) -> Response {
        match self {
            Target::Link(link) => {
                response.extensions_mut().insert(PendingLink(link, call_site));
                response
            }
            Target::Text(text) => match header_value(&text) {
                Ok(value) => {
                    response.headers_mut().insert(header::LOCATION, value);
                    response
                }
                Err(mistake) => {
                    let CallSite(at) = call_site;
                    let detail =
                        format!("`Location` set at {}:{}: {mistake}", at.file(), at.line());
                    Problem::internal(detail).came_from(at, None).into_response()
                }
            },
        }
    }
}

/// Completes the link in a response, if there is one, and sets its `Location`.
pub(crate) fn complete_location(mut response: Response, cx: &Cx) -> Response {
    match response.extensions_mut().remove() {
        None => response,
        Some(PendingLink(link, call_site)) => match Links::of(cx).to(link) {
            Ok(href) => Target::Text(href.into()).set_location(response, call_site),
            Err(problem) => problem.came_from(call_site.0, None).into_response(),
        },
    }
}

fn header_value(target: &str) -> Result<HeaderValue, String> {
    HeaderValue::try_from(encode_uri(target)?).map_err(|error| error.to_string())
}
