//! What a valid value is.

use super::FieldErrors;

/// A type that knows whether a value of it is valid.
///
/// With the feature `garde`, every type with `#[derive(garde::Validate)]` is one. By hand:
///
/// ```
/// use trine::validation::{FieldErrors, Validate};
///
/// struct Period { from: u32, to: u32 }
///
/// impl Validate for Period {
///     type Context = ();
///
///     fn validate(&self, _context: &(), errors: &mut FieldErrors) {
///         if self.to < self.from {
///             errors.refuse("to", "order", "lies before `from`");
///         }
///     }
/// }
/// ```
///
/// It is not async: what asks a database belongs into the handler, which knows what to do when that
/// fails.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be validated",
    label = "does not implement `Validate`",
    note = "derive it, with the feature `garde` of trine: `#[derive(garde::Validate)]`",
    note = "or implement `trine::validation::Validate`; where nothing is to be checked, leave `Valid` out"
)]
pub trait Validate {
    /// What the checks need besides the value: a type of the application's state, or `()`.
    type Context: Send + Sync + 'static;

    /// Notes everything that is wrong.
    fn validate(&self, context: &Self::Context, errors: &mut FieldErrors);
}
