//! An answer that sends the client elsewhere.

use std::panic::Location;

use http::StatusCode;
use trine_core::{IntoResponse, Response};

use super::location::{Target, Written};

/// Sends the client to another place.
///
/// ```
/// use trine::respond::Redirect;
///
/// async fn save() -> Redirect {
///     Redirect::to("/todos")
/// }
/// ```
///
/// The target is a text or a [`Link`](crate::Link): `Redirect::to(show::uri(7))`.
///
/// A target that a client named (`?next=…`) must be checked by you: `//evil.example` leaves the
/// site.
///
/// # Errors
/// A 500 where the target has control characters, such as a line break, or is a link that leads
/// nowhere; and where its host is none: one beyond ASCII is written as `xn--…`. The log and the
/// error page say in which line it was written. Everything else that a URI cannot hold is
/// percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    status: StatusCode,
    target: Target,
    written: Written,
}

impl Redirect {
    /// 303: go there with `GET`. What a form answers once it has been processed.
    #[track_caller]
    pub fn to(target: impl Into<Target>) -> Redirect {
        Redirect::with(StatusCode::SEE_OTHER, target.into())
    }

    /// 307: repeat the same request there, this time.
    #[track_caller]
    pub fn temporary(target: impl Into<Target>) -> Redirect {
        Redirect::with(StatusCode::TEMPORARY_REDIRECT, target.into())
    }

    /// 308: repeat the same request there, from now on. Browsers remember it without being told to
    /// forget.
    #[track_caller]
    pub fn permanent(target: impl Into<Target>) -> Redirect {
        Redirect::with(StatusCode::PERMANENT_REDIRECT, target.into())
    }

    #[track_caller]
    fn with(status: StatusCode, target: Target) -> Redirect {
        Redirect { status, target, written: Written(Location::caller()) }
    }
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        self.target.locate(self.status.into_response(), self.written)
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

    /// It was percent-encoded, and named another host then.
    #[test]
    fn a_host_beyond_ascii_is_told_with_its_line() {
        let line = line!() + 1;
        let redirect = Redirect::to("https://münchen.example/");
        let response = redirect.into_response();
        assert_eq!(response.status(), 500);
        let problem = trine_core::Problem::of(&response).unwrap();
        assert_eq!((problem.made_at().file(), problem.made_at().line()), (file!(), line));
        let told = problem.source_error().unwrap().to_string();
        assert!(told.contains("`https://münchen.example/`") && told.contains("`xn--…`"), "{told}");
        assert!(told.contains(&format!("{}:{line}", file!())), "{told}");
    }

    #[test]
    fn a_target_with_a_line_break_is_refused() {
        let response = Redirect::to("/\r\nset-cookie: a=b").into_response();
        assert_eq!(response.status(), 500);
        assert!(!response.headers().contains_key("location"));
    }
}
