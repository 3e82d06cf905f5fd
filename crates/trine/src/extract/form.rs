//! The body as a form of fields.

use trine_core::{Body, Cx, FromRequest, Rejection};

use crate::form::{self, FromForm};

/// The fields of an HTML form, sent with `POST`: urlencoded, or as `multipart/form-data` where it
/// has files.
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
/// async fn login(login: Form<Login>) -> String {
///     format!("Hello {}", login.name)
/// }
/// ```
///
/// The chapter [`form`](crate::form) tells what a field may be and how the page is shown again with
/// messages.
///
/// It reads the body under every method. The fields of a form that was sent with `GET` are in the
/// query, and [`Query`](super::Query) reads them: were `Form` to read them too, then a route that
/// takes any method would let a link change what only a form should.
///
/// # Errors
/// - 415 where the content type is neither of the two, or the body has a `Content-Encoding`
/// - 422 where fields do not fit: all of them, each with its name, a code and a message
/// - 413 past the body limit of the route, past [`FormLimits`](crate::form::FormLimits), or where
///   all that is wrong is size
/// - 400 where the body is no multipart, or ends early
///
/// `Option` is `None` where there is neither a content type nor a body.
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
    use crate::extract::testkit::{cx, told};

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
        assert_eq!(told(read("POST", TYPE, "name=1&age=x").await), (422, detail));
    }

    #[tokio::test]
    async fn refuses_other_content() {
        let (status, detail) = told(read("POST", "text/plain", "name=a").await);
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
        assert_eq!(told(untyped).0, 415);
    }
}
