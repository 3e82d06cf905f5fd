//! `#[derive(FromParam)]`: reads a value from the path or query, and writes it into links.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::Parse as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Expr, ExprLit, Field, Fields, Lit, LitStr, Member,
    Path, Token, Type,
};

use crate::diagnostics::Diagnostics;
use crate::rename::Case;

pub(crate) fn from_param(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut diagnostics = Diagnostics::default();
    let options = Options::parse(&input.attrs, &mut diagnostics);
    let tokens = match (&options.with, &input.data) {
        (Some(with), Data::Struct(data)) => {
            looked_up(&input, &options, with, &data.fields, &mut diagnostics)
        }
        (Some(with), _) => looked_up(&input, &options, with, &Fields::Unit, &mut diagnostics),
        (None, Data::Enum(data)) => enumeration(&input, data, &options, &mut diagnostics),
        (None, Data::Struct(data)) if data.fields.len() == 1 => {
            data.fields.iter().next().map(|field| newtype(&input, field)).unwrap_or_default()
        }
        (None, Data::Struct(_) | Data::Union(_)) => {
            diagnostics.error(
                input.ident.span(),
                format!(
                    "`{}` has to be an enum of variants without fields, a struct with one field, or looked up by a \
                     function: `#[param(with = \"{}::find\")]`",
                    input.ident, input.ident
                ),
            );
            TokenStream::new()
        }
    };
    if diagnostics.is_empty() { tokens } else { diagnostics.into_tokens() }
}

/// The options in `#[param(…)]` on a type, variant or field.
#[derive(Default)]
struct Options {
    rename: Option<String>,
    rename_all: Option<Case>,
    with: Option<Path>,
    /// The types of state that the function in `with` needs.
    needs: Vec<Type>,
    key: bool,
}

impl Options {
    fn parse(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Options {
        let mut options = Options::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("param")) {
            let parsed = attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    options.rename = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("rename_all") {
                    let text: LitStr = meta.value()?.parse()?;
                    options.rename_all = Some(Case::parse(&text)?);
                } else if meta.path.is_ident("with") {
                    options.with = Some(path(meta.value()?.parse()?)?);
                } else if meta.path.is_ident("needs") {
                    let content;
                    syn::parenthesized!(content in meta.input);
                    options.needs.extend(content.parse_terminated(Type::parse, Token![,])?);
                } else if meta.path.is_ident("key") {
                    options.key = true;
                } else {
                    return Err(meta.error(
                        "expected `rename = \"…\"`, `rename_all = \"kebab-case\"`, `with = \"path::to::function\"`, `needs(State)` or `key`",
                    ));
                }
                Ok(())
            });
            if let Err(error) = parsed {
                diagnostics.push(error);
            }
        }
        options
    }
}

/// The path of a function, with or without quotes.
fn path(value: Expr) -> syn::Result<Path> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.parse_with(Path::parse_mod_style),
        Expr::Path(path) => Ok(path.path),
        other => Err(syn::Error::new(other.span(), "expected the path of an async function")),
    }
}

/// An enum: one text per variant.
fn enumeration(
    input: &DeriveInput,
    data: &DataEnum,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> TokenStream {
    let name = &input.ident;
    let mut known: Vec<String> = Vec::new();
    let mut variants = Vec::new();
    for variant in &data.variants {
        let own = Options::parse(&variant.attrs, diagnostics);
        if !matches!(variant.fields, Fields::Unit) {
            let wrong = "has fields, but a parameter only names a variant: remove the fields of";
            let message = format!("`{0}` {wrong} `{0}`", variant.ident);
            diagnostics.error(variant.ident.span(), message);
        }
        let plain = variant.ident.to_string();
        let plain = plain.strip_prefix("r#").unwrap_or(&plain);
        let text = own.rename.unwrap_or_else(|| {
            options.rename_all.map_or(plain.to_owned(), |case| case.spell(plain))
        });
        if known.contains(&text) {
            let message = format!(
                "two variants have the name `{text}`: rename one with `#[param(rename = \"…\")]`"
            );
            diagnostics.error(variant.ident.span(), message);
        }
        known.push(text);
        variants.push(&variant.ident);
    }
    if known.is_empty() {
        diagnostics.error(name.span(), format!("`{name}` has no variants: add one"));
    }
    let (generics, arguments, clause) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #generics ::trine::FromParam for #name #arguments #clause {
            async fn from_param(
                param: ::trine::Param<'_>,
                _: &::trine::Cx,
            ) -> ::core::result::Result<Self, ::trine::Rejection> {
                match &*param.value {
                    #(#known => ::core::result::Result::Ok(Self::#variants),)*
                    _ => ::core::result::Result::Err(param.expected_one_of(&[#(#known),*])),
                }
            }
        }

        #[automatically_derived]
        impl #generics ::trine::ToParam for #name #arguments #clause {
            fn to_param(&self) -> ::std::borrow::Cow<'_, str> {
                ::std::borrow::Cow::Borrowed(match self {
                    #(Self::#variants => #known,)*
                })
            }
        }
    }
}

