//! `#[derive(Config)]`: a section of the configuration, or a value in one.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Expr, ExprLit, Field, Fields, Ident, Lit, LitInt,
    LitStr, Token,
};

use crate::diagnostics::Diagnostics;

/// Expands the derive.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut diagnostics = Diagnostics::default();
    if let Some(parameter) = input.generics.params.first() {
        diagnostics.error(
            parameter.span(),
            "`#[derive(Config)]`: a section cannot be generic: remove the parameters",
        );
    }
    options(&input.attrs, &[], &mut diagnostics);
    let expanded = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => section(&input.ident, fields.named.iter(), &mut diagnostics),
            Fields::Unnamed(_) | Fields::Unit => {
                diagnostics
                    .error(input.ident.span(), "`#[derive(Config)]`: a section needs named fields");
                TokenStream::new()
            }
        },
        Data::Enum(data) => value(&input.ident, data, &mut diagnostics),
        Data::Union(_) => {
            diagnostics.error(
                input.ident.span(),
                "`#[derive(Config)]`: expected a struct, or an enum whose variants have no fields",
            );
            TokenStream::new()
        }
    };
    if diagnostics.is_empty() {
        return expanded;
    }
    let (errors, stub) = (diagnostics.into_tokens(), stub(&input));
    quote!(#errors #stub)
}

/// Keeps the rest of the program free of errors about a type whose mistakes have been reported.
fn stub(input: &DeriveInput) -> TokenStream {
    let ident = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    match input.data {
        Data::Enum(_) => quote! {
            impl #generics ::trine::config::FromConfig for #ident #arguments #bounds {
                fn expected() -> ::std::borrow::Cow<'static, str> {
                    ::core::unreachable!()
                }

                fn from_config(_: ::trine::config::Value<'_>) -> ::core::option::Option<Self> {
                    ::core::option::Option::None
                }
            }
        },
        Data::Struct(_) if input.generics.params.is_empty() => quote! {
            impl ::trine::config::Section for #ident {
                const KEYS: &'static [::trine::config::SectionKey] = &[];

                fn read(_: &mut ::trine::config::Reader<'_>) -> ::core::option::Option<Self> {
                    ::core::option::Option::None
                }
            }
        },
        _ => TokenStream::new(),
    }
}

/// The options in `#[config(…)]`.
#[derive(Default)]
struct Options {
    default: Option<DefaultValue>,
    name: Option<LitStr>,
    secret: bool,
    min: Option<LitInt>,
}

enum DefaultValue {
    /// `default`: the default value of the type.
    OfType,
    /// `default = "10s"`: parsed like a value in the configuration.
    Text(LitStr),
    /// `default = 25`: an expression of the field's type.
    Value(Box<Expr>),
}

const ALL: &[&str] = &["default", "name", "secret", "min"];

fn options(attributes: &[Attribute], allowed: &[&str], diagnostics: &mut Diagnostics) -> Options {
    let mut options = Options::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("config")) {
        let parsed = attribute.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            if !allowed.contains(&key.as_str()) {
                let known = match allowed {
                    [] => "no options are allowed here: put them on the fields".to_owned(),
                    allowed => format!("expected {}", list(allowed.iter().copied())),
                };
                return Err(meta.error(format!("`#[config({key})]`: {known}")));
            }
            match key.as_str() {
                "default" if meta.input.peek(Token![=]) => {
                    options.default = Some(match meta.value()?.parse()? {
                        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => DefaultValue::Text(text),
                        expr => DefaultValue::Value(Box::new(expr)),
                    });
                }
                "default" => options.default = Some(DefaultValue::OfType),
                "name" => options.name = Some(meta.value()?.parse()?),
                "min" => options.min = Some(meta.value()?.parse()?),
                _ => options.secret = true,
            }
            Ok(())
        });
        if let Err(error) = parsed {
            diagnostics.push(error);
        }
    }
    if let Some(name) = &options.name
        && !is_key(&name.value())
    {
        let text =
            format!("`{}` is not a valid key: expected a to z, 0 to 9 and `_`", name.value());
        diagnostics.error(name.span(), text);
    }
    options
}

