//! `#[derive(FromRequest)]`: makes a struct of extractors an extractor.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Member, Path, Type};

use crate::diagnostics::Diagnostics;
use crate::route::handler::{MOST_EXTRACTORS, spelled};

pub(crate) fn from_request(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut diagnostics = Diagnostics::default();
    let whole = via(&input.attrs, &mut diagnostics);
    let parts = match (&whole, &input.data) {
        (Some(path), _) => vec![FieldExtractor::whole(path)],
        (None, Data::Struct(data)) => parts(&data.fields, &mut diagnostics),
        (None, Data::Enum(_) | Data::Union(_)) => {
            diagnostics.error(
                input.ident.span(),
                format!(
                    "`FromRequest` can be derived for a struct whose fields are extractors; \
                     `#[from_request(via(Json))]` reads `{}` itself as JSON",
                    input.ident
                ),
            );
            Vec::new()
        }
    };
    if let Some(part) = parts.get(MOST_EXTRACTORS) {
        let message =
            format!("at most {MOST_EXTRACTORS} fields: move some into a struct of their own");
        diagnostics.error(part.ty.span(), message);
    }
    if !diagnostics.is_empty() {
        return diagnostics.into_tokens();
    }
    Derived { input: &input, parts: &parts, itself: whole.is_some() }.tokens()
}

/// One field, and the extractor that makes it.
struct FieldExtractor {
    member: Option<Member>,
    /// The field as written, for messages.
    text: String,
    ty: TokenStream,
    /// Whether the extractor wraps the value, as `Json<T>` does.
    wraps: bool,
}

impl FieldExtractor {
    fn whole(path: &Path) -> FieldExtractor {
        let ty = quote_spanned!(path.span()=> #path<Self>);
        FieldExtractor { member: None, text: String::new(), ty, wraps: true }
    }

    fn field(index: usize, field: &Field, diagnostics: &mut Diagnostics) -> FieldExtractor {
        let Field { ident, ty, .. } = field;
        let member = match ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(index.into()),
        };
        let text = format!("{}: {}", spelled(&member), spelled(ty));
        match via(&field.attrs, diagnostics) {
            None => FieldExtractor {
                member: Some(member),
                text,
                ty: ty.to_token_stream(),
                wraps: false,
            },
            Some(path) => {
                let ty: &Type = ty;
                FieldExtractor {
                    member: Some(member),
                    text,
                    ty: quote_spanned!(path.span()=> #path<#ty>),
                    wraps: true,
                }
            }
        }
    }
}

fn parts(fields: &Fields, diagnostics: &mut Diagnostics) -> Vec<FieldExtractor> {
    fields
        .iter()
        .enumerate()
        .map(|(index, field)| FieldExtractor::field(index, field, diagnostics))
        .collect()
}

/// `#[from_request(via(Json))]`.
fn via(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Option<Path> {
    let mut via = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("from_request"))
    {
        let parsed = attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("via") {
                return Err(
                    meta.error("expected `via(Json)`: the extractor that contains the value")
                );
            }
            let content;
            syn::parenthesized!(content in meta.input);
            via = Some(content.call(Path::parse_mod_style)?);
            Ok(())
        });
        if let Err(error) = parsed {
            diagnostics.push(error);
        }
    }
    via
}

struct Derived<'a> {
    input: &'a DeriveInput,
    parts: &'a [FieldExtractor],
    itself: bool,
}

impl Derived<'_> {
    fn tokens(&self) -> TokenStream {
        let name = &self.input.ident;
        // The bounds are checked once, with the span of each type; the code below relies on them.
        let mut generics = self.input.generics.clone();
        let bounds = self.parts.iter().map(|FieldExtractor { ty, .. }| -> syn::WherePredicate {
            syn::parse_quote_spanned!(ty.span()=> #ty: ::trine::FromRequest)
        });
        let clause = generics.make_where_clause();
        clause.predicates.extend(bounds);
        if self.generic() {
            clause.predicates.push(syn::parse_quote!(Self: ::core::marker::Send));
        }
        let (parameters, _, clause) = generics.split_for_impl();
        let (_, arguments, _) = self.input.generics.split_for_impl();
        let types: Vec<_> = self.parts.iter().map(|part| &part.ty).collect();
        let (needs, cx) =
            (Ident::new("needs", Span::mixed_site()), Ident::new("cx", Span::mixed_site()));
        let (reads, value) = (self.reads(), self.value());
        let locals = (0..self.parts.len()).map(local);
        let check = self.check();
        let (inner_check, outer_check) =
            if self.generic() { (Some(check), None) } else { (None, Some(check)) };
        quote! {
            #[automatically_derived]
            impl #parameters ::trine::FromRequest for #name #arguments #clause {
                type Reads = #reads;

                fn needs(#needs: &mut ::trine::Needs) {
                    <(#(#types,)*) as ::trine::handler::Args>::needs(#needs);
                }

                async fn from_request(#cx: &mut ::trine::Cx) -> ::core::result::Result<Self, ::trine::Rejection> {
                    #inner_check
                    let (#(#locals,)*) = <(#(#types,)*) as ::trine::handler::Args>::from_request(#cx).await?;
                    ::core::result::Result::Ok(#value)
                }
            }

            #outer_check
        }
    }

    /// The body, if one of the fields reads it.
    fn reads(&self) -> TokenStream {
        self.parts.iter().rev().fold(
            quote!(::trine::extract::Head),
            |after, FieldExtractor { ty, .. }| {
                let reads = quote_spanned!(ty.span()=> <#ty as ::trine::FromRequest>::Reads);
                quote_spanned!(ty.span()=> <#reads as ::trine::extract::Reads>::Or<#after>)
            },
        )
    }

    fn value(&self) -> TokenStream {
        let values = self.parts.iter().enumerate().map(|(index, part)| {
            let local = local(index);
            if part.wraps { quote!(#local.0) } else { quote!(#local) }
        });
        if self.itself {
            return quote!(#(#values)*);
        }
        let members = self.parts.iter().filter_map(|part| part.member.as_ref());
        quote!(Self { #(#members: #values),* })
    }

    /// A compile-time check that names two fields that both read the body.
    fn check(&self) -> TokenStream {
        let name = &self.input.ident;
        if self.itself {
            return TokenStream::new();
        }
        let reads = self.parts.iter().enumerate().map(|(index, FieldExtractor { ty, .. })| {
            let local = local(index);
            quote!(let #local = ::trine::__private::Argument::<#ty>::READS_BODY;)
        });
        let pairs = self.parts.iter().enumerate().flat_map(|(first, a)| {
            self.parts
                .iter()
                .enumerate()
                .skip(first + 1)
                .map(move |(second, b)| (first, a, second, b))
        });
        let pairs = pairs.map(|(first, a, second, b)| {
            let message = format!(
                "`{name}` reads the request body twice: `{}` and `{}`; a body can only be read \
                 once: keep one of them",
                a.text, b.text
            );
            let panic = quote_spanned!(b.ty.span()=> ::core::panic!(#message));
            let (first, second) = (local(first), local(second));
            quote!(if #first && #second { #panic })
        });
        let check = quote!({
            use ::trine::__private::RefusedArgument as _;
            #(#reads)*
            #(#pairs)*
        });
        if self.generic() { quote!(const #check;) } else { quote!(const _: () = #check;) }
    }

    fn generic(&self) -> bool {
        self.input.generics.type_params().next().is_some()
    }
}

fn local(index: usize) -> Ident {
    format_ident!("field_{index}", span = Span::mixed_site())
}
