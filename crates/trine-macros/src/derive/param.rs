//! `#[derive(FromParam)]`: values of a path or a query, and the way back into a link.

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
            found(&input, &options, with, &data.fields, &mut diagnostics)
        }
        (Some(with), _) => found(&input, &options, with, &Fields::Unit, &mut diagnostics),
        (None, Data::Enum(data)) => named(&input, data, &options, &mut diagnostics),
        (None, Data::Struct(data)) if data.fields.len() == 1 => {
            data.fields.iter().next().map(|field| newtype(&input, field)).unwrap_or_default()
        }
        (None, Data::Struct(_) | Data::Union(_)) => {
            diagnostics.error(
                input.ident.span(),
                format!(
                    "one text becomes a `{}`, so it is an enum of plain variants, a struct of one field, or it is looked \
                     up: `#[param(with = \"{}::find\")]`",
                    input.ident, input.ident
                ),
            );
            TokenStream::new()
        }
    };
    if diagnostics.is_empty() { tokens } else { diagnostics.into_tokens() }
}

/// What `#[param(…)]` says of a type or of a variant.
#[derive(Default)]
struct Options {
    rename: Option<String>,
    rename_all: Option<Case>,
    with: Option<Path>,
    /// The types of state that `with` asks for.
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

/// A path as text or as it is.
fn path(value: Expr) -> syn::Result<Path> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.parse_with(Path::parse_mod_style),
        Expr::Path(path) => Ok(path.path),
        other => Err(syn::Error::new(other.span(), "expected the path of an async function")),
    }
}

/// An enum: one text for each variant.
fn named(
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
            let message = format!(
                "`{}` has fields, and one text says only which variant it is",
                variant.ident
            );
            diagnostics.error(variant.ident.span(), message);
        }
        let plain = variant.ident.to_string();
        let plain = plain.strip_prefix("r#").unwrap_or(&plain);
        let text = own.rename.unwrap_or_else(|| {
            options.rename_all.map_or(plain.to_owned(), |case| case.spell(plain))
        });
        if known.contains(&text) {
            let message = format!(
                "two variants are called `{text}`: give one another `#[param(rename = \"…\")]`"
            );
            diagnostics.error(variant.ident.span(), message);
        }
        known.push(text);
        variants.push(&variant.ident);
    }
    if known.is_empty() {
        diagnostics.error(name.span(), format!("`{name}` has no variant that a text could become"));
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

/// A struct of one field: whatever its type takes.
fn newtype(input: &DeriveInput, field: &Field) -> TokenStream {
    let name = &input.ident;
    let (member, ty) = (member(0, field), &field.ty);
    let (generics, arguments, _) = input.generics.split_for_impl();
    // Said once, where the type stands; what follows may rely on it.
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

/// A type that an async function makes of its key.
fn found(
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
        diagnostics.error(second.span(), "a second `#[param(key)]`: one text stands for the whole");
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

/// What a link to it is made of: the value, or its key alone.
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
    // A blanket for what stands for the key would not be coherent: its type is not ours.
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
