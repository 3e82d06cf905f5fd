//! The arguments of a route attribute: `"/users/{id}?{page}", limit = "64KiB", name = "show_user"`.

use proc_macro2::{Literal, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, Lit, LitStr, Token};

use crate::arguments::{bytes, split};
use crate::diagnostics::Diagnostics;
use crate::route::condition::{self, Condition};
use crate::route::template::{self, Template};

/// Which of the route attributes it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verb {
    /// `#[get]` and its siblings.
    Fixed { attribute: &'static str, method: &'static str },
    /// `#[route]`, whose method is an option; without it, the route accepts any method.
    Free,
}

impl Verb {
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Verb::Fixed { attribute, .. } => attribute,
            Verb::Free => "route",
        }
    }
}

/// The parsed arguments. `template` is `None` only if a mistake was reported.
pub(crate) struct Attribute {
    pub(crate) template: Option<Spanned<Template>>,
    /// `None` for any method.
    pub(crate) method: Option<String>,
    pub(crate) limit: Option<u64>,
    /// The name of the generated type, if it differs from the function's name.
    pub(crate) name: Option<Ident>,
    /// What else a request must have besides method and path.
    pub(crate) conditions: Vec<Condition>,
}

/// A value with its span.
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) at: Span,
}

pub(crate) fn parse(verb: Verb, tokens: TokenStream, diagnostics: &mut Diagnostics) -> Attribute {
    let method = match verb {
        Verb::Fixed { method, .. } => Some(method.to_owned()),
        Verb::Free => None,
    };
    let mut arguments = Arguments {
        verb,
        saw_template: false,
        seen: Vec::new(),
        attribute: Attribute {
            template: None,
            method,
            limit: None,
            name: None,
            conditions: Vec::new(),
        },
        diagnostics,
    };
    for argument in split(tokens) {
        arguments.argument(argument);
    }
    arguments.finish()
}

struct Arguments<'a> {
    verb: Verb,
    saw_template: bool,
    seen: Vec<String>,
    attribute: Attribute,
    diagnostics: &'a mut Diagnostics,
}

impl Arguments<'_> {
    fn argument(&mut self, tokens: TokenStream) {
        let parsed = (|input: ParseStream<'_>| match input.peek(Lit) {
            true => Ok((None, input.parse::<Lit>()?)),
            false => {
                let key = input.call(Ident::parse_any)?;
                input.parse::<Token![=]>()?;
                Ok((Some(key), input.parse::<Lit>()?))
            }
        })
        .parse2(tokens.clone());
        match parsed {
            Ok((None, Lit::Str(text))) => self.template(&text),
            Ok((Some(key), value)) => self.option(&key, &value),
            Ok((None, _)) | Err(_) => {
                let keys = self.keys();
                let at =
                    tokens.into_iter().next().map_or_else(Span::call_site, |token| token.span());
                self.diagnostics.error(
                    at,
                    format!("expected a template such as `\"/users/{{id}}\"` or {keys}"),
                );
                // The mistake may be in the template: do not report it as missing as well.
                self.saw_template = true;
            }
        }
    }

    fn template(&mut self, literal: &LitStr) {
        if self.saw_template {
            self.diagnostics.error(literal.span(), "a second template: a route has only one");
            return;
        }
        self.saw_template = true;
        let text = literal.value();
        match template::parse(&text) {
            Ok(value) => self.attribute.template = Some(Spanned { value, at: literal.span() }),
            Err(mistakes) => {
                for mistake in mistakes {
                    let column = text[..mistake.at.start].chars().count() + 1;
                    let at = within(literal, &mistake.at);
                    let message = mistake.message;
                    self.diagnostics
                        .error(at, format!("template `{text}`, column {column}: {message}"));
                }
            }
        }
    }

    fn option(&mut self, key: &Ident, value: &Lit) {
        let name = key.unraw().to_string();
        if self.seen.contains(&name) && name != "header" {
            self.diagnostics.error(key.span(), format!("`{name}` appears twice"));
            return;
        }
        match (&*name, self.verb) {
            ("limit", _) => match bytes("limit", value) {
                Ok(bytes) => self.attribute.limit = Some(bytes),
                Err(message) => self.diagnostics.error(value.span(), message),
            },
            ("name", _) => match type_name(value) {
                Some(ident) => self.attribute.name = Some(ident),
                None => self.diagnostics.error(
                    value.span(),
                    "`name` expects the name of the generated type in quotes: `name = \"show_user\"`",
                ),
            },
            ("method", Verb::Free) => match method(value) {
                Ok(method) => self.attribute.method = Some(method),
                Err(message) => self.diagnostics.error(value.span(), message),
            },
            ("method", Verb::Fixed { attribute, .. }) => self.diagnostics.error(
                key.span(),
                format!(
                    "`#[{attribute}]` already has a method; \
                     write `#[route(\"…\", method = \"…\")]` for another one"
                ),
            ),
            _ => self.condition(key, &name, value),
        }
        self.seen.push(name);
    }

    fn condition(&mut self, key: &Ident, name: &str, value: &Lit) {
        match condition::parse(name, value) {
            Some(Ok(condition)) => self.attribute.conditions.push(condition),
            Some(Err(message)) => self.diagnostics.error(value.span(), message),
            None => {
                let expected =
                    || format!("expected {}", condition::meant(name).unwrap_or(self.keys()));
                let message = foreign(name, value).unwrap_or_else(expected);
                self.diagnostics.error(key.span(), format!("unknown option `{name}`; {message}"));
            }
        }
    }

    fn keys(&self) -> &'static str {
        match self.verb {
            Verb::Fixed { .. } => {
                "`limit = \"64KiB\"`, `name = \"…\"`, `accepts = \"text/html\"`, `content_type = \"application/json\"` or \
                 `header = \"x-version: 2\"`"
            }
            Verb::Free => {
                "`method = \"…\"`, `limit = \"64KiB\"`, `name = \"…\"`, `accepts = \"text/html\"`, \
                 `content_type = \"application/json\"` or `header = \"x-version: 2\"`"
            }
        }
    }

    fn finish(self) -> Attribute {
        if !self.saw_template {
            let attribute = self.verb.attribute();
            let message =
                format!("the template is missing: write `#[{attribute}(\"/users/{{id}}\")]`");
            self.diagnostics.error(Span::call_site(), message);
        }
        self.attribute
    }
}

