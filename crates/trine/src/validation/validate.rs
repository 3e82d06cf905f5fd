//! The trait that checks a value.

use super::FieldErrors;

/// A type whose values can be checked.
///
/// With the feature `garde`, every type with `#[derive(garde::Validate)]` implements it. By hand:
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
///             errors.refuse("to", "order", "is before `from`");
///         }
///     }
/// }
///
/// let mut errors = FieldErrors::default();
/// Period { from: 2, to: 1 }.validate(&(), &mut errors);
/// assert_eq!(errors.to_string(), "JSON at `to` is before `from`");
/// ```
///
/// It is not async: a check that queries a database belongs in the handler, which can decide what
/// to do if the query fails.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be validated",
    label = "does not implement `Validate`",
    note = "derive it, with the feature `garde` of trine: `#[derive(garde::Validate)]`",
    note = "or implement `trine::validation::Validate`; if there is nothing to check, remove `Valid`"
)]
pub trait Validate {
    /// What the checks need besides the value: a type in the application's state, or `()`.
    type Context: Send + Sync + 'static;

    /// Adds an error for everything that is wrong.
    fn validate(&self, context: &Self::Context, errors: &mut FieldErrors);
}
