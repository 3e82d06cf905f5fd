//! A handler: the function as written, and the bindings of its arguments.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, ConstParam, Expr, ExprLit, FnArg, GenericParam, LifetimeParam, Lit, Meta, Pat,
    PatType,
};
use syn::{ReturnType, Safety, Signature, Type, TypeParam, Visibility};

use crate::diagnostics::Diagnostics;
use crate::route::attribute::Spanned;
use crate::route::template::Template;

/// A function whose body is not parsed, so that a body that is being typed causes no errors.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: TokenStream,
}

impl Function {
    /// Parses a function.
    pub(crate) fn parse(attribute: &str, item: TokenStream) -> syn::Result<Function> {
        let parser = |input: ParseStream<'_>| {
            Ok(Function {
                attributes: input.call(Attribute::parse_outer)?,
                visibility: input.parse()?,
                signature: input.parse()?,
                body: input.parse()?,
            })
        };
        parser.parse2(item).map_err(|error| {
            syn::Error::new(
                error.span(),
                format!("`#[{attribute}]` can only be used on a function: {error}"),
            )
        })
    }

    /// Another route attribute below this one that also generates a type with the function's name.
    pub(crate) fn second_route(&self) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| match &attribute.meta {
            Meta::List(meta) => {
                let last = meta.path.segments.last();
                let route = last.is_some_and(|last| ROUTES.iter().any(|name| last.ident == name));
                route && !names(&meta.tokens, "name")
            }
            Meta::Path(_) | Meta::NameValue(_) => false,
        })
    }
}

const ROUTES: [&str; 9] =
    ["get", "post", "put", "patch", "delete", "head", "options", "query", "route"];

/// A handler with the binding of each argument.
pub(crate) struct Handler {
    pub(crate) arguments: Vec<Argument>,
    pub(crate) is_async: bool,
    pub(crate) output: ReturnType,
    pub(crate) doc: Option<String>,
    pub(crate) deprecated: bool,
}

/// An argument of the handler.
pub(crate) struct Argument {
    /// The argument as written, for messages.
    pub(crate) text: String,
    pub(crate) ty: Type,
    pub(crate) binding: Binding,
}

/// What an argument is bound to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    Path { name: String, index: usize },
    Query { name: String },
    Extractor,
}

/// The maximum length of a tuple that implements `trine::handler::Args`.
pub(crate) const MOST_EXTRACTORS: usize = 12;

/// Binds the arguments of a function to the names of its template, and reports all mistakes.
pub(crate) fn bind(
    function: &Function,
    template: Option<&Spanned<Template>>,
    diagnostics: &mut Diagnostics,
) -> Handler {
    let signature = &function.signature;
    shape(signature, diagnostics);
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    });
    let mut arguments = Vec::new();
    for argument in typed.clone() {
        argument_shape(argument, diagnostics);
        arguments.push(Argument {
            text: format!("{}: {}", spelled(&argument.pat), spelled(&argument.ty)),
            ty: Type::clone(&argument.ty),
            binding: binding(argument, template),
        });
    }
    let extractors = arguments.iter().filter(|argument| argument.binding == Binding::Extractor);
    if let (Some(_), Some(one_more)) = (template, extractors.clone().nth(MOST_EXTRACTORS)) {
        let message = format!(
            "a handler takes at most {MOST_EXTRACTORS} extractors: combine some in a struct that derives `FromRequest`"
        );
        diagnostics.error(one_more.ty.span(), message);
    }
    if let Some(template) = template {
        let arguments: Vec<_> = typed.collect();
        for name in template.value.path_names().chain(template.value.query_names()) {
            if let Some(message) = unbound(name, &signature.ident, &arguments) {
                diagnostics.error(template.at, message);
            }
        }
    }
    Handler {
        arguments,
        is_async: signature.asyncness.is_some(),
        output: signature.output.clone(),
        doc: doc(&function.attributes),
        deprecated: function
            .attributes
            .iter()
            .any(|attribute| attribute.path().is_ident("deprecated")),
    }
}

/// Reports signatures that a handler cannot have, since generated code calls the function by name.
fn shape(signature: &Signature, diagnostics: &mut Diagnostics) {
    let name = &signature.ident;
    if let Some(receiver) = signature.receiver() {
        diagnostics.error(
            receiver.self_token.span,
            format!(
                "a handler is a free function, not a method: move `{name}` out of the `impl`, \
                 and take the contents of `self` as `State<…>`"
            ),
        );
    }
    for parameter in &signature.generics.params {
        let (at, message) = match parameter {
            GenericParam::Lifetime(LifetimeParam { lifetime, .. }) => (
                lifetime.span(),
                format!(
                    "a handler has no lifetime parameters: write `'_` in place of `{lifetime}`"
                ),
            ),
            GenericParam::Type(TypeParam { ident, .. })
            | GenericParam::Const(ConstParam { ident, .. }) => (
                ident.span(),
                format!(
                    "a handler with an attribute cannot be generic over `{ident}`: \
                     use a concrete type, or remove the attribute and register `get({name}::<…>)`"
                ),
            ),
        };
        diagnostics.error(at, message);
    }
    if let Safety::Unsafe(token) = &signature.safety {
        let message = "a handler has to be safe to call: remove `unsafe`, and use an `unsafe` block \
                       where it is needed";
        diagnostics.error(token.span, message);
    }
    if let Some(abi) = &signature.abi {
        diagnostics.error(abi.extern_token.span, "a handler is called from Rust: remove `extern`");
    }
    if let Some(variadic) = &signature.variadic {
        diagnostics.error(
            variadic.dots.spans[0],
            "a handler has a fixed number of arguments: remove `...`",
        );
    }
}

