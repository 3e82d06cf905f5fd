//! Everything that can go wrong, and what the client sees of it.
//!
//! All errors reach the client as `{"errors": {"field": ["message"]}}`, also those of the framework: a body that is
//! no JSON, a path that is not routed, a parameter that is no number.

use serde_json::{Value, json};
use trine::prelude::*;

use crate::check::Fields;

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
    #[problem(status = 422)]
    Invalid(Fields),
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
            // Statements find everything they refer to by a query, except the user, whom the token names.
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
        Some(Error::Invalid(fields)) => json!(fields),
        Some(Error::Internal(_)) | None => framework(&problem),
    };
    Json(json!({ "errors": errors }))
}

fn framework(problem: &Problem) -> Value {
    // A parameter has a name, a place in JSON a path such as `user.email`; everything else is about the whole.
    let text = |name| problem.member(name).and_then(Value::as_str);
    let path = text("path").and_then(|path| path.split_once('.')).map(|(_, field)| field);
    let field = text("parameter").or(path).unwrap_or("body");
    json!({ field: [problem.detail_text().unwrap_or(problem.title_text())] })
}
