//! Everything that can go wrong, and what the client sees of it.
//!
//! All errors reach the client as `{"errors": {"field": ["message"]}}`, also those of the
//! framework: a body that is no JSON, a path that is not routed, a parameter that is no number.

use serde_json::{Map, Value, json};
use trine::prelude::*;
use trine::validation::FieldErrors;

/// What a handler returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request is refused.
#[derive(Debug, Problem)]
pub enum Error {
    /// The route needs a user and the request names none.
    #[problem(status = 401, header("WWW-Authenticate", "Token"), absent)]
    NoToken,
    /// The token is not ours, has expired, or its user is gone.
    #[problem(status = 401, header("WWW-Authenticate", "Token"))]
    BadToken,
    /// No user has this email and password.
    #[problem(status = 401)]
    BadLogin,
    /// This thing belongs to somebody else.
    #[problem(status = 403)]
    Forbidden(&'static str),
    /// There is no such thing.
    #[problem(status = 404)]
    NotFound(&'static str),
    /// These fields are wrong.
    #[problem(transparent)]
    Invalid(#[from] FieldErrors),
    /// Our fault. The log learns all of it, the client nothing.
    #[problem(transparent)]
    Internal(trine::Error),
}

impl Error {
    /// Our fault.
    #[track_caller]
    pub fn internal(error: impl Into<trine::Error>) -> Error {
        Error::Internal(error.into())
    }
}

impl From<sqlx::Error> for Error {
    #[track_caller]
    fn from(error: sqlx::Error) -> Error {
        match error.as_database_error() {
            // Statements find everything they refer to by a query, except the user, whom the token
            // names.
            Some(refused) if refused.is_foreign_key_violation() => Error::BadToken,
            _ => Error::Internal(error.into()),
        }
    }
}

/// Tells every problem, ours and the framework's, in the words of the API.
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

/// What the framework says of fields: of `/user/email` this API says `email`.
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
