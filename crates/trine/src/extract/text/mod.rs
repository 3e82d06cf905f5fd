//! Turns the text of a query or path into typed values: shared by `Query` and `Path`.
//!
//! # Layout
//! - `fields`: the names and their texts
//! - `value`: the deserializer for one name; the table in [`trine_core::scalars`] says which text
//!   is which value, here as in forms
//! - `deserializer`: the deserializers for all fields, as a struct, map or list of pairs
//! - `search`: fields that serde buffers before it knows their types, with `plan` and `notes`;
//!   `probe` finds out which of them become file paths
//! - `error`: which text does not fit, and why

mod deserializer;
mod error;
mod fields;
mod notes;
mod plan;
mod probe;
mod search;
mod value;

pub(crate) use self::deserializer::{FieldMap, QueryDeserializer};
pub(crate) use self::error::{Error, Why, plain};
pub(crate) use self::fields::{Fields, Texts};
pub(crate) use self::plan::Attempt;
pub(crate) use self::search::read;
pub(crate) use self::value::Value;

#[cfg(test)]
mod tests;