/// A struct with one field: it accepts what the type of the field accepts.
fn newtype(input: &DeriveInput, field: &Field) -> TokenStream {
    let name = &input.ident;
    let (member, ty) = (member(0, field), &field.ty);
    let (generics, arguments, _) = input.generics.split_for_impl();
    // The bound is checked once, with the span of the type; the code below relies on it.
    let bounded = |bound: TokenStream| {
        let mut generics = input.generics.clone();
        generics
            .make_where_clause()
            .predicates
            .push(syn::parse_quote_spanned!(ty.span()=> #ty: #bound));
        generics.where_clause
    };
    let from = bounded(quote_spanned!(ty.span()=> ::trine::FromParam));
    let to = bounded(quote_spanned!(ty.span()=> ::trine::ToParam));
    let inner = quote_spanned!(ty.span()=> <#ty as ::trine::FromParam>);
    let written = quote_spanned!(ty.span()=> <#ty as ::trine::ToParam>);
    quote! {
        #[automatically_derived]
        impl #generics ::trine::FromParam for #name #arguments #from {
            const ANY_TEXT: bool = #inner::ANY_TEXT;

            fn needs(needs: &mut ::trine::Needs) {
                #inner::needs(needs);
            }

            async fn from_param(
                param: ::trine::Param<'_>,
                cx: &::trine::Cx,
            ) -> ::core::result::Result<Self, ::trine::Rejection> {
                ::core::result::Result::Ok(Self { #member: #inner::from_param(param, cx).await? })
            }

            async fn from_values(
                values: ::trine::__private::Values<'_>,
                cx: &::trine::Cx,
            ) -> ::core::result::Result<Self, ::trine::Rejection> {
                ::core::result::Result::Ok(Self { #member: #inner::from_values(values, cx).await? })
            }
        }

        #[automatically_derived]
        impl #generics ::trine::ToParam for #name #arguments #to {
            fn to_param(&self) -> ::std::borrow::Cow<'_, str> {
                #written::to_param(&self.#member)
            }

            fn to_values(&self, each: &mut dyn ::core::ops::FnMut(&str)) {
                #written::to_values(&self.#member, each);
            }
        }
    }
}

/// A type that an async function looks up by its key.
fn looked_up(
    input: &DeriveInput,
    options: &Options,
    with: &Path,
    fields: &Fields,
    diagnostics: &mut Diagnostics,
) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, clause) = input.generics.split_for_impl();
    let keys = fields
        .iter()
        .enumerate()
        .filter(|(_, field)| Options::parse(&field.attrs, diagnostics).key);
    let keys: Vec<(Member, &Type)> =
        keys.map(|(index, field)| (member(index, field), &field.ty)).collect();
    if let Some((_, second)) = keys.get(1) {
        diagnostics.error(second.span(), "a second `#[param(key)]`: only one field can be the key");
    }
    let to = keys.first().map(|(key, ty)| key_of(input, key, ty));
    let needs = &options.needs;
    let find = quote_spanned!(with.span()=> ::trine::__private::look_up(param, cx, #with));
    quote! {
        #[automatically_derived]
        impl #generics ::trine::FromParam for #name #arguments #clause {
            #[allow(unused_variables)]
            fn needs(needs: &mut ::trine::Needs) {
                #(needs.state::<#needs>();)*
            }

            async fn from_param(
                param: ::trine::Param<'_>,
                cx: &::trine::Cx,
            ) -> ::core::result::Result<Self, ::trine::Rejection> {
                #find.await
            }
        }

        #to
    }
}

/// What a link accepts for the type: the value itself, or only its key.
fn key_of(input: &DeriveInput, key: &Member, ty: &Type) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, clause) = input.generics.split_for_impl();
    let written = quote_spanned!(ty.span()=> <#ty as ::trine::ToParam>);
    let text = match ty {
        Type::Path(path)
            if path.path.segments.last().is_some_and(|last| last.ident == "String") =>
        {
            Some(quote!(&str))
        }
        _ => None,
    };
    let mut stand_ins = vec![quote!(#ty), quote!(&#ty)];
    stand_ins.extend(text);
    // For a generic type these implementations would violate coherence.
    let stand_ins = if input.generics.params.is_empty() { stand_ins } else { Vec::new() };
    quote! {
        #[automatically_derived]
        impl #generics ::trine::ToParam for #name #arguments #clause {
            fn to_param(&self) -> ::std::borrow::Cow<'_, str> {
                #written::to_param(&self.#key)
            }
        }

        #(
            #[automatically_derived]
            impl ::trine::LinkArg<#name> for #stand_ins {
                fn values(&self, each: &mut dyn ::core::ops::FnMut(&str)) {
                    ::trine::ToParam::to_values(self, each);
                }
            }
        )*
    }
}

fn member(index: usize, field: &Field) -> Member {
    match &field.ident {
        Some(ident) => Member::Named(ident.clone()),
        None => Member::Unnamed(index.into()),
    }
}
