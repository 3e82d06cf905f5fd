//! `#[derive(Problem)]`: converts an error type into problems of RFC 9457.
//!
//! # Layout
//! - `case`: one kind of error, a variant or the whole struct, and its attribute
//! - `field`: its fields, and the role of each
//! - `detail`: a format string that names fields
//! - `expand`: the generated code

mod case;
mod detail;
mod expand;
mod field;

use proc_macro2::TokenStream;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Ident};

use crate::arguments::split;
use crate::diagnostics::Diagnostics;
use case::Case;

/// A parsed error type.
struct Type<'a> {
    ident: &'a Ident,
    cases: Vec<Case<'a>>,
    /// Whether the derive implements `Display` and `Error`, because nothing else does.
    writes_error: bool,
}

/// Expands the derive. If there are mistakes, the type still gets all implementations, so that code
/// that uses it causes no further errors.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut diagnostics = Diagnostics::default();
    let read = Type::read(&input, &mut diagnostics);
    match diagnostics.is_empty() {
        true => read.expand(),
        false => {
            let errors = diagnostics.into_tokens();
            let stub = input.generics.params.is_empty().then(|| read.stub());
            quote::quote!(#errors #stub)
        }
    }
}

impl<'a> Type<'a> {
    fn read(input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Type<'a> {
        let ident = &input.ident;
        if let Some(parameter) = input.generics.params.first() {
            diagnostics.error(
                parameter.span(),
                "`Problem` cannot be derived for generic types: remove the parameter",
            );
        }
        let mut all_attributes: Vec<&Attribute> = input.attrs.iter().collect();
        let mut own_error = false;
        let mut cases = Vec::new();
        match &input.data {
            Data::Struct(data) => {
                let case = Case::read(
                    ident,
                    None,
                    &input.attrs,
                    &data.fields,
                    &mut own_error,
                    diagnostics,
                );
                cases.extend(case);
            }
            Data::Enum(data) => {
                own_error = own_error_of_enum(&input.attrs, diagnostics);
                if data.variants.is_empty() {
                    diagnostics.error(ident.span(), format!("`{ident}` has no variants: add one"));
                }
                for variant in &data.variants {
                    all_attributes.extend(&variant.attrs);
                    let name = Some(&variant.ident);
                    let case = Case::read(
                        ident,
                        name,
                        &variant.attrs,
                        &variant.fields,
                        &mut false,
                        diagnostics,
                    );
                    cases.extend(case);
                }
            }
            Data::Union(_) => {
                diagnostics.error(ident.span(), "a union cannot be a problem: write an enum");
            }
        }
        let thiserror = all_attributes.iter().any(|attribute| attribute.path().is_ident("error"));
        let writes_error = !own_error && !thiserror;
        if writes_error {
            cases.iter().for_each(|case| case.check_from(diagnostics));
        }
        Type { ident, cases, writes_error }
    }
}

/// Reads `#[problem(own_error)]`, the only option that is allowed on an enum.
fn own_error_of_enum(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> bool {
    let mut own_error = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("problem")) {
        let list = match attribute.meta.require_list() {
            Ok(list) => list,
            Err(error) => {
                diagnostics.push(error);
                continue;
            }
        };
        for argument in split(list.tokens.clone()) {
            let word: Result<Ident, _> = syn::parse2(argument.clone());
            match word {
                Ok(word) if word == "own_error" => own_error = true,
                _ => diagnostics.error(
                    argument.span(),
                    "this option belongs on a variant; only `own_error` is allowed on the enum",
                ),
            }
        }
    }
    own_error
}
