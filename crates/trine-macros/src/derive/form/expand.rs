//! Generates the implementations of `FromField` and `FromForm`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Expr, GenericParam, Generics, Lit, parse_quote};

use super::attributes::DefaultValue;
use super::model::{Field, Model, Shape, Variant, Wrapper};

pub(crate) fn expand(model: &Model) -> TokenStream {
    let Model { ident, shape, .. } = model;
    let mut generics = model.generics.clone();
    for parameter in &mut generics.params {
        if let GenericParam::Type(parameter) = parameter {
            parameter.bounds.push(parse_quote!(::trine::form::FromField));
        }
    }
    let (implemented, arguments, wheres) = generics.split_for_impl();
    let (rule, names, read) = match shape {
        Shape::Struct(fields) => (rules(None, fields), names(fields), made(&quote!(Self), fields)),
        Shape::Newtype(_) => newtype(),
        Shape::Choice(variants) => {
            (quote!(path.is_empty().then_some(rule)), names([]), choice(variants))
        }
        Shape::Tagged(tag, variants) => {
            let fields = || variants.iter().flat_map(|variant| &variant.fields);
            (rules(Some(tag), fields()), names(fields()), tagged(tag, variants))
        }
    };
    let form = form(model, &generics);
    let accesses = accesses(shape);
    quote! {
        #[automatically_derived]
        impl #implemented #ident #arguments #wheres {
            #accesses
        }

        #[automatically_derived]
        impl #implemented ::trine::form::FromField for #ident #arguments #wheres {
            fn rule(path: &[&str], rule: ::trine::form::Rule) -> ::std::option::Option<::trine::form::Rule> {
                #rule
            }

            fn names(path: &[&str], names: &mut ::std::vec::Vec<::std::string::String>) {
                #names
            }

            fn from_field(
                field: &mut ::trine::form::Field<'_>,
            ) -> ::std::result::Result<Self, ::trine::form::Refused> {
                #read
            }
        }

        #form
    }
}

/// The implementation of `FromForm`, for types with named fields.
fn form(model: &Model, generics: &Generics) -> TokenStream {
    let Model { ident, attributes, shape, .. } = model;
    // A single value has no named fields: it is a field, but not a form.
    if matches!(shape, Shape::Choice(_) | Shape::Newtype(_)) {
        return TokenStream::new();
    }
    let (implemented, arguments, wheres) = generics.split_for_impl();
    let deny = attributes.deny_unknown;
    let limits = attributes.limits.iter().map(|(limit, value)| {
        let value = proc_macro2::Literal::u64_unsuffixed(*value);
        quote!(limits.#limit = #value;)
    });
    quote! {
        #[automatically_derived]
        impl #implemented ::trine::form::FromForm for #ident #arguments #wheres {
            const DENY_UNKNOWN: bool = #deny;

            fn limits(mut limits: ::trine::form::FormLimits) -> ::trine::form::FormLimits {
                #(#limits)*
                limits
            }
        }
    }
}

