//! The output of `#[derive(Problem)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::Type;
use super::case::{Case, Description, Kind};
use super::field::Field;

impl Type<'_> {
    pub(super) fn expand(&self) -> TokenStream {
        let problem = self.problem();
        let answers = self.answers();
        let error = self.writes_error.then(|| self.error());
        let from =
            self.cases.iter().filter(|_| self.writes_error).filter_map(|case| self.from(case));
        quote!(#problem #answers #error #(#from)*)
    }

    /// Keeps code that uses the type free of further errors.
    pub(super) fn stub(&self) -> TokenStream {
        let ident = self.ident;
        let answers = self.answers();
        let error = self.writes_error.then(|| {
            quote! {
                impl ::core::fmt::Display for #ident {
                    fn fmt(&self, _: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                        ::core::unreachable!()
                    }
                }

                impl ::core::error::Error for #ident {}
            }
        });
        quote! {
            impl ::core::convert::From<#ident> for ::trine::Problem {
                fn from(_: #ident) -> ::trine::Problem {
                    ::core::unreachable!()
                }
            }
            #answers
            #error
        }
    }

    fn problem(&self) -> TokenStream {
        let ident = self.ident;
        let error = Ident::new("error", Span::mixed_site());
        let passed =
            self.cases.iter().filter(|case| matches!(case.kind, Kind::Transparent)).map(|case| {
                let pattern = case.pattern(&[0]);
                let locals = case.fields.iter().map(|field| &field.local);
                quote!(#pattern => return ::core::convert::Into::into(#(#locals)*),)
            });
        let mut passed = passed.peekable();
        let passed = passed.peek().is_some().then(|| {
            quote! {
                let #error = match #error {
                    #(#passed)*
                    other => other,
                };
            }
        });
        let arms = self.cases.iter().map(Case::problem_arm);
        quote! {
            #[automatically_derived]
            #[allow(unreachable_code, unreachable_patterns)]
            impl ::core::convert::From<#ident> for ::trine::Problem {
                fn from(#error: #ident) -> ::trine::Problem {
                    #passed
                    let problem: ::trine::Problem = match &#error {
                        #(#arms)*
                    };
                    problem.source(#error)
                }
            }
        }
    }

    fn answers(&self) -> TokenStream {
        let ident = self.ident;
        quote! {
            #[automatically_derived]
            impl ::trine::IntoResponse for #ident {
                fn into_response(self) -> ::trine::Response {
                    ::trine::IntoResponse::into_response(::trine::Problem::from(self))
                }
            }

            #[automatically_derived]
            impl ::core::convert::From<#ident> for ::trine::Rejection {
                fn from(error: #ident) -> ::trine::Rejection {
                    ::trine::Rejection::Problem(::trine::Problem::from(error))
                }
            }
        }
    }

    fn error(&self) -> TokenStream {
        let ident = self.ident;
        let formatter = Ident::new("formatter", Span::mixed_site());
        let texts = self.cases.iter().map(|case| case.text(&formatter));
        let sources = self.cases.iter().map(Case::source);
        // A missing bound of `Error`, usually `Debug`, is reported at the name of the type.
        let error = quote_spanned!(ident.span()=> ::core::error::Error);
        quote! {
            #[automatically_derived]
            impl ::core::fmt::Display for #ident {
                fn fmt(&self, #formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    match self {
                        #(#texts)*
                    }
                }
            }

            #[automatically_derived]
            impl #error for #ident {
                fn source(&self) -> ::core::option::Option<&(dyn ::core::error::Error + 'static)> {
                    use ::trine::__private::AsCause as _;
                    match self {
                        #(#sources)*
                    }
                }

                // Publishes the conversion into a problem, for code that has a `dyn Error`.
                fn cause(&self) -> ::core::option::Option<&dyn ::core::error::Error> {
                    static CONVERSION: ::trine::__private::ProblemConversion =
                        ::trine::__private::ProblemConversion::of::<#ident>();
                    ::core::option::Option::Some(&CONVERSION)
                }
            }
        }
    }

    fn from(&self, case: &Case<'_>) -> Option<TokenStream> {
        let Field { ty, member, .. } = case.fields.iter().find(|field| field.is_from)?;
        let ident = self.ident;
        let path = case.path();
        Some(quote! {
            #[automatically_derived]
            impl ::core::convert::From<#ty> for #ident {
                fn from(cause: #ty) -> Self {
                    #path { #member: cause }
                }
            }
        })
    }
}

