//! What a handler returns: one responder per file.
//!
//! | return value | status | content type |
//! |---|---|---|
//! | `String`, `&'static str` | 200 | `text/plain; charset=utf-8` |
//! | `Bytes`, `Vec<u8>` | 200 | `application/octet-stream` |
//! | [`Json<T>`] | 200 | `application/json` |
//! | [`Html<T>`] | 200 | `text/html; charset=utf-8` |
//! | [`stream`] | 200 | its argument |
//! | [`Sse`](crate::sse::Sse) | 200 | `text/event-stream` |
//! | [`Created<R>`](Created) | 201, `Location` | as `R` |
//! | [`NoContent`] | 204 | |
//! | [`Redirect`] | 303, 307, 308, `Location` | |
//! | `()` | 200 | |
//! | `StatusCode` | itself | |
//! | `Body`, [`Response`](crate::Response) | 200; its own | none; its own |
//! | `Option<R>` | as `R`; 404 for `None` | as `R` |
//! | `Result<R, E>` | as `R` or `E` | as `R` or `E` |
//! | [`Problem`](struct@crate::Problem) | its own | negotiated: JSON, HTML or Markdown |
//!
//! A tuple ends with one of these; the elements before it change the response head: first a status,
//! then header fields, [`AppendHeaders`], [`TypedHeader`](crate::extract::TypedHeader) or
//! [`Cookies`](crate::extract::Cookies). A field replaces fields of the same name set further to
//! the right. `Set-Cookie` and the fields in [`AppendHeaders`] are added instead.
//!
//! ```
//! use trine::http::StatusCode;
//! use trine::respond::{IntoResponse, Json};
//!
//! let response = (StatusCode::ACCEPTED, [("x-queue", "7")], Json(["a", "b"])).into_response();
//! assert_eq!(response.status(), 202);
//! assert_eq!(response.headers()["x-queue"], "7");
//! assert_eq!(response.headers()["content-type"], "application/json");
//! ```
//!
//! # Layout
//! Each responder has a file of its own. `location` is the target of [`Created`] and [`Redirect`],
//! and `uri` makes it safe for a header field.

mod append_headers;
mod created;
mod html;
mod json;
mod location;
mod no_content;
mod redirect;
mod stream;
mod uri;

pub use trine_core::respond::{IntoResponse, IntoResponseParts, with_type};

pub use self::append_headers::AppendHeaders;
pub use self::created::Created;
pub use self::html::Html;
pub use self::location::Target;
pub(crate) use self::location::complete_location;
pub use self::no_content::NoContent;
pub use self::redirect::Redirect;
pub use self::stream::stream;
pub(crate) use self::uri::encode_uri;
pub use crate::extract::Json;
