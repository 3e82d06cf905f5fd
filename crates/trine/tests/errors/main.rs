//! What becomes of errors: derived problems, `?`, catchers, the error page.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catch;
mod derive;
mod log;
mod page;
mod question_mark;
