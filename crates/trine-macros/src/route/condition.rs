//! Conditions that a request has to satisfy for a route to match: `header = "x-version: 2"`,
//! `accepts = "text/html"`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Lit;

/// A valid condition of a route.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Header(String, Option<String>),
    Accepts(String),
    ContentType(String),
}

type Read = fn(&str) -> Result<Condition, String>;

/// Parses an option; `None` if it is not a condition.
///
/// # Errors
/// A message that says what is wrong and what to write instead.
pub(crate) fn parse(key: &str, value: &Lit) -> Option<Result<Condition, String>> {
    let (read, example): (Read, _) = match key {
        "header" => (header, "x-version: 2"),
        "accepts" => (|text| media("accepts", text, false).map(Condition::Accepts), "text/html"),
        "content_type" => (
            |text| media("content_type", text, true).map(Condition::ContentType),
            "application/json",
        ),
        _ => return None,
    };
    let Lit::Str(text) = value else {
        return Some(Err(format!("`{key}` expects text in quotes: `{key} = \"{example}\"`")));
    };
    Some(read(&text.value()))
}

/// What to write instead of an option of another framework, or of a method of `Route`.
pub(crate) fn meant(key: &str) -> Option<&'static str> {
    match key {
        "produces" => Some("`accepts = \"text/html\"`"),
        "consumes" => Some("`content_type = \"application/json\"`"),
        "format" => Some(
            "`content_type = \"application/json\"` for the body of the request, `accepts = \"text/html\"` for the response",
        ),
        "headers" | "has_header" => {
            Some("`header = \"x-version: 2\"`, or `header = \"x-version\"` for any value")
        }
        _ => None,
    }
}

fn header(text: &str) -> Result<Condition, String> {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) => (name, Some(value.trim())),
        None => (text, None),
    };
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!(
            "`{name}` is not a valid header name: write `header = \"x-version: 2\"`, or `header = \"x-version\"` for any value"
        ));
    }
    match value {
        Some("") => {
            Err(format!("`{text}` has no value: write `header = \"{name}\"` for any value"))
        }
        Some(value) if !value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) => {
            Err(format!("`{value}` cannot be the value of a header: expected visible ASCII"))
        }
        value => Ok(Condition::Header(name.to_owned(), value.map(str::to_owned))),
    }
}

fn media(key: &str, text: &str, ranges: bool) -> Result<String, String> {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    match text.split_once('/') {
        Some((kind, "*")) if part(kind) && ranges => Ok(text.to_owned()),
        Some((kind, "*")) if part(kind) => Err(format!(
            "{key} `{text}`: a response has exactly one media type, such as `text/html`; only a client may send `{text}`"
        )),
        Some((kind, sub)) if part(kind) && part(sub) => Ok(text.to_owned()),
        Some(_) if text.contains(';') => Err(format!(
            "{key} `{text}`: parameters are not compared; write the media type without them"
        )),
        Some(_) | None => {
            let range = if ranges { ", or `image/*`" } else { "" };
            Err(format!(
                "{key} `{text}` is not a media type: expected a type and a subtype such as `application/json`{range}"
            ))
        }
    }
}

// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl Condition {
    pub(crate) fn tokens(&self) -> TokenStream {
        let condition = quote!(::trine::__private::DeclaredCondition);
        match self {
            Condition::Header(name, None) => {
                quote!(#condition::Header(#name, ::core::option::Option::None))
            }
            Condition::Header(name, Some(value)) => {
                quote!(#condition::Header(#name, ::core::option::Option::Some(#value)))
            }
            Condition::Accepts(media) => quote!(#condition::Accepts(#media)),
            Condition::ContentType(media) => quote!(#condition::ContentType(#media)),
        }
    }
}
