//! A header field as a type.

use headers::Header;
use http::header;
use trine_core::extract::Head;
use trine_core::param::ParamLocation;
use trine_core::{Cx, FromRequest, IntoResponseParts, Problem, Rejection, Response};

/// A header field as a type of the [`headers`] crate, or any other type that implements its
/// [`Header`] trait.
///
/// ```
/// use headers::UserAgent;
/// use trine::extract::TypedHeader;
/// use trine::prelude::*;
///
/// #[get("/")]
/// async fn agent(agent: TypedHeader<UserAgent>) -> String {
///     format!("You use {}", agent.as_str())
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![agent]).test().await;
/// client.get("/").header("user-agent", "curl/8").await.expect_text("You use curl/8");
/// client.get("/").await.expect_problem(400);
/// # }
/// ```
///
/// In a tuple before a response it sets the field:
/// `(TypedHeader(CacheControl::new().with_no_store()), "…")`. It replaces fields of the same name;
/// only `Set-Cookie` is added.
///
/// # Errors
/// A 400 that names the field if it is missing or malformed. `Option` is `None` if it is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TypedHeader<H>(pub H);

impl<H: Header + Send> FromRequest for TypedHeader<H> {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let name = H::name();
        if !cx.headers().contains_key(name) {
            return Err(missing(name.as_str()));
        }
        match H::decode(&mut cx.headers().get_all(name).iter()) {
            Ok(value) => Ok(TypedHeader(value)),
            Err(error) => Err(malformed(name.as_str(), cx, error)),
        }
    }
}

#[cold]
fn missing(name: &str) -> Rejection {
    ParamLocation::Header.refuse(name, "missing", "is missing").absent().into()
}

#[cold]
fn malformed(name: &str, cx: &Cx, error: headers::Error) -> Rejection {
    // Credentials are not repeated: the message may be logged or seen by others.
    let got = match cx.headers().get(name) {
        Some(value) if !SECRET.contains(&name) => value.to_str().map_or_else(
            |_| ", got bytes that are not text".to_owned(),
            |value| format!(", got `{value}`"),
        ),
        _ => String::new(),
    };
    let message = format!("expected a value in the format of this header{got}");
    ParamLocation::Header.refuse(name, "type", &super::clip(&message)).source(error).into()
}

const SECRET: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

impl<H: Header> IntoResponseParts for TypedHeader<H> {
    fn into_response_parts(self, response: &mut Response) -> Result<(), Problem> {
        if *H::name() != header::SET_COOKIE {
            headers::HeaderMapExt::typed_insert(response.headers_mut(), self.0);
            return Ok(());
        }
        let mut cookies = http::HeaderMap::new();
        headers::HeaderMapExt::typed_insert(&mut cookies, self.0);
        cookies.into_response_parts(response)
    }
}

#[cfg(test)]
mod tests {
    use headers::authorization::Bearer;
    use headers::{Authorization, ContentLength};
    use trine_core::IntoResponse;

    use super::*;
    use crate::extract::testkit::{cx, status_and_text};

    type Length = TypedHeader<ContentLength>;

    #[tokio::test]
    async fn reads_the_field() {
        let mut cx = cx("GET", "/", &[("content-length", "7")], ());
        assert_eq!(Length::from_request(&mut cx).await.unwrap().0.0, 7);
    }

    #[tokio::test]
    async fn missing_is_absent_and_malformed_is_not() {
        let mut none = cx("GET", "/", &[], ());
        assert!(Option::<Length>::from_request(&mut none).await.unwrap().is_none());
        assert_eq!(
            status_and_text(Length::from_request(&mut none).await),
            (400, "header `content-length` is missing".into())
        );

        let mut bad = cx("GET", "/", &[("content-length", "seven")], ());
        let (status, detail) = status_and_text(Option::<Length>::from_request(&mut bad).await);
        assert_eq!(status, 400);
        assert!(
            detail.starts_with("header `content-length`: expected")
                && detail.ends_with("got `seven`"),
            "{detail}"
        );
    }

    #[tokio::test]
    async fn credentials_are_not_repeated() {
        let mut cx = cx("GET", "/", &[("authorization", "Basic hunter2")], ());
        let (_, detail) =
            status_and_text(TypedHeader::<Authorization<Bearer>>::from_request(&mut cx).await);
        assert!(!detail.contains("hunter2"), "{detail}");
    }

    #[test]
    fn sets_the_field_of_a_response() {
        let response = (TypedHeader(ContentLength(0)), ()).into_response();
        assert_eq!(response.headers()["content-length"], "0");
    }
}
