//! The output of a route attribute: the unchanged function, and a type of the same name for the
//! router.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ReturnType;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use crate::diagnostics::Diagnostics;
use crate::route::attribute::{self, Attribute, Verb};
use crate::route::condition::Condition;
use crate::route::handler::{self, Argument, Binding, Function, Handler};
use crate::route::uri;

/// Expands `#[get(…)]` and its siblings. The item is always emitted, even if there are mistakes.
pub(crate) fn route(verb: Verb, arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let attribute = attribute::parse(verb, arguments, &mut diagnostics);
    let function = match Function::parse(verb.attribute(), item.clone()) {
        Ok(function) => function,
        Err(error) => {
            diagnostics.push(error);
            let errors = diagnostics.into_tokens();
            return quote!(#item #errors);
        }
    };
    let handler = handler::bind(&function, attribute.template.as_ref(), &mut diagnostics);
    let second = function.second_route().filter(|_| attribute.name.is_none());
    if let Some(second) = second {
        let name = &function.signature.ident;
        let message = format!(
            "a second route for `{name}` needs a type of its own: add `name = \"{name}_2\"`, \
             which `routes![]` takes as well"
        );
        diagnostics.error(second.span(), message);
    }
    let route = Route { attribute: &attribute, function: &function, handler: &handler };
    if diagnostics.is_empty() {
        let declared = route.declared();
        return quote!(#item #declared);
    }
    let errors = diagnostics.into_tokens();
    // A method is inside an `impl`, where types are not allowed, and a second route attribute
    // generates the type itself.
    let own = function.signature.receiver().is_none() && second.is_none();
    let stub = own.then(|| route.stub());
    quote!(#item #errors #stub)
}

struct Route<'a> {
    attribute: &'a Attribute,
    function: &'a Function,
    handler: &'a Handler,
}

impl Route<'_> {
    fn declared(&self) -> TokenStream {
        let needs = self.needs();
        let call = self.call();
        let checks = self.checks();
        let ty = self.ty(&quote!(#needs #call), true);
        quote!(#ty #checks)
    }

    /// Keeps `routes![name]` and other uses of the handler free of further errors.
    fn stub(&self) -> TokenStream {
        self.ty(&quote! {
            fn needs(_: &mut ::trine::Needs) {}

            async fn call(_: &mut ::trine::Cx) -> ::core::result::Result<::trine::Response, ::trine::Rejection> {
                ::core::unreachable!()
            }
        }, false)
    }

    /// The generated type, with everything that is known about the route at compile time.
    fn ty(&self, functions: &TokenStream, whole: bool) -> TokenStream {
        let Route { attribute, function, handler } = self;
        let visibility = &function.visibility;
        let ident = &function.signature.ident;
        // It has the location of the name but the hygiene of the macro, so that lints about type
        // names ignore it.
        let mut ty = attribute.name.as_ref().unwrap_or(ident).clone();
        ty.set_span(Span::call_site().located_at(ty.span()));
        let name = ident.unraw().to_string();
        let method = option(attribute.method.as_ref());
        let path = attribute
            .template
            .as_ref()
            .map_or_else(|| "/".to_owned(), |template| template.value.path());
        let doc = option(handler.doc.as_ref());
        let deprecated = handler.deprecated;
        let limit = option(attribute.limit.as_ref());
        let conditions = attribute.conditions.iter().map(Condition::tokens);
        let arguments: &[Argument] = if whole { &handler.arguments } else { &[] };
        let uri = attribute.template.as_ref();
        let uri = uri.map(|template| uri::uri(&ty, visibility, &name, &template.value, arguments));
        let place = quote_spanned!(ident.span()=> file: ::core::file!(), line: ::core::line!(),);
        quote! {
            #[doc(hidden)]
            #visibility struct #ty {}

            #[automatically_derived]
            #[allow(deprecated)]
            impl ::trine::__private::DeclaredHandler for #ty {
                const DECLARATION: ::trine::__private::Declaration = ::trine::__private::Declaration {
                    method: #method,
                    path: #path,
                    name: #name,
                    #place
                    doc: #doc,
                    deprecated: #deprecated,
                    limit: #limit,
                    conditions: &[#(#conditions),*],
                };

                #functions
            }

            #uri
        }
    }

    fn needs(&self) -> TokenStream {
        let needs = Ident::new("needs", Span::mixed_site());
        let extractors = self.extractors().map(|(_, argument)| &argument.ty);
        let arguments = self.handler.arguments.iter();
        let values = arguments
            .filter(|argument| argument.binding != Binding::Extractor)
            .map(|argument| &argument.ty);
        let values = values.collect::<Vec<_>>();
        let order = self.lookup_order(&needs);
        quote! {
            fn needs(#needs: &mut ::trine::Needs) {
                use ::trine::__private::RefusedArgument as _;
                #(::trine::__private::Argument::<#values>::param_needs(#needs);)*
                ::trine::__private::Argument::<(#(#extractors,)*)>::needs(#needs);
                #order
            }
        }
    }

    /// Calls for each pair of a named value and an extractor, since only their types know which of
    /// them look something up.
    fn lookup_order(&self, needs: &Ident) -> TokenStream {
        let values =
            self.handler.arguments.iter().filter(|argument| argument.binding != Binding::Extractor);
        let pairs = values
            .flat_map(|value| self.extractors().map(move |(_, extractor)| (value, extractor)));
        let pairs = pairs.map(|(value, extractor)| {
            let (value_ty, value) = (&value.ty, &value.text);
            let (ty, text) = (&extractor.ty, &extractor.text);
            quote!(::trine::__private::Argument::<(#value_ty, #ty)>::lookup_order(#needs, #value, #text);)
        });
        quote!(#(#pairs)*)
    }

    /// Extracts the arguments: first the extractors that do not read the body, then the named
    /// values, then the extractor that reads the body. Only their types know which extractor reads
    /// it.
    fn arguments(&self, cx: &Ident) -> TokenStream {
        let extractors: Vec<_> = self.extractors().map(|(_, argument)| &argument.ty).collect();
        let extracted: Vec<_> = self.extractors().map(|(index, _)| local(index)).collect();
        let named = self.handler.arguments.iter().enumerate();
        let named: Vec<_> =
            named.filter(|(_, argument)| argument.binding != Binding::Extractor).collect();
        if named.is_empty() {
            return quote! {
                let (#(#extracted,)*) = ::trine::__private::Argument::<(#(#extractors,)*)>::extract(#cx).await?;
            };
        }
        if extractors.is_empty() {
            let values = named.iter().map(|(index, Argument { ty, binding, .. })| {
                let (local, value) = (local(*index), binding.read(cx));
                quote!(let #local = ::trine::__private::Argument::<#ty>::#value.await?;)
            });
            return quote!(#(#values)*);
        }
        let names = named.iter().map(|(_, argument)| argument.binding.name());
        let (types, values) = named.iter().rev().fold(
            (quote!(()), quote!(())),
            |(types, values), (index, Argument { ty, .. })| {
                let local = local(*index);
                (quote!((#ty, #types)), quote!((#local, #values)))
            },
        );
        quote! {
            let (#values, (#(#extracted,)*)) =
                ::trine::__private::Argument::<(#types, (#(#extractors,)*))>::arguments(&[#(#names),*], #cx).await?;
        }
    }

    fn call(&self) -> TokenStream {
        let ident = &self.function.signature.ident;
        let cx = Ident::new("cx", Span::mixed_site());
        let arguments = self.arguments(&cx);
        let response = self.response();
        // A future that is not `Send` is reported at this return type, so it has the span of the
        // handler's name.
        let return_type = quote_spanned! {ident.span()=>
            impl ::core::future::Future<
                Output = ::core::result::Result<::trine::Response, ::trine::Rejection>,
            > + ::core::marker::Send
        };
        quote! {
            fn call(#cx: &mut ::trine::Cx) -> #return_type {
                async move {
                    use ::trine::__private::RefusedArgument as _;
                    #arguments
                    ::core::result::Result::Ok(#response)
                }
            }
        }
    }

    /// The call of the handler and the conversion to a response, with the span of the return type.
    fn response(&self) -> TokenStream {
        let mut ident = self.function.signature.ident.clone();
        // Without a return type nothing can fail: with a span of the macro, lints ignore the code.
        let at = match &self.handler.output {
            ReturnType::Default => Span::mixed_site(),
            ReturnType::Type(_, ty) => ty.span(),
        };
        ident.set_span(at.resolved_at(ident.span()));
        let arguments = (0..self.handler.arguments.len()).map(local);
        let await_ = self.handler.is_async.then(|| quote_spanned!(at=> .await));
        quote_spanned!(at=> ::trine::IntoResponse::into_response(#ident(#(#arguments),*)#await_))
    }

    /// Checks of the argument types, each with the span of the type.
    ///
    /// The other generated code compiles for any types, by means of `RefusedArgument`, so that each
    /// mistake is reported once.
    fn checks(&self) -> TokenStream {
        let handler = &self.function.signature.ident;
        let checks = self.handler.arguments.iter().enumerate().map(|(index, argument)| {
            let (ty, local) = (&argument.ty, local(index));
            match argument.binding {
                Binding::Path { .. } | Binding::Query { .. } => {
                    quote!(::trine::__private::path_or_query_argument::<#ty>();)
                }
                Binding::Extractor => quote!(let #local = ::trine::__private::reads_body::<#ty>();),
            }
        });
        let extractors: Vec<_> = self.extractors().collect();
        let pairs = extractors.iter().enumerate().flat_map(|(position, first)| {
            extractors[position + 1..].iter().map(move |second| (first, second))
        });
        let pairs = pairs.map(|((first, a), (second, b))| {
            let message = format!(
                "handler `{handler}` reads the request body twice: `{}` and `{}`; a body can only \
                 be read once: keep one of them, or take `Bytes` and parse them in the handler",
                a.text, b.text
            );
            let (first, second) = (local(*first), local(*second));
            let panic = quote_spanned!(b.ty.span()=> ::core::panic!("{}", #message););
            quote!(if #first && #second { #panic })
        });
        quote! {
            const _: () = {
                #(#checks)*
                #(#pairs)*
            };
        }
    }

    /// The arguments that are extractors, with their positions.
    fn extractors(&self) -> impl Iterator<Item = (usize, &Argument)> {
        self.handler
            .arguments
            .iter()
            .enumerate()
            .filter(|(_, argument)| argument.binding == Binding::Extractor)
    }
}

impl Binding {
    /// The function call that reads a named value.
    fn read(&self, cx: &Ident) -> TokenStream {
        match self {
            Binding::Path { name, index } => quote!(from_path(#name, #index, #cx)),
            Binding::Query { name } => quote!(from_query(#name, #cx)),
            Binding::Extractor => TokenStream::new(),
        }
    }

    /// The name of a value, for code that reads several.
    fn name(&self) -> TokenStream {
        match self {
            Binding::Path { name, index } => {
                quote!(::trine::__private::NamedValue::Path(#name, #index))
            }
            Binding::Query { name } => quote!(::trine::__private::NamedValue::Query(#name)),
            Binding::Extractor => TokenStream::new(),
        }
    }
}

fn local(index: usize) -> Ident {
    format_ident!("argument_{index}", span = Span::mixed_site())
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
