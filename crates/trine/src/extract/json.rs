//! A JSON body. After an error, `locate` finds the path of the wrong value.

mod locate;

use std::borrow::Cow;

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use trine_core::{Body, Cx, FromRequest, Rejection};

use super::content::Content;
use super::text::plain;
use crate::validation::{FieldErrors, Location};

/// A JSON body, both as an argument and as a return value.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use trine::prelude::*;
///
/// #[derive(Deserialize)]
/// struct NewTodo { title: String }
///
/// #[derive(Serialize)]
/// struct Todo { id: u64, title: String }
///
/// #[post("/todos")]
/// async fn create(Json(new): Json<NewTodo>) -> Json<Todo> {
///     Json(Todo { id: 1, title: new.title })
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// use serde_json::json;
///
/// let client = App::new().routes(routes![create]).test().await;
/// let response = client.post("/todos").json(&json!({ "title": "buy milk" })).await;
/// response.expect_json(json!({ "id": 1, "title": "buy milk" }));
/// let response = client.post("/todos").json(&json!({ "title": 7 })).await;
/// response.expect_problem(422).expect_text_contains("JSON at `title`");
/// # }
/// ```
///
/// # Errors
/// - 415 if the content type is neither `application/json` nor ends in `+json`, or if the body has
///   a `Content-Encoding`
/// - 400 if the body is not JSON; the problem has the members `line` and `column`
/// - 422 if the JSON does not fit `T`; the problem also has the member `path`, such as
///   `user.tags[2]`, and lists the error in `errors`, in the format of [`FieldErrors`]
/// - 413 past the body limit of the route
///
/// `Option` is `None` if there is neither a content type nor a body. As a return value, a `T` that
/// fails to serialize is a 500 whose cause is only logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest for Json<T> {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let body = JSON.read(cx).await?;
        serde_json::from_slice(&body).map(Json).map_err(|error| refuse(&body, error))
    }
}

const JSON: Content = Content { expected: "application/json", accepts: is_json };

// RFC 6839 section 3.1: a subtype that ends in `+json` is JSON.
fn is_json(media_type: &str) -> bool {
    let Some((main, sub)) = media_type.split_once('/') else { return false };
    let suffix = sub.rsplit_once('+').map_or(sub, |(_, suffix)| suffix);
    main.eq_ignore_ascii_case("application") && suffix.eq_ignore_ascii_case("json")
}

// The path is found in the body after the error. A deserializer that tracks it would be compiled
// for every type, and every valid request would pay for the invalid ones.
#[cold]
fn refuse(body: &[u8], error: serde_json::Error) -> Rejection {
    if body.iter().all(u8::is_ascii_whitespace) {
        return JSON.empty().source(error).into();
    }
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let text = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    let text = in_words(text);
    let message = super::clip(&text);
    let problem = match error.classify() {
        Category::Data => {
            let field_path = locate::field_path(body, line, column);
            let path = field_path.json_path();
            let at = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
            let mut errors = FieldErrors::of(Location::Body);
            errors.refuse(field_path, "type", &*message);
            errors
                .problem(StatusCode::UNPROCESSABLE_ENTITY)
                .detail(format!("JSON{at} (line {line}, column {column}): {message}"))
                .with("path", path)
        }
        Category::Io | Category::Syntax | Category::Eof => {
            let mut errors = FieldErrors::of(Location::Body);
            errors.refuse("", "syntax", &*message);
            errors
                .problem(StatusCode::BAD_REQUEST)
                .detail(format!("JSON (line {line}, column {column}): {message}"))
        }
    };
    problem.with("line", line).with("column", column).source(error).into()
}

