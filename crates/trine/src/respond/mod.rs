//! What a handler gives back: one responder a file.
//!
//! | answer | status | content type |
//! |---|---|---|
//! | `String`, `&'static str` | 200 | `text/plain; charset=utf-8` |
//! | `Bytes`, `Vec<u8>` | 200 | `application/octet-stream` |
//! | [`Json<T>`] | 200 | `application/json` |
//! | [`Html<T>`] | 200 | `text/html; charset=utf-8` |
//! | [`stream`] | 200 | as told |
//! | [`Sse`](crate::sse::Sse) | 200 | `text/event-stream` |
//! | [`Created<R>`](Created) | 201, `Location` | of `R` |
//! | [`NoContent`] | 204 | |
//! | [`Redirect`] | 303, 307, 308, `Location` | |
//! | `()`, `StatusCode`, `Body`, [`Response`](crate::Response) | as told | as told |
//! | `Option<R>` | of `R`; `None` is a 404 | of `R` |
//! | `Result<R, E>` | of `R` or `E` | of `R` or `E` |
//! | [`Problem`](struct@crate::Problem) | its own | as the client accepts |
//!
//! A tuple ends with one of these and has what changes its head before it: a status first, then
//! header fields, [`AppendHeaders`], [`TypedHeader`](crate::extract::TypedHeader),
//! [`Cookies`](crate::extract::Cookies). A field replaces those of the same name that stand further
//! to the right, but `Set-Cookie`, and what is in [`AppendHeaders`]: they are added.

mod append_headers;
mod created;
mod html;
mod json;
mod location;
mod no_content;
mod redirect;
mod stream;

pub use trine_core::respond::{IntoResponse, IntoResponseParts, with_type};

pub use self::append_headers::AppendHeaders;
pub use self::created::Created;
pub use self::html::Html;
pub use self::location::Target;
pub(crate) use self::location::{locate_pending, uri};
pub use self::no_content::NoContent;
pub use self::redirect::Redirect;
pub use self::stream::stream;
pub use crate::extract::Json;