fn is_key(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn section<'a>(
    ident: &Ident,
    fields: impl Iterator<Item = &'a Field>,
    diagnostics: &mut Diagnostics,
) -> TokenStream {
    let (mut keys, mut reads, mut names) = (Vec::new(), Vec::new(), Vec::<Ident>::new());
    let mut seen = Vec::new();
    for field in fields {
        let Some(name) = &field.ident else { continue };
        let options = options(&field.attrs, ALL, diagnostics);
        let key = options.name.as_ref().map_or_else(|| plain(name), LitStr::value);
        if options.name.is_none() && !is_key(&key) {
            let text = format!(
                "`{key}` is not a valid key: add `#[config(name = \"…\")]` with a to z, 0 to 9 and `_`"
            );
            diagnostics.error(name.span(), text);
        }
        if seen.contains(&key) {
            let text = format!(
                "two fields have the key `{key}`: rename one with `#[config(name = \"…\")]`"
            );
            diagnostics.error(name.span(), text);
        }
        let index = seen.len();
        seen.push(key.clone());
        keys.push(key_of(&key, field, &options));
        reads.push(read_of(name, index, field, &options));
        names.push(name.clone());
    }
    quote! {
        #[automatically_derived]
        impl ::trine::config::Section for #ident {
            const KEYS: &'static [::trine::config::SectionKey] = &[#(#keys),*];

            fn read(reader: &mut ::trine::config::Reader<'_>) -> ::core::option::Option<Self> {
                #[allow(unused_imports)]
                use ::trine::__private::RefusedField as _;
                let keys = <Self as ::trine::config::Section>::KEYS;
                #(#reads)*
                ::core::option::Option::Some(#ident { #(#names: #names?),* })
            }
        }
    }
}

fn key_of(key: &str, field: &Field, options: &Options) -> TokenStream {
    let ty = &field.ty;
    let secret = options.secret;
    let min = options
        .min
        .as_ref()
        .map_or_else(|| quote!(::trine::config::Secret::MIN), |min| quote!(#min));
    let default = match &options.default {
        None => quote!(::core::option::Option::None),
        Some(DefaultValue::OfType) => quote!(::core::option::Option::Some("")),
        Some(DefaultValue::Text(text)) => quote!(::core::option::Option::Some(#text)),
        Some(DefaultValue::Value(expr)) => quote!(::core::option::Option::Some(stringify!(#expr))),
    };
    let doc = doc(&field.attrs);
    let at = field.ident.as_ref().map_or_else(Span::call_site, Ident::span);
    let line = quote_spanned!(at=> line!());
    let is_secret = quote_spanned!(ty.span()=> <#ty as ::trine::config::FromConfig>::SECRET);
    quote! {
        ::trine::config::SectionKey {
            name: #key,
            secret: #secret || #is_secret,
            min: #min,
            default: #default,
            doc: #doc,
            location: (file!(), #line),
        }
    }
}

// All fields are read before the first error returns, so that all mistakes are reported at once.
fn read_of(name: &Ident, index: usize, field: &Field, options: &Options) -> TokenStream {
    let ty = &field.ty;
    let field = quote!(::trine::__private::Field::<#ty>);
    let read = match &options.default {
        None => quote!(#field::value(reader, &keys[#index])),
        Some(DefaultValue::OfType) => {
            let default = quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default);
            quote!(#field::value_or(reader, &keys[#index], #default))
        }
        Some(DefaultValue::Text(text)) => {
            quote!(#field::value_or_text(reader, &keys[#index], #text))
        }
        Some(DefaultValue::Value(expr)) => quote! {
            #field::value_or(reader, &keys[#index], || -> #ty { #expr })
        },
    };
    quote!(let #name: ::core::option::Option<#ty> = #read;)
}

/// An enum whose variants have no fields: its values are the names of the variants.
fn value(ident: &Ident, data: &DataEnum, diagnostics: &mut Diagnostics) -> TokenStream {
    let (mut names, mut variants) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            let text = "`#[derive(Config)]`: a variant is a word in the configuration and cannot \
                        have fields";
            diagnostics.error(variant.ident.span(), text);
        }
        let options = options(&variant.attrs, &["name"], diagnostics);
        names.push(
            options.name.map_or_else(|| snake(&variant.ident.to_string()), |name| name.value()),
        );
        variants.push(&variant.ident);
    }
    if names.is_empty() {
        diagnostics.error(
            ident.span(),
            "`#[derive(Config)]`: an enum without variants has no values: add one",
        );
    }
    let expected = list(names.iter().map(String::as_str));
    quote! {
        #[automatically_derived]
        impl ::trine::config::FromConfig for #ident {
            fn expected() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(#expected)
            }

            fn from_config(value: ::trine::config::Value<'_>) -> ::core::option::Option<Self> {
                match value.text()? {
                    #(#names => ::core::option::Option::Some(#ident::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    }
}

fn plain(name: &Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

/// Spells `BestEffort` as `best_effort`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// `` `a`, `b` or `c` ``
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let meta =
            attribute.meta.require_name_value().ok().filter(|meta| meta.path.is_ident("doc"))?;
        match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
