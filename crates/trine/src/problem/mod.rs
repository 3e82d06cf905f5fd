//! Errors and problems.
//!
//! - `error`: the error type that handlers return
//! - `finish`: the last step of a response. A problem is logged and rendered (`render`, `headers`),
//!   and offered to the catchers ([`catch`]). `complete` applies the changes that waited for the
//!   response.
//! - `error_page`: the page that shows a problem to developers
//! - `backtraces`: whether errors capture a backtrace

pub(crate) mod backtraces;
pub mod catch;
pub(crate) mod complete;
pub(crate) mod error;
pub(crate) mod error_page;
pub(crate) mod finish;
pub(crate) mod headers;
pub(crate) mod render;
