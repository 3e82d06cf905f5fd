//! The options in `#[form(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, Lit, LitBool, LitStr, Meta, Token};

use crate::arguments::bytes;
use crate::diagnostics::Diagnostics;
use crate::rename::Case;

/// The options on a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) name: Option<String>,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) max: Option<u64>,
    pub(crate) types: Vec<String>,
    pub(crate) secret: Option<bool>,
    pub(crate) parse: Option<String>,
}

/// The value of a field that is absent or empty.
pub(crate) enum DefaultValue {
    Trait,
    Value(Box<Expr>),
}

/// The options on a struct or enum.
#[derive(Default)]
pub(crate) struct TypeAttributes {
    pub(crate) rename_all: Option<Case>,
    pub(crate) deny_unknown: bool,
    pub(crate) tag: Option<String>,
    pub(crate) limits: Vec<(Ident, u64)>,
}

pub(crate) fn field(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> FieldAttributes {
    let mut found = FieldAttributes::default();
    each(attributes, diagnostics, |key, value, diagnostics| {
        match (key.unraw().to_string().as_str(), value) {
            ("name", Value::Equals(value)) => found.name = name(value, diagnostics),
            ("default", Value::Nothing) => found.default = Some(DefaultValue::Trait),
            ("default", Value::Equals(value)) => {
                found.default = Some(DefaultValue::Value(Box::new(value.clone())));
            }
            ("max", Value::Equals(value)) => found.max = size("max", value, diagnostics),
            ("types", Value::List(list)) => found.types = media_types(list, diagnostics),
            ("secret", Value::Nothing) => found.secret = Some(true),
            ("secret", Value::Equals(value)) => {
                match syn::parse2::<LitBool>(value.to_token_stream()) {
                    Ok(value) => found.secret = Some(value.value),
                    Err(_) => diagnostics
                        .error(at(value), "`secret` expects `true` or `false`, or no value"),
                }
            }
            ("parse", Value::Nothing) => found.parse = Some(String::new()),
            ("parse", Value::Equals(value)) => {
                found.parse = text(value, "parse", "\"a colour\"", diagnostics);
            }
            ("name" | "default" | "max" | "types" | "secret" | "parse", _) => {
                malformed(key, diagnostics);
            }
            _ => diagnostics.error(key.span(), format!("unknown option `{key}`; expected {FIELD}")),
        }
    });
    found
}

const FIELD: &str = "`name = \"…\"`, `default`, `default = …`, `max = \"64KiB\"`, `types(\"image/png\")`, `secret` or \
                     `parse = \"what is expected\"`";

pub(crate) fn container(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> TypeAttributes {
    let mut found = TypeAttributes::default();
    each(attributes, diagnostics, |key, value, diagnostics| {
        match (key.unraw().to_string().as_str(), value) {
            ("rename_all", Value::Equals(value)) => found.rename_all = case(value, diagnostics),
            ("deny_unknown", Value::Nothing) => found.deny_unknown = true,
            ("tag", Value::Equals(value)) => found.tag = name(value, diagnostics),
            ("limits", Value::List(list)) => found.limits = limits(list, diagnostics),
            ("rename_all" | "deny_unknown" | "tag" | "limits", _) => malformed(key, diagnostics),
            _ => diagnostics.error(key.span(), format!("unknown option `{key}`; expected {TYPE}")),
        }
    });
    found
}

const TYPE: &str =
    "`rename_all = \"kebab-case\"`, `deny_unknown`, `tag = \"kind\"` or `limits(fields = 20)`";

pub(crate) fn variant(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Option<String> {
    let mut found = None;
    each(attributes, diagnostics, |key, value, diagnostics| {
        match (key.to_string().as_str(), value) {
            // This is the value of an input, not its name, so any text is allowed.
            ("name", Value::Equals(value)) => found = text(value, "name", "\"…\"", diagnostics),
            _ => diagnostics
                .error(key.span(), format!("unknown option `{key}`; expected `name = \"…\"`")),
        }
    });
    found
}

/// What follows the name of an option.
enum Value<'a> {
    Nothing,
    Equals(&'a Expr),
    List(&'a TokenStream),
}

fn each(
    attributes: &[Attribute],
    diagnostics: &mut Diagnostics,
    mut take: impl FnMut(&Ident, Value<'_>, &mut Diagnostics),
) {
    let mut seen: Vec<String> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("form")) {
        let entries =
            match attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
                Ok(entries) => entries,
                Err(error) => {
                    diagnostics.push(error);
                    continue;
                }
            };
        for meta in entries {
            let Some(key) = meta.path().get_ident().cloned() else {
                diagnostics.error(at(meta.path()), "expected a word, such as `name`");
                continue;
            };
            if seen.contains(&key.to_string()) {
                diagnostics.error(key.span(), format!("`{key}` appears twice"));
            }
            seen.push(key.to_string());
            match &meta {
                Meta::Path(_) => take(&key, Value::Nothing, diagnostics),
                Meta::NameValue(pair) => take(&key, Value::Equals(&pair.value), diagnostics),
                Meta::List(list) => take(&key, Value::List(&list.tokens), diagnostics),
            }
        }
    }
}

fn malformed(key: &Ident, diagnostics: &mut Diagnostics) {
    let expected = match key.to_string().as_str() {
        "types" => "`types(\"image/png\", \"image/jpeg\")`",
        "limits" => "`limits(fields = 20, text = \"4KiB\")`",
        "deny_unknown" => "`deny_unknown` alone",
        "secret" => "`secret` or `secret = false`",
        "parse" => "`parse` or `parse = \"a colour\"`",
        "default" => "`default` or `default = 3`",
        "max" => "`max = \"64KiB\"`",
        "rename_all" => "`rename_all = \"kebab-case\"`",
        _ => "text: `name = \"…\"`",
    };
    diagnostics.error(key.span(), format!("`{key}`: expected {expected}"));
}

fn text(value: &Expr, key: &str, example: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    match syn::parse2::<LitStr>(value.to_token_stream()) {
        Ok(text) => Some(text.value()),
        Err(_) => {
            diagnostics
                .error(at(value), format!("`{key}` expects text in quotes: `{key} = {example}`"));
            None
        }
    }
}

/// The name of a field: a single key, without the separators of nested fields.
fn name(value: &Expr, diagnostics: &mut Diagnostics) -> Option<String> {
    let name = text(value, "name", "\"user_name\"", diagnostics)?;
    if name.is_empty() || name.contains(['.', '[', ']']) {
        let message = format!(
            "name `{name}`: expected a name without `.`, `[` and `]`, which separate nested fields"
        );
        diagnostics.error(at(value), message);
    }
    Some(name)
}

fn size(key: &str, value: &Expr, diagnostics: &mut Diagnostics) -> Option<u64> {
    let read = match syn::parse2::<Lit>(value.to_token_stream()) {
        Ok(literal) => bytes(key, &literal),
        Err(_) => {
            Err(format!("`{key}` expects a number of bytes or a size in quotes: `\"64KiB\"`"))
        }
    };
    match read {
        Ok(bytes) => Some(bytes),
        Err(message) => {
            diagnostics.error(at(value), message);
            None
        }
    }
}

fn media_types(list: &TokenStream, diagnostics: &mut Diagnostics) -> Vec<String> {
    let parsed = Punctuated::<LitStr, Token![,]>::parse_terminated.parse2(list.clone());
    let Ok(types) = parsed else {
        diagnostics
            .error(at(list), "`types` expects media types in quotes: `types(\"image/png\")`");
        return Vec::new();
    };
    for media_type in &types {
        let text = media_type.value();
        let whole =
            text.split_once('/').is_some_and(|(main, sub)| !main.is_empty() && !sub.is_empty());
        if !whole || text.contains([';', ' ']) {
            let message = format!(
                "`{text}` is not a media type: expected one such as `image/png` or `image/*`"
            );
            diagnostics.error(media_type.span(), message);
        }
    }
    types.iter().map(LitStr::value).collect()
}

fn limits(list: &TokenStream, diagnostics: &mut Diagnostics) -> Vec<(Ident, u64)> {
    const KNOWN: [&str; 8] =
        ["fields", "name", "depth", "text", "texts", "files", "file", "part_head"];
    let parser = |input: ParseStream<'_>| {
        let pair = |input: ParseStream<'_>| {
            let key = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            Ok((key, input.parse::<Expr>()?))
        };
        input.parse_terminated(pair, Token![,])
    };
    let pairs = match parser.parse2(list.clone()) {
        Ok(pairs) => pairs,
        Err(error) => {
            diagnostics.push(error);
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (key, value) in pairs {
        if !KNOWN.contains(&key.to_string().as_str()) {
            let known = KNOWN.map(|name| format!("`{name}`")).join(", ");
            diagnostics
                .error(key.span(), format!("unknown limit `{key}`; expected one of {known}"));
        } else if let Some(value) = size(&key.to_string(), &value, diagnostics) {
            found.push((key, value));
        }
    }
    found
}

fn case(value: &Expr, diagnostics: &mut Diagnostics) -> Option<Case> {
    let text = syn::parse2::<LitStr>(value.to_token_stream()).map_err(|_| {
        syn::Error::new(
            at(value),
            "`rename_all` expects text in quotes: `rename_all = \"kebab-case\"`",
        )
    });
    match text.and_then(|text| Case::parse(&text)) {
        Ok(case) => Some(case),
        Err(error) => {
            diagnostics.push(error);
            None
        }
    }
}

fn at(tokens: &impl quote::ToTokens) -> Span {
    tokens.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span())
}