impl Case<'_> {
    /// The path of the variant without `Self`, since it is used in impls for other types, too.
    fn path(&self) -> TokenStream {
        let ty = self.ty;
        self.variant.map_or_else(|| quote!(#ty), |variant| quote!(#ty::#variant))
    }

    /// A pattern that binds the fields at these positions to their variables.
    fn pattern(&self, uses: &[usize]) -> TokenStream {
        let path = self.path();
        let fields = uses.iter().filter_map(|&index| self.fields.get(index)).map(|field| {
            let Field { member, local, .. } = field;
            quote!(#member: #local,)
        });
        quote!(#path { #(#fields)* .. })
    }

    /// The match arm that creates the problem.
    fn problem_arm(&self) -> TokenStream {
        let Kind::Described(description) = &self.kind else {
            let pattern = self.pattern(&[]);
            return quote!(#pattern => ::core::unreachable!(),);
        };
        let Description { status, type_uri, title, detail, headers, absent } = description;
        let members: Vec<usize> = (0..self.fields.len())
            .filter(|&index| self.fields[index].member_name.is_some())
            .collect();
        let mut uses = members.clone();
        uses.extend(detail.iter().flat_map(|detail| &detail.uses));
        uses.sort_unstable();
        uses.dedup();
        let pattern = self.pattern(&uses);
        let type_uri = type_uri.iter();
        let title = title.iter();
        let detail = detail.iter().map(|detail| detail.arguments(&self.fields));
        let members = members.iter().map(|&index| {
            let Field { local, member_name, ty, .. } = &self.fields[index];
            let value = quote_spanned!(syn::spanned::Spanned::span(ty)=> ::trine::__private::member(#local));
            quote!(.with(#member_name, #value))
        });
        let headers = headers.iter().map(|(name, value)| {
            let name = name.value().to_ascii_lowercase();
            quote! {
                .header(
                    ::trine::http::HeaderName::from_static(#name),
                    ::trine::http::HeaderValue::from_static(#value),
                )
            }
        });
        let absent = absent.then(|| quote!(.absent()));
        // The error page shows the location of this call, so it has the span of the variant.
        let new =
            quote_spanned!(self.at=> ::trine::Problem::new(::trine::__private::status(#status)));
        quote! {
            #pattern => #new
                #(.type_uri(#type_uri))*
                #(.title(#title))*
                #(.detail(::std::format!(#detail)))*
                #(#members)*
                #(#headers)*
                #absent,
        }
    }

    /// The match arm of `Display`, for the log: the detail, or else the title, or else the name
    /// with all fields.
    fn text(&self, formatter: &Ident) -> TokenStream {
        let Kind::Described(description) = &self.kind else {
            let pattern = self.pattern(&[0]);
            let locals = self.fields.iter().map(|field| &field.local);
            return quote!(#pattern => #(::core::fmt::Display::fmt(#locals, #formatter))*,);
        };
        if let Some(detail) = &description.detail {
            let pattern = self.pattern(&detail.uses);
            let arguments = detail.arguments(&self.fields);
            return quote!(#pattern => ::core::write!(#formatter, #arguments),);
        }
        if self.fields.iter().any(|field| !field.is_source) && description.title.is_none() {
            // The compiler does not count `Debug` as a use of the fields.
            let all = self.pattern(&(0..self.fields.len()).collect::<Vec<_>>());
            let locals = self.fields.iter().map(|field| &field.local);
            return quote! {
                #all => {
                    let _ = (#(#locals,)*);
                    ::core::fmt::Debug::fmt(self, #formatter)
                }
            };
        }
        let pattern = self.pattern(&[]);
        let text = description.title.as_ref().map_or_else(|| self.name.clone(), syn::LitStr::value);
        quote!(#pattern => #formatter.write_str(#text),)
    }

    fn source(&self) -> TokenStream {
        let position = match self.kind {
            Kind::Transparent => Some(0),
            Kind::Described(_) => self.fields.iter().position(|field| field.is_source),
        };
        let pattern = self.pattern(position.as_slice());
        let Some(Field { local, ty, .. }) = position.and_then(|position| self.fields.get(position))
        else {
            return quote!(#pattern => ::core::option::Option::None,);
        };
        let cause = quote_spanned!(syn::spanned::Spanned::span(ty)=> #local.as_cause());
        match self.kind {
            Kind::Transparent => quote!(#pattern => #cause.source(),),
            Kind::Described(_) => quote!(#pattern => ::core::option::Option::Some(#cause),),
        }
    }
}
