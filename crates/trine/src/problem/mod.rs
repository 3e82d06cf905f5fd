//! What happens to the errors and problems that handlers, extractors and layers return. The files
//! in the order in which to read them:
//! - `error`: the error type of handlers. `backtraces` decides whether an error captures a
//!   backtrace
//! - `finish`: the last step of a response. It first applies the changes that waited for the
//!   response (`complete`)
//! - `render` and `headers`: the problem in a response is logged and rendered
//! - [`catch`]: the functions of the application that respond to problems
//! - `error_page`: the page that shows a problem to developers

pub(crate) mod backtraces;
pub mod catch;
pub(crate) mod complete;
pub(crate) mod error;
pub(crate) mod error_page;
pub(crate) mod finish;
pub(crate) mod headers;
pub(crate) mod render;
