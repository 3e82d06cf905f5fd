//! Whether what fits its type is also right: one trait, one extractor, one shape of errors.
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
//! ```
//!
//! A chapter of the guide, `guide/validation.md`, goes through all of it, garde's rules among it.

mod errors;
#[cfg(feature = "garde")]
mod garde;
mod place;
mod valid;
mod validate;
mod wire;

pub use self::errors::{FieldError, FieldErrors, Location};
#[cfg(feature = "garde")]
pub use self::garde::coded;
pub use self::place::Place;
pub use self::valid::{Checked, Valid};
pub use self::validate::Validate;
