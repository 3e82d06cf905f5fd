//! Every error of the application, and its response.
//!
//! Every error reaches the client as `{"errors": {"field": ["message"]}}`. This includes errors of
//! the framework: a body that is not JSON, a path without a route, a parameter that is not a
//! number.

use serde_json::{Map, Value, json};
use trine::prelude::*;
use trine::validation::FieldErrors;

/// The result of a handler.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a request is refused.
#[derive(Debug, Problem)]
pub enum Error {
    /// The route needs a user, but the request has no token.
    #[problem(status = 401, header("WWW-Authenticate", "Token"), absent)]
    NoToken,
    /// The token was not signed by us, has expired, or its user no longer exists.
    #[problem(status = 401, header("WWW-Authenticate", "Token"))]
    BadToken,
    /// No user has this email and password.
    #[problem(status = 401)]
    BadLogin,
    /// The item belongs to another user.
    #[problem(status = 403)]
    Forbidden(&'static str),
    /// The item does not exist.
    #[problem(status = 404)]
    NotFound(&'static str),
    /// These fields are invalid.
    #[problem(transparent)]
    Invalid(#[from] FieldErrors),
    /// A failure of the server. The log gets the details, and the client does not.
    #[problem(transparent)]
    Internal(trine::Error),
}

impl Error {
    /// A failure of the server.
    #[track_caller]
    pub fn internal(error: impl Into<trine::Error>) -> Error {
        Error::Internal(error.into())
    }
}

impl From<sqlx::Error> for Error {
    #[track_caller]
    fn from(error: sqlx::Error) -> Error {
        match error.as_database_error() {
            // All rows that a statement refers to were found by a query, except for the user, which
            // the token names.
            Some(refused) if refused.is_foreign_key_violation() => Error::BadToken,
            _ => Error::Internal(error.into()),
        }
    }
}

/// Renders every problem, of this application and of the framework, in the format of the API.
pub async fn told_our_way(problem: Caught) -> Json<Value> {
    let errors = match problem.error() {
        Some(Error::NoToken) => json!({ "token": ["is missing"] }),
        Some(Error::BadToken) => json!({ "token": ["is invalid"] }),
        Some(Error::BadLogin) => json!({ "email or password": ["is invalid"] }),
        Some(Error::Forbidden(what)) => json!({ *what: ["belongs to somebody else"] }),
        Some(Error::NotFound(what)) => json!({ *what: ["not found"] }),
        Some(Error::Invalid(_) | Error::Internal(_)) | None => framework(&problem),
    };
    Json(json!({ "errors": errors }))
}

fn framework(problem: &Problem) -> Value {
    let field = problem.member("parameter").and_then(Value::as_str).unwrap_or("body");
    match problem.member("errors").and_then(Value::as_array) {
        Some(told) => by_field(told),
        None => json!({ field: [problem.detail_text().unwrap_or(problem.title_text())] }),
    }
}

/// Renames the fields of the framework's errors: the API says `email` for `/user/email`.
fn by_field(told: &[Value]) -> Value {
    let mut fields = Map::new();
    for error in told {
        let text = |name| error[name].as_str().unwrap_or_default();
        let mut keys =
            text("pointer").split('/').chain([text("field")]).filter(|key| !key.is_empty());
        let outer = keys.next().unwrap_or("body");
        let messages = fields.entry(keys.next().unwrap_or(outer)).or_insert_with(|| json!([]));
        messages
            .as_array_mut()
            .into_iter()
            .for_each(|messages| messages.push(json!(text("message"))));
    }
    Value::Object(fields)
}