/// The error of serde for a client, which does not know the types of the program.
fn in_words(text: &str) -> Cow<'_, str> {
    let misfit =
        text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "));
    let Some((got, expected)) = misfit.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return text.into();
    };
    let json = |word| match word {
        "map" | "a map" => "an object",
        "sequence" | "a sequence" => "an array",
        other => other,
    };
    let expected = match expected {
        expected if expected.starts_with("struct ") => "an object",
        expected => json(plain(expected)),
    };
    format!("expected {expected}, got {}", json(got)).into()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::extract::testkit::{cx, member, problem, status_and_text};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Post {
        user: User,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct User {
        age: u8,
    }

    #[test]
    fn errors_have_no_type_names() {
        #[derive(Debug, Deserialize)]
        struct Pair {
            _name: String,
        }
        let words = |error: serde_json::Error| {
            let text = error.to_string();
            in_words(text.split(" at line ").next().unwrap()).into_owned()
        };
        let of = |text: &str| words(serde_json::from_str::<Pair>(text).unwrap_err());
        let user = |text: &str| words(serde_json::from_str::<User>(text).unwrap_err());
        assert!(of("true").starts_with("expected an object, got boolean `true`"));
        assert!(of(r#"{"_name":{}}"#).starts_with("expected text, got an object"));
        let range = "expected a whole number from 0 to 255, got ";
        assert!(user(r#"{"age":300}"#).starts_with(&format!("{range}integer `300`")));
        assert!(user(r#"{"age":", expected x"}"#).starts_with(range));
        assert!(of("{}").starts_with("missing field `_name`"));
    }

    async fn read(content_type: &str, body: &'static str) -> Result<Json<Post>, Rejection> {
        Json::from_request(&mut cx("POST", "/", &[("content-type", content_type)], body)).await
    }

    const TYPE: &str = "application/json";

    #[tokio::test]
    async fn takes_every_json_content_type() {
        for content_type in [TYPE, "Application/JSON; charset=utf-8", "application/vnd.api+json"] {
            let Json(post) = read(content_type, r#"{"user":{"age":7}}"#).await.unwrap();
            assert_eq!(post.user.age, 7);
        }
    }

    #[tokio::test]
    async fn refuses_other_content_types() {
        for content_type in ["text/plain", "text/json", "json", "application/jsonp", ""] {
            let refused = problem(read(content_type, "{}").await);
            assert_eq!(refused.status(), 415);
            let expected =
                format!("header `content-type`: expected `application/json`, got `{content_type}`");
            assert_eq!(refused.detail_text().unwrap(), expected);
        }
        let undeclared =
            status_and_text(Json::<Post>::from_request(&mut cx("POST", "/", &[], "{}")).await);
        assert_eq!(
            undeclared,
            (415, "header `content-type`: expected `application/json`, but it is missing".into())
        );
    }

    #[tokio::test]
    async fn a_value_that_does_not_fit_is_located() {
        let refused = problem(read(TYPE, "{\"user\":\n {\"age\": \"x\"}}").await);
        assert_eq!(refused.status(), 422);
        let detail = "JSON at `user.age` (line 2, column 12): expected a \
                      whole number from 0 to 255, got string \"x\"";
        assert_eq!(refused.detail_text().unwrap(), detail);
        assert_eq!(member(&refused, "path"), "user.age");
        let message = "expected a whole number from 0 to 255, got string \"x\"";
        let error =
            json!({ "in": "body", "pointer": "/user/age", "code": "type", "message": message });
        assert_eq!(member(&refused, "errors"), json!([error]));
        assert_eq!((member(&refused, "line"), member(&refused, "column")), (2.into(), 12.into()));
    }

    #[tokio::test]
    async fn invalid_json_is_located() {
        let eof = status_and_text(read(TYPE, "{\"user\":").await);
        assert_eq!(eof, (400, "JSON (line 1, column 8): EOF while parsing a value".into()));
        let trailing = status_and_text(read(TYPE, r#"{"user":{"age":7}} x"#).await);
        assert_eq!(trailing, (400, "JSON (line 1, column 20): trailing characters".into()));
    }

    #[tokio::test]
    async fn is_absent_without_type_and_body() {
        let none = Option::<Json<Post>>::from_request(&mut cx("POST", "/", &[], ())).await;
        assert_eq!(none.unwrap(), None);
        let empty = (400, "the body is empty: expected `application/json`".to_owned());
        assert_eq!(
            status_and_text(Json::<Post>::from_request(&mut cx("POST", "/", &[], ())).await),
            empty
        );
        assert_eq!(
            status_and_text(
                Option::<Json<Post>>::from_request(&mut cx(
                    "POST",
                    "/",
                    &[("content-type", TYPE)],
                    "\n"
                ))
                .await
            ),
            empty
        );
    }

    #[tokio::test]
    async fn a_long_value_is_not_repeated() {
        let body = format!(r#"{{"user":{{"age":"{}"}}}}"#, "ä".repeat(5000));
        let (_, detail) = status_and_text(
            Json::<Post>::from_request(&mut cx("POST", "/", &[("content-type", TYPE)], body)).await,
        );
        assert!(detail.len() < 500, "{detail}");
    }
}
