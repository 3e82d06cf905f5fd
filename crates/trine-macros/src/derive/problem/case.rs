//! One kind of error: a variant, or the whole struct; and what `#[problem(…)]` says of it.

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
    /// `None` is the struct itself.
    pub(super) variant: Option<&'a Ident>,
    /// As a message says it: `TodoError::NotFound`.
    pub(super) name: String,
    pub(super) at: Span,
    pub(super) fields: Vec<Field<'a>>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// The problem of the only field is passed on.
    Transparent,
    Told(Told),
}

/// What is told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) type_uri: Option<LitStr>,
    pub(super) title: Option<LitStr>,
    pub(super) detail: Option<Detail>,
    pub(super) headers: Vec<(LitStr, LitStr)>,
    pub(super) absent: bool,
}

impl<'a> Case<'a> {
    /// Reads a case; `None` where its mistakes were reported.
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
        let mut says = Says {
            name: &name,
            seen: Vec::new(),
            status: None,
            transparent: None,
            told: Told::default(),
        };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("problem"))
        {
            match attribute.meta.require_list() {
                Ok(list) => split(list.tokens.clone())
                    .into_iter()
                    .for_each(|argument| says.argument(argument, own_error, &fields, diagnostics)),
                Err(error) => diagnostics.push(error),
            }
        }
        let kind = says.finish(at, &fields, diagnostics)?;
        Some(Case { ty, variant, name, at, fields, kind })
    }

    /// `#[from]` makes the error of one value, so there can be no other field.
    pub(super) fn check_from(&self, diagnostics: &mut Diagnostics) {
        let from = self.fields.iter().find(|field| field.is_from);
        if let Some(from) = from.filter(|_| self.fields.len() > 1) {
            let message = format!(
                "`#[from]` makes `{}` of this field alone: it can have no other",
                self.name
            );
            diagnostics.error(from.at, message);
        }
    }
}

/// An attribute on its way.
struct Says<'a> {
    name: &'a str,
    seen: Vec<String>,
    /// `Some(None)` where it was said and is wrong.
    status: Option<Option<u16>>,
    transparent: Option<Span>,
    told: Told,
}

impl Says<'_> {
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
            diagnostics.error(key.span(), format!("`{word}` stands twice"));
            return;
        }
        match word.as_str() {
            "status" => self.status = Some(status(&key, rest, diagnostics)),
            "type" => self.told.type_uri = text(&key, rest, diagnostics),
            "title" => self.told.title = text(&key, rest, diagnostics),
            "detail" => {
                let text = text(&key, rest, diagnostics);
                self.told.detail =
                    text.and_then(|text| Detail::read(&text, self.name, fields, diagnostics));
            }
            "header" => self.told.headers.extend(header(&key, rest, diagnostics)),
            "absent" if rest.is_empty() => self.told.absent = true,
            "transparent" if rest.is_empty() => self.transparent = Some(key.span()),
            "own_error" if rest.is_empty() => *own_error = true,
            "absent" | "transparent" | "own_error" => {
                diagnostics.error(rest.span(), format!("`{word}` stands alone, without a value"));
            }
            _ => diagnostics
                .error(key.span(), format!("`{word}` is not known here; expected {KEYS}")),
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
                    "`transparent` passes on the problem of the field: nothing else can be said",
                );
                None
            }
            (Some(at), _) if fields.len() != 1 => {
                let count = fields.len();
                let message = format!(
                    "`transparent` passes on the problem of one field; `{name}` has {count}"
                );
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
            (None, Some(status)) => status.map(|status| Kind::Told(Told { status, ..self.told })),
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
            format!(
                "`status` expects a number from 400 to 599: {status} is no error, and a problem is one"
            )
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
            diagnostics.error(key.span(), format!("`{key} = \"…\"`: expected a text in quotes"));
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
        diagnostics
            .error(name.span(), format!("`{}` is not the name of a header field", name.value()));
        return None;
    }
    if !value.value().bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        diagnostics.error(value.span(), "the value of a header field is visible ASCII");
        return None;
    }
    Some((name, value))
}

/// What stands behind `=`.
fn value(rest: TokenStream) -> Option<Lit> {
    let parser = |input: ParseStream<'_>| {
        input.parse::<Token![=]>()?;
        input.parse::<Lit>()
    };
    parser.parse2(rest).ok()
}
