//! The fields of an error, and the role of each.

use proc_macro2::Span;
use quote::format_ident;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Attribute, Fields, Ident, Index, LitStr, Member, Token, Type};

use crate::diagnostics::Diagnostics;

pub(super) struct Field<'a> {
    /// The name in `detail`: `slug` or `0`.
    pub(super) name: String,
    pub(super) member: Member,
    /// The variable that it is bound to in a match.
    pub(super) local: Ident,
    pub(super) ty: &'a Type,
    pub(super) at: Span,
    /// The name of the problem's member, if the field is one.
    pub(super) member_name: Option<String>,
    pub(super) is_source: bool,
    pub(super) is_from: bool,
}

pub(super) fn read<'a>(
    fields: &'a Fields,
    case: &str,
    diagnostics: &mut Diagnostics,
) -> Vec<Field<'a>> {
    let mut read: Vec<Field<'a>> = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let name = field
            .ident
            .as_ref()
            .map_or_else(|| index.to_string(), |ident| ident.unraw().to_string());
        let has =
            |word| field.attrs.iter().any(|attribute: &Attribute| attribute.path().is_ident(word));
        let is_from = has("from");
        let is_source = is_from || has("source") || name == "source";
        if is_source && read.iter().any(|other| other.is_source) {
            let message = format!(
                "a second source: `{case}` already has one, marked by `#[source]`, `#[from]` or the name `source`"
            );
            diagnostics.error(field.span(), message);
        }
        read.push(Field {
            member: match &field.ident {
                Some(ident) => Member::Named(ident.clone()),
                None => Member::Unnamed(Index::from(index)),
            },
            local: format_ident!("field_{name}", span = Span::mixed_site()),
            ty: &field.ty,
            at: field.span(),
            member_name: member_name(field, &name, diagnostics),
            is_source,
            is_from,
            name,
        });
    }
    read
}

fn member_name(field: &syn::Field, name: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    let attribute = field.attrs.iter().find(|attribute| attribute.path().is_ident("problem"))?;
    let parser = |input: ParseStream<'_>| {
        let word = input.parse::<Ident>()?;
        let renamed = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse::<LitStr>()?),
            None => None,
        };
        Ok((word, renamed))
    };
    let tokens = attribute.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
    let renamed = match parser.parse2(tokens) {
        Ok((word, renamed)) if word == "member" => renamed,
        _ => {
            diagnostics.error(
                attribute.meta.span(),
                "on a field, expected `#[problem(member)]` or `#[problem(member = \"…\")]`",
            );
            return None;
        }
    };
    let member = renamed.as_ref().map_or_else(|| name.to_owned(), LitStr::value);
    if field.ident.is_none() && renamed.is_none() {
        let message = "an unnamed field needs a member name: `#[problem(member = \"…\")]`";
        diagnostics.error(attribute.meta.span(), message);
    } else if ["type", "title", "status", "detail"].contains(&member.as_str()) {
        let at = renamed.map_or_else(|| field.span(), |renamed| renamed.span());
        diagnostics
            .error(at, format!("every problem has a member `{member}`: choose another name"));
    }
    Some(member)
}
