//! `routes![]`: a list of handlers.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Attribute, Path, Token};

use crate::diagnostics::Diagnostics;

/// Expands to a `Vec` of routes, and reports every entry that is not the path of a handler.
pub(crate) fn routes(tokens: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let mut entries = Vec::new();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            match entry(input) {
                Ok(entry) => entries.push(entry),
                Err(error) => diagnostics.push(error),
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        diagnostics.push(error);
    }
    let errors = diagnostics.into_tokens();
    quote!({
        #errors
        ::std::vec::Vec::<::trine::Route>::from([#(#entries),*])
    })
}

/// Parses one path with its `#[cfg]` attributes, up to the comma.
fn entry(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let attributes = input.call(Attribute::parse_outer)?;
    let path = input.call(Path::parse_mod_style);
    if path.is_ok() && (input.is_empty() || input.peek(Token![,])) {
        let path = path?;
        let route = quote_spanned!(path.span()=> ::trine::Route::of);
        return Ok(quote!(#(#attributes)* #route::<#path>()));
    }
    let at = input.span();
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Err(syn::Error::new(
        at,
        "expected the name of a handler function, such as `hello` or `admin::stats`, without `()` \
         and without quotes",
    ))
}
