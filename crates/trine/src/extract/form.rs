//! A form in the body.

use trine_core::{Body, Cx, FromRequest, Rejection};

use crate::form::{self, FromForm};

/// An HTML form in the body: urlencoded, or as `multipart/form-data`, which can contain files.
///
/// ```
/// use trine::prelude::*;
///
/// #[derive(FromForm)]
/// struct Login {
///     name: String,
///     remember: bool,
/// }
///
/// #[post("/login")]
/// async fn login(Form(login): Form<Login>) -> String {
///     format!("Hello {}, remembered: {}", login.name, login.remember)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![login]).test().await;
/// let response = client.post("/login").form(&[("name", "Ann"), ("remember", "on")]).await;
/// response.expect_text("Hello Ann, remembered: true");
/// # }
/// ```
///
/// The module [`form`](crate::form) describes the types that a field can have, and how to show the
/// page again with error messages.
///
/// `Form` reads the body, whatever the method. A form sent with `GET` has its fields in the query,
/// where [`Query`](super::Query) reads them. If `Form` read them as well, a link could submit the
/// form to a route for any method.
///
/// # Errors
/// - 415 if the content type is neither of the two, or if the body has a `Content-Encoding`
/// - 422 if fields do not fit; all of them are reported, each with its name, a code and a message
/// - 413 past the body limit of the route, past [`FormLimits`](crate::form::FormLimits), or if
///   every error is about size
/// - 400 if the body is not multipart data, or ends early
///
/// `Option` is `None` if there is neither a content type nor a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T: FromForm> FromRequest for Form<T> {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let outcome = form::read(cx, false).await?;
        outcome.value.map(Form).ok_or_else(|| outcome.errors.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::testkit::{cx, status_and_text};

    type Login = std::collections::BTreeMap<String, u8>;

    async fn read(
        method: &str,
        content_type: &str,
        body: &'static str,
    ) -> Result<Form<Login>, Rejection> {
        Form::from_request(&mut cx(method, "/?name=9", &[("content-type", content_type)], body))
            .await
    }

    const TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

    #[tokio::test]
    async fn reads_the_body_under_every_method() {
        for method in ["POST", "GET"] {
            let Form(login) = read(method, TYPE, "name=+7&a+b=%38").await.unwrap();
            assert_eq!(
                login.into_iter().collect::<Vec<_>>(),
                [("a b".to_owned(), 8), ("name".to_owned(), 7)]
            );
        }
    }

    #[tokio::test]
    async fn names_the_field() {
        let detail = "form field `age`: expected a whole number from 0 to 255, got `x`".to_owned();
        assert_eq!(status_and_text(read("POST", TYPE, "name=1&age=x").await), (422, detail));
    }

    #[tokio::test]
    async fn refuses_other_content() {
        let (status, detail) = status_and_text(read("POST", "text/plain", "name=a").await);
        assert_eq!(status, 415);
        assert!(
            detail
                .starts_with("header `content-type`: expected `application/x-www-form-urlencoded")
        );
        assert!(detail.ends_with("got `text/plain`"), "{detail}");
    }

    #[tokio::test]
    async fn is_absent_without_type_and_body() {
        let none = Option::<Form<Login>>::from_request(&mut cx("POST", "/", &[], ())).await;
        assert_eq!(none.unwrap(), None);
        let untyped =
            Option::<Form<Login>>::from_request(&mut cx("POST", "/", &[], "name=1")).await;
        assert_eq!(status_and_text(untyped).0, 415);
    }
}
