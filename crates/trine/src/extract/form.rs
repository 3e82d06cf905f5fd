//! The body as a form of fields.

use serde::de::DeserializeOwned;
use trine_core::extract::Whole;
use trine_core::{Cx, FromRequest, Problem, Rejection};

use super::content::Content;
use super::fields::{self, Misfit};

/// The fields of an HTML form, sent with `POST` and the default `enctype`, as any type that `serde` can read.
///
/// A repeated name fills a `Vec`; `Option` and `#[serde(default)]` make a field optional; `+` is a space.
///
/// ```
/// use serde::Deserialize;
/// use trine::extract::Form;
///
/// #[derive(Deserialize)]
/// struct Login {
///     name: String,
///     #[serde(default)]
///     remember: bool,
/// }
///
/// async fn login(login: Form<Login>) -> String {
///     format!("Hello {}", login.name)
/// }
/// ```
///
/// It reads the body under every method. The fields of a form that was sent with `GET` are in the query, and
/// [`Query`](super::Query) reads them: were `Form` to read them too, then a route that takes any method would let a
/// link change what only a form should.
///
/// # Errors
/// - 415 where the content type is not `application/x-www-form-urlencoded`
/// - 422 where the fields do not fit; it names the field
/// - 413 past the body limit of the route, 400 where the body is not UTF-8
///
/// `Option` is `None` where there is neither a content type nor a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest for Form<T> {
    type Reads = Whole;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let body = FORM.read(cx).await?;
        let text = std::str::from_utf8(&body).map_err(not_utf8)?;
        fields::read(text).map(Form).map_err(refuse)
    }
}

const FORM: Content = Content {
    expected: "application/x-www-form-urlencoded",
    accepts: |given| given.eq_ignore_ascii_case("application/x-www-form-urlencoded"),
};

#[cold]
fn refuse(Misfit { field, message }: Misfit) -> Rejection {
    match field {
        Some(field) => {
            Problem::unprocessable(format!("form field `{field}`: {message}")).with("field", field).into()
        }
        None => Problem::unprocessable(format!("form: {message}")).into(),
    }
}

#[cold]
fn not_utf8(error: std::str::Utf8Error) -> Rejection {
    let at = error.valid_up_to();
    Problem::bad_request(format!("form: expected UTF-8, got another byte at offset {at}"))
        .source(error)
        .into()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::extract::testkit::{cx, told};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Login {
        name: String,
        #[serde(default)]
        age: Vec<u8>,
    }

    async fn read(method: &str, content_type: &str, body: &'static str) -> Result<Form<Login>, Rejection> {
        Form::from_request(&mut cx(method, "/?name=query", &[("content-type", content_type)], body)).await
    }

    const TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

    #[tokio::test]
    async fn reads_the_body_under_every_method() {
        for method in ["POST", "GET"] {
            let Form(login) = read(method, TYPE, "name=J+R&age=1&age=2").await.unwrap();
            assert_eq!(login, Login { name: "J R".into(), age: vec![1, 2] });
        }
    }

    #[tokio::test]
    async fn names_the_field() {
        let detail = "form field `age`: expected a whole number, got `x`".to_owned();
        assert_eq!(told(read("POST", TYPE, "name=a&age=x").await), (422, detail));
        assert_eq!(told(read("POST", TYPE, "").await), (422, "form: missing field `name`".into()));
    }

    #[tokio::test]
    async fn refuses_other_content() {
        let (status, detail) = told(read("POST", "text/plain", "name=a").await);
        assert_eq!(status, 415);
        assert_eq!(
            detail,
            "header `content-type`: expected `application/x-www-form-urlencoded`, got `text/plain`"
        );
    }

    #[tokio::test]
    async fn is_absent_without_type_and_body() {
        let none = Option::<Form<Login>>::from_request(&mut cx("POST", "/", &[], ())).await;
        assert_eq!(none.unwrap(), None);
        assert_eq!(
            told(Option::<Form<Login>>::from_request(&mut cx("POST", "/", &[], "name=a")).await).0,
            415
        );
    }
}
