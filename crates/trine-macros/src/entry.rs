//! `#[trine::main]` and `#[trine::test]`: wrap an async function in a plain one of the same name.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{ReturnType, Signature};

use crate::diagnostics::Diagnostics;
use crate::route::handler::Function;

/// Which of the two attributes it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry {
    Main,
    Test,
}

impl Entry {
    fn attribute(self) -> &'static str {
        match self {
            Entry::Main => "trine::main",
            Entry::Test => "trine::test",
        }
    }
}

/// Expands `#[trine::main]` or `#[trine::test]`. The item is always emitted, even if there are
/// mistakes.
pub(crate) fn entry(entry: Entry, arguments: &TokenStream, item: &TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let function = match Function::parse(entry.attribute(), item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.to_compile_error();
            return quote!(#item #error);
        }
    };
    check(entry, arguments, &function.signature, &mut diagnostics);
    if diagnostics.is_empty() {
        return wrapped(entry, function);
    }
    let errors = diagnostics.into_tokens();
    let ident = &function.signature.ident;
    match entry {
        // rustc reports an `async fn main`, which would be a second error for the same mistake.
        Entry::Main => quote! {
            #errors
            fn #ident() {
                #[allow(dead_code)]
                #item
            }
        },
        Entry::Test => quote!(#errors #[allow(dead_code)] #item),
    }
}

fn check(
    entry: Entry,
    arguments: &TokenStream,
    signature: &Signature,
    diagnostics: &mut Diagnostics,
) {
    let (attribute, ident) = (entry.attribute(), &signature.ident);
    if !arguments.is_empty() {
        let instead = match entry {
            Entry::Main => "workers and limits are set by `App::config`",
            Entry::Test => "a test runs on one thread",
        };
        diagnostics
            .error(Span::call_site(), format!("`#[{attribute}]` takes no arguments: {instead}"));
    }
    if signature.asyncness.is_none() {
        let message = format!("`#[{attribute}]` runs an async function: write `async fn {ident}`");
        diagnostics.error(signature.fn_token.span, message);
    }
    if !signature.inputs.is_empty() || signature.variadic.is_some() {
        diagnostics.error(ident.span(), format!("`{ident}` cannot take arguments: remove them"));
    }
    if !signature.generics.params.is_empty() {
        diagnostics.error(
            ident.span(),
            format!("`{ident}` cannot be generic: remove the type parameters"),
        );
    }
}

/// Wraps the function, which keeps its signature and body, so that errors point into it and `?`
/// works for its return type.
fn wrapped(entry: Entry, function: Function) -> TokenStream {
    let Function { attributes, visibility, signature, body } = function;
    let ident = &signature.ident;
    let output = &signature.output;
    let at = match output {
        ReturnType::Default => ident.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    let mut inner = ident.clone();
    inner.set_span(at.resolved_at(ident.span()));
    let (output, attribute, run) = match entry {
        Entry::Main => (quote!(-> ::std::process::ExitCode), None, quote!(main)),
        Entry::Test => (quote!(#output), Some(quote!(#[::core::prelude::v1::test])), quote!(test)),
    };
    let call = quote_spanned!(at=> ::trine::__private::#run(#inner()));
    quote! {
        #(#attributes)*
        #attribute
        #visibility fn #ident() #output {
            #signature #body
            #call
        }
    }
}
