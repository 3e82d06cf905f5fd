//! `#[derive(FromForm)]`: structs and enums as forms and as fields of forms.
//!
//! # Layout
//! - `model`: the parsed type; `attributes`: the options in `#[form(…)]`
//! - `expand`: the generated code

mod attributes;
mod expand;
pub(crate) mod model;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;

/// Expands to the implementations, or to all mistakes in the type.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    match model::read(item, &mut diagnostics) {
        Some(model) if diagnostics.is_empty() => expand::expand(&model),
        _ => diagnostics.into_tokens(),
    }
}
