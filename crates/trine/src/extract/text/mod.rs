//! Texts as types: what `Query` and `Path` share.
//!
//! # Layout
//! - `fields`: the names and their texts
//! - `value`: a type reads itself from the texts of one name; how a text becomes a value is the
//!   table of [`trine_core::scalars`], as everywhere
//! - `walk`: from name to name, for structs and maps
//! - `probe`: which of these become paths of files
//! - `search`: what serde keeps before it knows the type, with `plan` and `notes`
//! - `error`: where and why it does not fit

mod error;
mod fields;
mod notes;
mod plan;
mod probe;
mod search;
mod value;
mod walk;

pub(crate) use self::error::{Error, Why};
pub(crate) use self::fields::{Fields, Texts};
pub(crate) use self::plan::Attempt;
pub(crate) use self::search::read;
pub(crate) use self::value::Value;
pub(crate) use self::walk::{Walk, Whole};

#[cfg(test)]
mod tests;
