//! One kind of error, a variant or the whole struct, and the options in its `#[problem(…)]`.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Fields, Ident, Lit, LitStr, Token};

use super::detail::Detail;
use super::field::{self, Field};
use crate::arguments::split;
use crate::diagnostics::Diagnostics;

pub(super) struct Case<'a> {
    pub(super) ty: &'a Ident,
    /// `None` for a struct.
    pub(super) variant: Option<&'a Ident>,
    /// The name for messages: `TodoError::NotFound`.
    pub(super) name: String,
    pub(super) at: Span,
    pub(super) fields: Vec<Field<'a>>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// The problem of the only field is returned.
    Transparent,
    Described(Description),
}

/// The problem that `#[problem(…)]` describes.
#[derive(Default)]
pub(super) struct Description {
    pub(super) status: u16,
    pub(super) type_uri: Option<LitStr>,
    pub(super) title: Option<LitStr>,
    pub(super) detail: Option<Detail>,
    pub(super) headers: Vec<(LitStr, LitStr)>,
    pub(super) absent: bool,
}

impl<'a> Case<'a> {
    /// Reads a case; `None` if it has mistakes, which have been reported.
    pub(super) fn read(
        ty: &'a Ident,
        variant: Option<&'a Ident>,
        attributes: &[Attribute],
        fields: &'a Fields,
        own_error: &mut bool,
        diagnostics: &mut Diagnostics,
    ) -> Option<Case<'a>> {
        let name = variant.map_or_else(|| ty.to_string(), |variant| format!("{ty}::{variant}"));
        let at = variant.map_or_else(|| ty.span(), Ident::span);
        let fields = field::read(fields, &name, diagnostics);
        let mut options = Options {
            name: &name,
            seen: Vec::new(),
            status: None,
            transparent: None,
            description: Description::default(),
        };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("problem"))
        {
            match attribute.meta.require_list() {
                Ok(list) => split(list.tokens.clone()).into_iter().for_each(|argument| {
                    options.argument(argument, own_error, &fields, diagnostics);
                }),
                Err(error) => diagnostics.push(error),
            }
        }
        let kind = options.finish(at, &fields, diagnostics)?;
        Some(Case { ty, variant, name, at, fields, kind })
    }

    /// Checks that a field with `#[from]` is the only one, since the error is created from it
    /// alone.
    pub(super) fn check_from(&self, diagnostics: &mut Diagnostics) {
        let from = self.fields.iter().find(|field| field.is_from);
        if let Some(from) = from.filter(|_| self.fields.len() > 1) {
            let message = format!(
                "`#[from]` creates `{}` from this field alone: remove the other fields",
                self.name
            );
            diagnostics.error(from.at, message);
        }
    }
}

/// The options that have been read so far.
struct Options<'a> {
    name: &'a str,
    seen: Vec<String>,
    /// `Some(None)` if it was given and is invalid.
    status: Option<Option<u16>>,
    transparent: Option<Span>,
    description: Description,
}