fn argument_shape(argument: &PatType, diagnostics: &mut Diagnostics) {
    let text = || spelled(&argument.pat);
    if let Some(cfg) = argument.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        let message = format!(
            "an argument of a handler cannot have a `cfg` (`{}`): write two functions with a `cfg` instead",
            text()
        );
        diagnostics.error(cfg.span(), message);
    }
    match &*argument.ty {
        Type::ImplTrait(ty) => diagnostics.error(
            ty.span(),
            format!(
                "`{}: {}`: an argument of a handler needs a concrete type",
                text(),
                spelled(ty)
            ),
        ),
        Type::Reference(ty)
            if ty.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") =>
        {
            let owned = match spelled(&ty.elem) {
                text if text == "str" => "String".to_owned(),
                text if text == "[u8]" => "Bytes".to_owned(),
                text if text.starts_with("CookieJar") => "Cookies".to_owned(),
                text => text,
            };
            let message = format!(
                "an argument of a handler has to be owned: write `{}: {owned}` without `&`",
                text()
            );
            diagnostics.error(ty.and_token.spans[0], message);
        }
        _ => {}
    }
}

fn binding(argument: &PatType, template: Option<&Spanned<Template>>) -> Binding {
    let (Some(name), Some(template)) = (name(&argument.pat), template) else {
        return Binding::Extractor;
    };
    if let Some(index) = template.value.path_names().position(|known| known == name) {
        return Binding::Path { name, index };
    }
    match template.value.query_names().any(|known| known == name) {
        true => Binding::Query { name },
        false => Binding::Extractor,
    }
}

/// The name of an argument; a pattern has none.
fn name(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(ident) => Some(ident.ident.unraw().to_string()),
        _ => None,
    }
}

/// The message for a name of the template that has no argument.
fn unbound(wanted: &str, handler: &Ident, arguments: &[&PatType]) -> Option<String> {
    let known: Vec<String> = arguments.iter().filter_map(|argument| name(&argument.pat)).collect();
    if known.iter().any(|name| name == wanted) {
        return None;
    }
    let missing =
        format!("the template names `{{{wanted}}}`, but `{handler}` has no argument of that name");
    let inside = |argument: &&&PatType| {
        name(&argument.pat).is_none() && names(&argument.pat.to_token_stream(), wanted)
    };
    if let Some(argument) = arguments.iter().find(inside) {
        let pattern = spelled(&argument.pat);
        return Some(format!(
            "{missing}: the pattern `{pattern}` has no name; write `{wanted}: …`"
        ));
    }
    Some(match known.iter().find(|name| one_edit_apart(name, wanted)) {
        Some(near) => format!("{missing}: did you mean `{near}`? Spell both the same"),
        None => format!("{missing}: add `{wanted}: …` or remove it from the template"),
    })
}

/// Whether an identifier occurs in the tokens.
fn names(tokens: &TokenStream, wanted: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Group(group) => names(&group.stream(), wanted),
        TokenTree::Ident(ident) => ident.unraw() == wanted,
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether inserting, deleting, replacing or transposing one character turns one text into the
/// other.
fn one_edit_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(&long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 if long.len() >= 2 && short[..2] == [long[1], long[0]] => short[2..] == long[2..],
        0 => long.len() == 1 || short.get(1..) == long.get(1..),
        1 => short == &long[1..],
        _ => false,
    }
}

/// The doc comment, without the leading spaces that rustdoc ignores as well. `#[doc =
/// include_str!(…)]` is not read.
fn doc(attributes: &[Attribute]) -> Option<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> =
        lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    let doc = lines.join("\n").trim().to_owned();
    if doc.is_empty() { None } else { Some(doc) }
}

/// Tokens with the usual spacing, for messages.
pub(crate) fn spelled(tokens: &(impl ToTokens + ?Sized)) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in [
        (" < ", "<"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" :: ", "::"),
        (":: ", "::"),
        (" ,", ","),
        ("& ", "&"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        ("[ ", "["),
        (" ]", "]"),
        (" ;", ";"),
        ("' ", "'"),
    ] {
        text = text.replace(from, to);
    }
    text
}
