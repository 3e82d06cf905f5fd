//! `#[get]`, `#[route]` and their siblings: a function becomes a handler.
//!
//! # Layout
//! In the order in which an attribute passes them:
//! - `attribute`: the arguments of the attribute; in it `template`, the path and the query, and
//!   `condition`, what else a request must have
//! - `handler`: the function, each argument bound to a name of the template or to an extractor
//! - `expand`: the generated code; `uri`, the typed link in it

pub(crate) mod attribute;
pub(crate) mod condition;
pub(crate) mod expand;
pub(crate) mod handler;
pub(crate) mod template;
mod uri;