/// What to write instead of an option of another framework's attribute.
fn foreign(option: &str, value: &Lit) -> Option<String> {
    match option {
        "data" => {
            let Lit::Str(text) = value else { return None };
            let text = text.value();
            let name = text.trim_start_matches('<').trim_end_matches('>').trim_end_matches('.');
            Some(format!(
                "the type of an argument says whether it reads the body: remove `data` and write `{name}: Form<…>`, `{name}: Json<…>` \
                 or another extractor in the function"
            ))
        }
        "accept" => Some("write `accepts = \"text/html\"`".to_owned()),
        "rank" => Some(
            "the templates determine the order of routes: remove `rank`; literal text is preferred to a `{name}`"
                .to_owned(),
        ),
        _ => None,
    }
}

/// The span of a part of a literal. Stable compilers cannot point into a literal, so the message
/// also names the column.
fn within(literal: &LitStr, range: &std::ops::Range<usize>) -> Span {
    let token: Literal = literal.token();
    let plain = token.to_string() == format!("\"{}\"", literal.value());
    let part = if plain { token.subspan(range.start + 1..range.end + 1) } else { None };
    part.unwrap_or_else(|| literal.span())
}

fn type_name(value: &Lit) -> Option<Ident> {
    let Lit::Str(text) = value else { return None };
    let ident: Ident = text.parse().ok()?;
    Some(ident)
}

/// Parses a method, which is a case-sensitive token (RFC 9110 sections 5.6.2 and 9.1).
fn method(value: &Lit) -> Result<String, String> {
    let Lit::Str(text) = value else {
        return Err("`method` expects text in quotes: `method = \"PURGE\"`".into());
    };
    let method = text.value();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match method.as_str() {
        "" => Err("the method is empty; remove `method` to accept any method".into()),
        method if !method.bytes().all(token) => Err(format!(
            "`{method}` is not a method: expected a token of RFC 9110, such as `PURGE`"
        )),
        method if method.bytes().any(|byte| byte.is_ascii_lowercase()) => {
            Err(format!("methods are case-sensitive: write `{}`", method.to_ascii_uppercase()))
        }
        method => Ok(method.to_owned()),
    }
}
