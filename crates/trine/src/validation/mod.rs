#![doc = include_str!("../../../../docs/guide/validation.md")]

mod errors;
#[cfg(feature = "garde")]
mod garde;
mod place;
mod valid;
mod validate;

pub use self::errors::{FieldError, FieldErrors, Location};
#[cfg(feature = "garde")]
pub use self::garde::coded;
pub use self::place::Place;
pub use self::valid::{Checked, Valid};
pub use self::validate::Validate;
