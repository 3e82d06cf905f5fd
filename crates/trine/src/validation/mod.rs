//! Validation: one trait, one extractor and one format of errors.
//!
//! An extractor such as `Json<T>` checks that a request fits the type `T`. [`Valid`] around it also
//! checks the value with [`Validate`], and reports every error at once:
//!
//! ```
//! use serde::Deserialize;
//! use trine::prelude::*;
//! use trine::validation::{FieldErrors, Validate};
//!
//! #[derive(Deserialize)]
//! struct NewTodo { title: String }
//!
//! impl Validate for NewTodo {
//!     type Context = ();
//!
//!     fn validate(&self, _: &(), errors: &mut FieldErrors) {
//!         if self.title.trim().is_empty() {
//!             errors.refuse("title", "blank", "must say something");
//!         }
//!     }
//! }
//!
//! #[post("/todos")]
//! async fn create(Valid(Json(todo)): Valid<Json<NewTodo>>) -> String {
//!     todo.title
//! }
//!
//! # #[trine::main]
//! # async fn main() {
//! let client = App::new().routes(routes![create]).test().await;
//! let response = client.post("/todos").json(&serde_json::json!({ "title": " " })).await;
//! response.expect_problem(422).expect_text_contains("must say something");
//! # }
//! ```
//!
//! The chapter `guide/validation.md` covers all of it, including garde's rules.
//!
//! # Layout
//! - `validate`: the trait, which `garde` implements for the types of garde
//! - `errors` and `field_path`: the errors that it adds, each at the path of a field
//! - `valid`: the extractor; `wire_names` translates field names to the names that clients send

mod errors;
mod field_path;
#[cfg(feature = "garde")]
mod garde;
mod valid;
mod validate;
mod wire_names;

pub use self::errors::{FieldError, FieldErrors, Location};
pub use self::field_path::FieldPath;
#[cfg(feature = "garde")]
pub use self::garde::coded;
pub use self::valid::{Checked, Valid};
pub use self::validate::Validate;
