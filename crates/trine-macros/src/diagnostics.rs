//! Every mistake of one use of a macro, reported together.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};

/// What is wrong, in the order in which it was found.
#[derive(Default)]
pub(crate) struct Diagnostics {
    errors: Vec<syn::Error>,
}

impl Diagnostics {
    /// A mistake at one token.
    pub(crate) fn error(&mut self, at: Span, message: impl Display) {
        self.errors.push(syn::Error::new(at, message));
    }

    /// A mistake that a parser found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.errors.iter().map(syn::Error::to_compile_error).collect()
    }
}
