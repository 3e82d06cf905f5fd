//! Forms: what a page sends, urlencoded or with files, as a type of one's own.
//!
//! ```
//! use trine::prelude::*;
//!
//! #[derive(FromForm)]
//! struct Signup {
//!     name: String,
//!     password: String,
//!     age: Option<u8>,
//!     tags: Vec<String>,
//!     agree: bool,
//! }
//!
//! #[post("/signup")]
//! async fn signup(Form(new): Form<Signup>) -> String {
//!     format!("Hello {}", new.name)
//! }
//! ```
//!
//! A chapter of the guide, `guide/forms.md`, goes through all of it.
//!
//! # Layout
//! In the order in which a form passes them:
//! - `read`: from the body to fields, `collect`: each field held against its [`Rule`] and the
//!   [`FormLimits`]
//! - `name` and `node`: `address.street` as a place in a tree
//! - [`Field`] and [`FromField`]: a type reads itself from its place; `scalars`, `collections`,
//!   [`TempFile`]
//! - [`Submitted`]: what goes back to the page

mod collect;
mod collections;
mod field;
mod limits;
pub(crate) mod name;
mod node;
mod read;
mod rule;
mod scalars;
mod submitted;
#[cfg(feature = "multipart")]
mod temp_file;

#[doc(hidden)]
pub use self::field::{Access, access};
pub use self::field::{Field, FromField, FromForm, Refused};
pub use self::limits::FormLimits;
pub(crate) use self::read::read;
pub use self::rule::Rule;
pub use self::scalars::Parsed;
pub use self::submitted::{Filled, Submitted};
#[cfg(feature = "multipart")]
pub use self::temp_file::TempFile;
#[cfg(feature = "multipart")]
pub(crate) use self::temp_file::save;
pub use trine_macros::FromForm;
