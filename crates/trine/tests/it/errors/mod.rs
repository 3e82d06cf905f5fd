//! Errors and their responses: derived problems, `?`, catchers, the error page.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blame;
mod body;
mod catch;
mod derive;
mod encoded;
mod log;
mod page;
mod question_mark;
mod refused;
mod request_log;
mod vary;
