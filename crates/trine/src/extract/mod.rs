//! What a handler takes as arguments: one extractor per file.
//!
//! | argument | reads | refuses with |
//! |---|---|---|
//! | [`Path<T>`] | the path parameters | 400 |
//! | [`Query<T>`] | the query | 400 |
//! | [`TypedHeader<H>`] | one header field | 400 |
//! | [`Cookies`] | the cookies | never |
//! | [`Links`](crate::Links) | the paths of all handlers | never |
//! | [`Cached<T>`](crate::Cached) | what `T` reads, once per request | as `T` |
//! | [`LastEventId`](crate::sse::LastEventId) | `Last-Event-ID` | 400 |
//! | [`Shutdown`](crate::Shutdown) | whether the server is shutting down | 500 outside of an `App` |
//! | [`MatchedPath`] | the path template of the route | 500 outside of routing |
//! | [`State<T>`] | a value of the application's state | 500; the launch audit finds it first |
//! | [`Json<T>`] | the body | 400, 413, 415, 422 |
//! | [`Form<T>`] | the body | 400, 413, 415, 422 |
//! | [`Submitted<T>`](crate::form::Submitted) | the body | 400, 413, 415, 422 past the depth limit; other errors of fields go to the handler |
//! | `Multipart` | the body, part by part | 400, 413, 415 |
//! | [`Valid<E>`](crate::validation::Valid) | what `E` reads | as `E`, and 422 if the value is invalid |
//! | `Bytes`, `String` | the body | 400, 408, 413 |
//! | [`Body`](crate::Body), [`Request`](crate::Request) | the body, as a stream | 413 while it is read |
//! | `Method`, `Uri`, `Version`, `HeaderMap`, `Extensions` | the request head | never |
//! | [`RawTarget`] | the request target as the client sent it | never |
//! | [`ConnInfo`](crate::ConnInfo) | the connection | 500 if the server does not provide it |
//! | [`ClientCertificate`] | the connection | 403 if the client presented none |
//! | [`Client`] | the client's address behind trusted proxies | never |
//! | `Option<E>` | what `E` reads | as `E`, but `None` if the value is absent |
//! | `Result<E, Rejection>` | what `E` reads | never |
//!
//! At most one argument of a handler reads the body; it may be in any position.
//!
//! ```
//! use trine::prelude::*;
//!
//! #[post("/notes/{id}")]
//! async fn save(id: u64, text: String, method: Method) -> String {
//!     format!("{method} {id}: {text}")
//! }
//!
//! # #[trine::main]
//! # async fn main() {
//! let client = App::new().routes(routes![save]).test().await;
//! client.post("/notes/7").body("hi").await.expect_text("POST 7: hi");
//! # }
//! ```

pub(crate) mod arguments;
pub mod cached;
mod client;
mod client_certificate;
pub(crate) mod content;
mod cookies;
mod form;
mod json;
mod matched_path;
#[cfg(feature = "multipart")]
mod multipart;
mod path;
mod query;
mod raw_target;
mod state;
mod text;
mod typed_header;

pub use trine_core::extract::{FromRequest, Head, Reads, Rejection};
pub(crate) use trine_core::param::clip;
pub use trine_core::param::{AnyText, from_header};

pub use self::client::Client;
pub use self::client_certificate::ClientCertificate;
pub use self::cookies::Cookies;
#[cfg(feature = "axum")]
pub(crate) use self::cookies::enter_foreign_handler;
pub(crate) use self::cookies::{
    CookieChanges, decode_value, encode_value, enter_cookie_scope, put_cookies_before,
    set_changed_cookies,
};
pub use self::form::Form;
pub use self::json::Json;
pub use self::matched_path::MatchedPath;
#[cfg(feature = "multipart")]
pub use self::multipart::{Multipart, Part};
pub use self::path::Path;
pub use self::query::Query;
pub use self::raw_target::RawTarget;
pub use self::state::State;
pub use self::typed_header::TypedHeader;
pub use cookie::{self, Cookie, SameSite};

/// Dereferences extractors to the value that they wrap, so that `todo.title` works with and without
/// `Json`.
macro_rules! deref_to_value {
    ($($name:ident),*) => {$(
        impl<T> std::ops::Deref for $name<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T> std::ops::DerefMut for $name<T> {
            fn deref_mut(&mut self) -> &mut T {
                &mut self.0
            }
        }
    )*};
}
deref_to_value!(Form, Json, Path, Query, TypedHeader);

#[cfg(test)]
pub(crate) mod testkit;