/// Finds the rule of a field by the first key of the path. Variants may share field names.
fn rules<'a>(tag: Option<&String>, fields: impl IntoIterator<Item = &'a Field>) -> TokenStream {
    let tag = tag.map(|tag| {
        quote! {
            if first == #tag {
                return rest.is_empty().then_some(rule.inside());
            }
        }
    });
    let fields = fields.into_iter().map(|field| {
        let (name, secret, types) = (&field.name, field.secret, &field.types);
        let max = field.max.map(|max| quote!(.max(#max)));
        let types = (!types.is_empty()).then(|| quote!(.types(&[#(#types),*])));
        let access = access(field.number);
        quote! {
            if first == #name {
                let rule = (#access.rule)(rest, rule.inside().secret(#secret) #max #types);
                if rule.is_some() {
                    return rule;
                }
            }
        }
    });
    quote! {
        let (&first, rest) = path.split_first()?;
        #tag
        #(#fields)*
        ::std::option::Option::None
    }
}

/// Finds the form name of a field by its Rust name.
fn names<'a>(fields: impl IntoIterator<Item = &'a Field>) -> TokenStream {
    let fields = fields.into_iter().map(|field| {
        let (rust, name, access) =
            (field.ident.unraw().to_string(), &field.name, access(field.number));
        quote! {
            if first == #rust {
                names.push(::std::string::String::from(#name));
                return (#access.names)(rest, names);
            }
        }
    });
    quote! {
        let ::std::option::Option::Some((&first, rest)) = path.split_first() else { return };
        #(#fields)*
        names.push(::std::string::String::from(first));
        names.extend(rest.iter().map(|&key| ::std::string::String::from(key)));
    }
}

/// Reads all fields before the first error returns.
fn made(path: &TokenStream, fields: &[Field]) -> TokenStream {
    let values: Vec<Ident> =
        (0..fields.len()).map(|index| format_ident!("value_{index}")).collect();
    let reads = fields.iter().map(read);
    let idents = fields.iter().map(|field| &field.ident);
    quote! {
        #(let #values = #reads;)*
        ::std::result::Result::Ok(#path { #(#idents: #values?),* })
    }
}

fn read(field: &Field) -> TokenStream {
    let (name, secret) = (&field.name, field.secret);
    let access = access(field.number);
    let mut child = quote!(field.child(#name, #secret));
    if let Some((expected, _)) = &field.parse
        && !expected.is_empty()
    {
        child = quote!(#child.expecting(#expected));
    }
    let unwrapped = match &field.parse {
        None => TokenStream::new(),
        Some((_, Wrapper::Nothing)) => quote!(.map(|parsed| parsed.0)),
        Some((_, Wrapper::Option)) => quote!(.map(|parsed| parsed.map(|parsed| parsed.0))),
        Some((_, Wrapper::Vec)) => {
            quote!(.map(|all| all.into_iter().map(|parsed| parsed.0).collect()))
        }
    };
    let read = quote!((#access.read));
    match &field.default {
        None => quote!(#read(&mut #child)#unwrapped),
        Some(default) => {
            let value = match default {
                DefaultValue::Trait => quote!(::std::default::Default::default()),
                // So that `default = "x"` works for a `String`. A number would lose its type.
                DefaultValue::Value(value) if is_text(value) => {
                    quote!(::std::convert::Into::into(#value))
                }
                DefaultValue::Value(value) => quote!(#value),
            };
            quote! {{
                let mut child = #child;
                if child.is_blank() {
                    ::std::result::Result::Ok(#value)
                } else {
                    #read(&mut child)#unwrapped
                }
            }}
        }
    }
}

fn is_text(value: &Expr) -> bool {
    matches!(value, Expr::Lit(literal) if matches!(literal.lit, Lit::Str(_)))
}

/// The type that a field is read as: `Parsed<T>` for a type that is read with `FromStr`.
fn read_as(field: &Field) -> TokenStream {
    let ty = &field.ty;
    match &field.parse {
        None => quote!(#ty),
        Some((_, Wrapper::Nothing)) => quote!(::trine::form::Parsed<#ty>),
        Some((_, Wrapper::Option)) => quote!(::std::option::Option<::trine::form::Parsed<#ty>>),
        Some((_, Wrapper::Vec)) => quote!(::std::vec::Vec<::trine::form::Parsed<#ty>>),
    }
}

fn newtype() -> (TokenStream, TokenStream, TokenStream) {
    let access = access(0);
    (
        quote!((#access.rule)(path, rule)),
        quote!((#access.names)(path, names)),
        quote!((#access.read)(field).map(Self)),
    )
}

/// A call of the function that names the type of a field. The type appears only in that function,
/// so that a type that is not a field causes one error.
fn access(number: usize) -> TokenStream {
    let function = format_ident!("__form_field_{number}");
    quote!(Self::#function())
}

fn accesses(shape: &Shape) -> TokenStream {
    let one = |number: usize, ty: TokenStream, at: Span| {
        let function = format_ident!("__form_field_{number}");
        let access = quote_spanned!(at=> ::trine::form::access::<#ty>());
        quote! {
            #[doc(hidden)]
            fn #function() -> ::trine::form::Access<#ty> {
                #access
            }
        }
    };
    match shape {
        Shape::Newtype(ty) => one(0, quote!(#ty), ty.span()),
        Shape::Struct(fields) => {
            fields.iter().map(|field| one(field.number, read_as(field), field.ty.span())).collect()
        }
        Shape::Choice(_) => TokenStream::new(),
        Shape::Tagged(_, variants) => {
            let fields = variants.iter().flat_map(|variant| &variant.fields);
            fields.map(|field| one(field.number, read_as(field), field.ty.span())).collect()
        }
    }
}

fn choice(variants: &[Variant]) -> TokenStream {
    let names = variants.iter().map(|variant| &variant.name);
    let arms = arms(variants, |variant| {
        let ident = &variant.ident;
        quote!(::std::result::Result::Ok(Self::#ident))
    });
    quote! {
        match field.choice(&[#(#names),*])? { #arms }
    }
}

fn tagged(tag: &String, variants: &[Variant]) -> TokenStream {
    let names = variants.iter().map(|variant| &variant.name);
    let arms = arms(variants, |variant| {
        let ident = &variant.ident;
        made(&quote!(Self::#ident), &variant.fields)
    });
    quote! {
        match field.child(#tag, false).choice(&[#(#names),*])? { #arms }
    }
}

/// One match arm per variant. The last one is a wildcard, since `choice` returns no other index.
fn arms(variants: &[Variant], body: impl Fn(&Variant) -> TokenStream) -> TokenStream {
    let last = variants.len().saturating_sub(1);
    variants
        .iter()
        .enumerate()
        .map(|(index, variant)| {
            let body = body(variant);
            match index == last {
                true => quote!(_ => { #body }),
                false => quote!(#index => { #body }),
            }
        })
        .collect()
}
