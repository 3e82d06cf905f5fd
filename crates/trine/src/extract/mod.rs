//! What a handler takes: one extractor a file.
//!
//! | argument | reads | refuses with |
//! |---|---|---|
//! | [`Path<T>`] | the path parameters | 400 |
//! | [`Query<T>`] | the query | 400 |
//! | [`TypedHeader<H>`] | one header field | 400 |
//! | [`Cookies`] | the cookies | never |
//! | [`Links`](crate::Links) | where each handler stands | never |
//! | [`Cached<T>`](crate::Cached) | as `T`, once a request | as `T` |
//! | [`LastEventId`](crate::realtime::sse::LastEventId) | `Last-Event-ID` | 400 |
//! | [`Shutdown`](crate::Shutdown) | whether the server ends | 500 outside of an `App` |
//! | [`MatchedPath`] | the template of the route | 500 outside routing |
//! | [`State<T>`] | a value that the application holds | 500; the launch audit finds it first |
//! | [`Json<T>`] | the body | 400, 413, 415, 422 |
//! | [`Form<T>`] | the body | 400, 413, 415, 422 |
//! | [`Submitted<T>`](crate::form::Submitted) | the body, for a page that asks again | 400, 413, 415; what its fields refuse it holds, with 422 |
//! | `Multipart` | the body, part by part | 400, 413, 415 |
//! | [`Valid<E>`](crate::validation::Valid) | as `E` | as `E`, and 422 where the value is not valid |
//! | `Bytes`, `String` | the body | 400, 408, 413 |
//! | [`Body`](crate::Body), [`Request`](crate::Request) | the body, as a stream | 413 while it is read |
//! | `Method`, `Uri`, `Version`, `HeaderMap`, `Extensions` | the head | never |
//! | [`RawTarget`] | the target as the client wrote it | never |
//! | [`ConnInfo`](crate::ConnInfo) | the connection | 500 where no server told of it |
//! | [`ClientCertificate`] | the connection | 403 where the client showed none |
//! | [`Client`] | for whom the request is, behind trusted proxies | never |
//! | `Option<E>` | as `E` | as `E`, but is `None` where the thing is absent |
//! | `Result<E, Rejection>` | as `E` | never |
//!
//! A handler has at most one argument that reads the body; it may stand anywhere.

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
pub(crate) mod named;
mod path;
mod query;
mod raw_target;
mod state;
mod text;
mod typed_header;

pub use trine_core::extract::{FromRequest, Parts, Reads, Rejection, Whole};
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

/// What an extractor wraps is reached through it, so that `todo.title` reads the same with and
/// without `Json`.
macro_rules! wraps {
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
wraps!(Form, Json, Path, Query, TypedHeader);

#[cfg(test)]
pub(crate) mod testkit;
