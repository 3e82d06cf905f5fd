//! Everything that can go wrong, and what the client sees of it.
//!
//! All errors reach the client as `{"errors": {"field": ["message"]}}`, also those of the framework: a body that is
//! no JSON, a path that is not routed, a parameter that is no number.

use serde_json::{Map, Value, json};
use trine::BoxError;
use trine::prelude::*;
use trine::validation::FieldErrors;

/// What a handler returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request is refused.
#[derive(Debug)]
pub enum Error {
    /// 401: the route needs a user and the request names none.
    NoToken,
    /// 401: the token is not ours, has expired, or its user is gone.
    BadToken,
    /// 401: no user has this email and password.
    BadLogin,
    /// 403: this thing belongs to somebody else.
    Forbidden(&'static str),
    /// 404: there is no such thing.
    NotFound(&'static str),
    /// 422: these fields are wrong.
    Invalid(FieldErrors),
    /// 500: our fault. The log learns all of it, the client nothing.
    Internal(BoxError),
}

impl Error {
    /// Our fault.
    pub fn internal(error: impl Into<BoxError>) -> Error {
        Error::Internal(error.into())
    }
}

/// The table: every error with its status and its words.
impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let (status, errors) = match error {
            Error::NoToken => return challenge("is missing").absent(),
            Error::BadToken => return challenge("is invalid"),
            Error::BadLogin => (StatusCode::UNAUTHORIZED, json!({ "email or password": ["is invalid"] })),
            Error::Forbidden(what) => (StatusCode::FORBIDDEN, json!({ what: ["belongs to somebody else"] })),
            Error::NotFound(what) => (StatusCode::NOT_FOUND, json!({ what: ["not found"] })),
            Error::Invalid(fields) => return fields.into(),
            Error::Internal(error) => return Problem::internal(error),
        };
        Problem::new(status).with("errors", errors)
    }
}

// RFC 9110 section 11.6.1: a 401 says how to do better.
fn challenge(message: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Token"))
        .with("errors", json!({ "token": [message] }))
}

impl From<FieldErrors> for Error {
    fn from(fields: FieldErrors) -> Error {
        Error::Invalid(fields)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        match error.as_database_error() {
            // Statements find everything they refer to by a query, except the user, whom the token names.
            Some(refused) if refused.is_foreign_key_violation() => Error::BadToken,
            _ => Error::internal(error),
        }
    }
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Rejection {
        Problem::from(error).into()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

/// Tells every problem, ours and the framework's, in the words of the API.
pub async fn told_our_way(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(problem) = Problem::take(&mut response) else { return response };

    *response.body_mut() = Body::from(json!({ "errors": errors(&problem) }).to_string());
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn errors(problem: &Problem) -> Value {
    let detail = problem.detail_text().unwrap_or(problem.title_text());
    let field = problem.member("parameter").and_then(Value::as_str).unwrap_or("body");
    match problem.member("errors") {
        Some(Value::Array(told)) => by_field(told),
        Some(ours) => ours.clone(),
        None => json!({ field: [detail] }),
    }
}

/// What the framework says of fields: of `/user/email` this API says `email`.
fn by_field(told: &[Value]) -> Value {
    let mut fields = Map::new();
    for error in told {
        let text = |name| error[name].as_str().unwrap_or_default();
        let mut keys = text("pointer").split('/').chain([text("field")]).filter(|key| !key.is_empty());
        let outer = keys.next().unwrap_or("body");
        let messages = fields.entry(keys.next().unwrap_or(outer)).or_insert_with(|| json!([]));
        messages.as_array_mut().into_iter().for_each(|messages| messages.push(json!(text("message"))));
    }
    Value::Object(fields)
}
