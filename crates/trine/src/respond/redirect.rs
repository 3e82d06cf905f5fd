//! An answer that sends the client elsewhere.

use http::StatusCode;
use trine_core::{IntoResponse, Response};

use super::location::Target;

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
/// A target that a client named (`?next=…`) must be checked by you: `//evil.example` leaves the site.
///
/// # Errors
/// A 500 where the target has control characters, such as a line break, or is a link that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    status: StatusCode,
    target: Target,
}

impl Redirect {
    /// 303: go there with `GET`. What a form answers once it has been processed.
    pub fn to(target: impl Into<Target>) -> Redirect {
        Redirect { status: StatusCode::SEE_OTHER, target: target.into() }
    }

    /// 307: repeat the same request there, this time.
    pub fn temporary(target: impl Into<Target>) -> Redirect {
        Redirect { status: StatusCode::TEMPORARY_REDIRECT, target: target.into() }
    }

    /// 308: repeat the same request there, from now on. Browsers remember it without being told to forget.
    pub fn permanent(target: impl Into<Target>) -> Redirect {
        Redirect { status: StatusCode::PERMANENT_REDIRECT, target: target.into() }
    }
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        self.target.locate(self.status.into_response())
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

    #[test]
    fn a_target_with_a_line_break_is_refused() {
        let response = Redirect::to("/\r\nset-cookie: a=b").into_response();
        assert_eq!(response.status(), 500);
        assert!(!response.headers().contains_key("location"));
    }
}
