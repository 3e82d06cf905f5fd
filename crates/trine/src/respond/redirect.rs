//! A response that sends the client to another URI.

use std::panic::Location;

use http::StatusCode;
use trine_core::{IntoResponse, Response};

use super::location::{CallSite, Target};

/// A redirect to another URI.
///
/// ```
/// use trine::prelude::*;
///
/// #[post("/todos")]
/// async fn save() -> Redirect {
///     Redirect::to("/todos")
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![save]).test().await;
/// client.post("/todos").await.expect_status(303).expect_header("location", "/todos");
/// # }
/// ```
///
/// The target is text or a [`Link`](crate::Link): `Redirect::to(show::uri(7))`.
///
/// Check a target that comes from the client (`?next=…`) yourself: `//evil.example` is a URI on
/// another site.
///
/// # Errors
/// A 500 if the target contains a control character such as a line break, if its host is invalid
/// (write a host outside ASCII as `xn--…`), or if it is a link that cannot be completed. The log
/// and the error page name the line that created the redirect. Other characters that a URI cannot
/// contain are percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    status: StatusCode,
    target: Target,
    call_site: CallSite,
}

impl Redirect {
    /// 303 See Other: the client fetches the target with `GET`. The usual response to a submitted
    /// form.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// let response = Redirect::to("/todos").into_response();
    /// assert_eq!(response.status(), 303);
    /// assert_eq!(response.headers()["location"], "/todos");
    /// ```
    #[track_caller]
    pub fn to(target: impl Into<Target>) -> Redirect {
        Redirect::with(StatusCode::SEE_OTHER, target.into())
    }

    /// 307 Temporary Redirect: the client repeats the same request, with method and body, at the
    /// target.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// let response = Redirect::temporary("https://eu.example.com/upload").into_response();
    /// assert_eq!(response.status(), 307);
    /// assert_eq!(response.headers()["location"], "https://eu.example.com/upload");
    /// ```
    #[track_caller]
    pub fn temporary(target: impl Into<Target>) -> Redirect {
        Redirect::with(StatusCode::TEMPORARY_REDIRECT, target.into())
    }

    /// 308 Permanent Redirect: as 307, and the client uses the target from now on. Browsers cache
    /// it for a long time, and the server cannot take it back.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// let response = Redirect::permanent("/new-address").into_response();
    /// assert_eq!(response.status(), 308);
    /// assert_eq!(response.headers()["location"], "/new-address");
    /// ```
    #[track_caller]
    pub fn permanent(target: impl Into<Target>) -> Redirect {
        Redirect::with(StatusCode::PERMANENT_REDIRECT, target.into())
    }

    #[track_caller]
    fn with(status: StatusCode, target: Target) -> Redirect {
        Redirect { status, target, call_site: CallSite(Location::caller()) }
    }
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        self.target.set_location(self.status.into_response(), self.call_site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_status_and_location() {
        let all = [
            (Redirect::to("/a"), 303),
            (Redirect::temporary("/a"), 307),
            (Redirect::permanent("/a".to_owned()), 308),
        ];
        for (redirect, status) in all {
            let response = redirect.into_response();
            assert_eq!(
                (response.status().as_u16(), &response.headers()["location"]),
                (status, &"/a".parse().unwrap())
            );
        }
    }

    /// Such a host used to be percent-encoded, which made it a different host.
    #[test]
    fn a_host_outside_ascii_is_reported_with_its_line() {
        let line = line!() + 1;
        let redirect = Redirect::to("https://münchen.example/");
        let response = redirect.into_response();
        assert_eq!(response.status(), 500);
        let problem = trine_core::Problem::of(&response).unwrap();
        assert_eq!((problem.made_at().file(), problem.made_at().line()), (file!(), line));
        let text = problem.source_error().unwrap().to_string();
        assert!(text.contains("`https://münchen.example/`") && text.contains("`xn--…`"), "{text}");
        assert!(text.contains(&format!("{}:{line}", file!())), "{text}");
    }

    #[test]
    fn a_target_with_a_line_break_is_refused() {
        let response = Redirect::to("/\r\nset-cookie: a=b").into_response();
        assert_eq!(response.status(), 500);
        assert!(!response.headers().contains_key("location"));
    }
}
