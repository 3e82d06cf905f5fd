#![doc = include_str!("../../../../docs/guide/forms.md")]

mod collect;
mod collections;
mod field;
mod limits;
pub(crate) mod name;
mod node;
mod read;
mod rule;
mod scalars;
mod submitted;
#[cfg(feature = "multipart")]
mod temp_file;

pub use self::field::{Field, FromField, FromForm, Refused};
pub use self::limits::FormLimits;
pub(crate) use self::read::read;
pub use self::rule::Rule;
pub use self::scalars::Parsed;
pub use self::submitted::{Filled, Submitted};
#[cfg(feature = "multipart")]
pub use self::temp_file::TempFile;
#[cfg(feature = "multipart")]
pub(crate) use self::temp_file::save;
pub use trine_macros::FromForm;
