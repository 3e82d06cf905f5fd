//! Forms: the fields that a page submits, urlencoded or with files, as a type of your own.
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
//!
//! # #[trine::main]
//! # async fn main() {
//! let client = App::new().routes(routes![signup]).test().await;
//! let request = client.post("/signup").form(&[("name", "Ann"), ("password", "secret")]);
//! request.await.expect_text("Hello Ann");
//! # }
//! ```
//!
//! The chapter `guide/forms.md` covers all of it.
//!
//! # Layout
//! In the order in which a form passes them:
//! - `read`: splits the body into fields; `collect`: checks each field against its [`Rule`] and the
//!   [`FormLimits`]
//! - `name` and `node`: a name such as `address.street`, and the tree of all fields
//! - [`Field`] and [`FromField`]: how a type is read from a field; implemented for types in
//!   `scalars`, `collections` and `files`
//! - [`TempFile`]: an uploaded file
//! - [`Submitted`] and [`Filled`]: a form that is shown again

mod collect;
mod collections;
mod field;
#[cfg(feature = "multipart")]
mod files;
mod filled;
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
pub use self::filled::Filled;
pub use self::limits::FormLimits;
pub(crate) use self::read::read;
pub use self::rule::Rule;
pub use self::scalars::Parsed;
pub use self::submitted::Submitted;
#[cfg(feature = "multipart")]
pub use self::temp_file::TempFile;
#[cfg(feature = "multipart")]
pub(crate) use self::temp_file::save;
pub use trine_macros::FromForm;
