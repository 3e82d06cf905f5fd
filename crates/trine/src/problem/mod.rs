//! What becomes of an error: `error` is the type that handlers return, `settle` logs and renders a
//! problem, [`catch`] lets the application answer instead, and `error_page` shows it to the
//! programmer.

pub mod catch;
pub(crate) mod error;
pub(crate) mod error_page;
pub(crate) mod finish;
