//! The typed link to a handler: `show::uri(slug, page)`.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote};
use syn::Visibility;

use crate::route::handler::{Argument, Binding};
use crate::route::template::{Segment, Template};

/// The function `uri` of a handler's type, with one argument for each name of the template, in
/// order.
///
/// If the handler has mistakes, it accepts any arguments, so that its calls cause no further
/// errors.
pub(crate) fn uri(
    ty: &Ident,
    visibility: &Visibility,
    handler: &str,
    template: &Template,
    arguments: &[Argument],
) -> TokenStream {
    let mut parameters = Vec::new();
    let mut complete = true;
    for name in template.path_names().chain(template.query_names()) {
        let ident = ident(name);
        match bound(name, arguments) {
            Some(ty) => parameters.push(quote!(#ident: impl ::trine::LinkArg<#ty>)),
            None => {
                complete = false;
                parameters.push(quote!(#ident: impl ::core::marker::Sized));
            }
        }
    }
    let body = match complete {
        true => write_link(ty, template, arguments),
        false => quote!(::core::unreachable!()),
    };
    let doc = format!("A link to the handler `{handler}`.");
    quote! {
        #[automatically_derived]
        #[allow(unused_variables, private_bounds, private_interfaces, deprecated)]
        #[allow(clippy::too_many_arguments)]
        impl #ty {
            #[doc = #doc]
            #visibility fn uri(#(#parameters),*) -> ::trine::Link {
                #body
            }
        }
    }
}

/// The calls that write the text of the template and the values, in order.
fn write_link(ty: &Ident, template: &Template, arguments: &[Argument]) -> TokenStream {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let value = |method: &str, name: &str| {
        let (call, ident, ty) = (format_ident!("{method}"), ident(name), bound(name, arguments));
        let any_text =
            (method != "query").then(|| quote!(, ::trine::__private::Argument::<#ty>::ANY_TEXT));
        quote!(.#call::<#ty>(#name, &#ident #any_text))
    };
    for segment in template.segments() {
        text.push('/');
        match segment {
            Segment::Text(part) => text.push_str(part),
            Segment::Capture { prefix, name, suffix } => {
                text.push_str(prefix);
                pieces.push(quote!(.text(#text)));
                pieces.push(value("value", name));
                text = suffix.clone();
            }
            Segment::Rest(name) => {
                pieces.push(quote!(.text(#text)));
                pieces.push(value("rest", name));
                text = String::new();
            }
        }
    }
    if template.trailing_slash() {
        text.push('/');
    }
    if !text.is_empty() {
        pieces.push(quote!(.text(#text)));
    }
    pieces.extend(template.query_names().map(|name| value("query", name)));
    quote! {
        use ::trine::__private::RefusedArgument as _;
        ::trine::__private::LinkWriter::to::<#ty>() #(#pieces)* .finish()
    }
}

/// The type of the argument that a name binds to. Anonymous lifetimes are replaced, since they are
/// not allowed in a bound.
fn bound(name: &str, arguments: &[Argument]) -> Option<TokenStream> {
    let argument = arguments.iter().find(|argument| match &argument.binding {
        Binding::Path { name: known, .. } | Binding::Query { name: known } => known == name,
        Binding::Extractor => false,
    });
    argument.map(|argument| named_lifetimes(argument.ty.to_token_stream()))
}

fn named_lifetimes(ty: TokenStream) -> TokenStream {
    let mut after_quote = false;
    ty.into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if after_quote && ident == "_" => {
                after_quote = false;
                Ident::new("static", ident.span()).into()
            }
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), named_lifetimes(group.stream()));
                inside.set_span(group.span());
                inside.into()
            }
            token => {
                after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
                token
            }
        })
        .collect()
}

/// The name as an identifier; a keyword becomes a raw identifier.
fn ident(name: &str) -> Ident {
    match syn::parse_str::<Ident>(name) {
        Ok(mut ident) => {
            ident.set_span(Span::mixed_site());
            ident
        }
        Err(_) => Ident::new_raw(name, Span::mixed_site()),
    }
}