impl Options<'_> {
    fn argument(
        &mut self,
        tokens: TokenStream,
        own_error: &mut bool,
        fields: &[Field<'_>],
        diagnostics: &mut Diagnostics,
    ) {
        let at = tokens.span();
        let parser = |input: ParseStream<'_>| {
            let key = input.call(Ident::parse_any)?;
            Ok((key, input.parse::<TokenStream>()?))
        };
        let Ok((key, rest)) = parser.parse2(tokens) else {
            diagnostics.error(at, format!("expected {KEYS}"));
            return;
        };
        let word = key.unraw().to_string();
        if word != "header" && self.seen.contains(&word) {
            diagnostics.error(key.span(), format!("`{word}` appears twice"));
            return;
        }
        match word.as_str() {
            "status" => self.status = Some(status(&key, rest, diagnostics)),
            "type" => self.description.type_uri = text(&key, rest, diagnostics),
            "title" => self.description.title = text(&key, rest, diagnostics),
            "detail" => {
                let text = text(&key, rest, diagnostics);
                self.description.detail =
                    text.and_then(|text| Detail::read(&text, self.name, fields, diagnostics));
            }
            "header" => self.description.headers.extend(header(&key, rest, diagnostics)),
            "absent" if rest.is_empty() => self.description.absent = true,
            "transparent" if rest.is_empty() => self.transparent = Some(key.span()),
            "own_error" if rest.is_empty() => *own_error = true,
            "absent" | "transparent" | "own_error" => {
                diagnostics.error(rest.span(), format!("`{word}` takes no value"));
            }
            _ => diagnostics.error(key.span(), format!("unknown option `{word}`; expected {KEYS}")),
        }
        self.seen.push(word);
    }

    fn finish(self, at: Span, fields: &[Field<'_>], diagnostics: &mut Diagnostics) -> Option<Kind> {
        let name = self.name;
        match (self.transparent, self.status) {
            (Some(at), _)
                if self.seen.iter().any(|word| word != "transparent" && word != "own_error") =>
            {
                diagnostics.error(
                    at,
                    "`transparent` returns the problem of the field and cannot be combined with other options",
                );
                None
            }
            (Some(at), _) if fields.len() != 1 => {
                let count = fields.len();
                let message =
                    format!("`transparent` needs exactly one field; `{name}` has {count}");
                diagnostics.error(at, message);
                None
            }
            (Some(_), _) => Some(Kind::Transparent),
            (None, None) => {
                diagnostics.error(
                    at,
                    format!("`{name}` has no status: write `#[problem(status = 404)]` above it"),
                );
                None
            }
            (None, Some(status)) => {
                status.map(|status| Kind::Described(Description { status, ..self.description }))
            }
        }
    }
}

const KEYS: &str = "`status = 404`, `type = \"…\"`, `title = \"…\"`, `detail = \"…\"`, `header(\"…\", \"…\")`, `absent` or `transparent`";

fn status(key: &Ident, rest: TokenStream, diagnostics: &mut Diagnostics) -> Option<u16> {
    let value = value(rest);
    let number = match &value {
        Some(Lit::Int(number)) => number.base10_parse::<u16>().ok(),
        _ => None,
    };
    if let Some(status @ 400..=599) = number {
        return Some(status);
    }
    let at = value.as_ref().map_or_else(|| key.span(), Lit::span);
    let message = match (&value, number) {
        (_, Some(status @ 100..=399)) => {
            format!("`status` expects a number from 400 to 599: {status} is not an error status")
        }
        _ => "`status` expects a number from 400 to 599: `status = 404`".to_owned(),
    };
    diagnostics.error(at, message);
    None
}

fn text(key: &Ident, rest: TokenStream, diagnostics: &mut Diagnostics) -> Option<LitStr> {
    match value(rest) {
        Some(Lit::Str(text)) => Some(text),
        _ => {
            diagnostics.error(key.span(), format!("`{key} = \"…\"`: expected text in quotes"));
            None
        }
    }
}

fn header(
    key: &Ident,
    rest: TokenStream,
    diagnostics: &mut Diagnostics,
) -> Option<(LitStr, LitStr)> {
    let parser = |input: ParseStream<'_>| {
        let inside;
        syn::parenthesized!(inside in input);
        Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)
    };
    let texts: Vec<LitStr> =
        parser.parse2(rest).map(|texts| texts.into_iter().collect()).unwrap_or_default();
    let Ok([name, value]) = <[LitStr; 2]>::try_from(texts) else {
        diagnostics
            .error(key.span(), "expected a name and a value: `header(\"retry-after\", \"60\")`");
        return None;
    };
    // RFC 9110, 5.6.2 and 5.5: a name is a token, a value is visible.
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.value().is_empty() || !name.value().bytes().all(token) {
        let text = format!(
            "`{}` is not a valid header name: write letters, digits and `-`, such as `retry-after`",
            name.value()
        );
        diagnostics.error(name.span(), text);
        return None;
    }
    if !value.value().bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        diagnostics.error(value.span(), "the value of a header has to be visible ASCII");
        return None;
    }
    Some((name, value))
}

/// The literal after `=`.
fn value(rest: TokenStream) -> Option<Lit> {
    let parser = |input: ParseStream<'_>| {
        input.parse::<Token![=]>()?;
        input.parse::<Lit>()
    };
    parser.parse2(rest).ok()
}
