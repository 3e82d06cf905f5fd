use proc_macro2::TokenStream;
use quote::quote;

use super::messages;
use crate::diagnostics::Diagnostics;
use crate::entry::{Entry, entry};
use crate::route::attribute::{self, Verb};
use crate::route::expand::route;
use crate::route::handler::{Binding, Function, bind};
use crate::routes::routes;

const GET: Verb = Verb::Fixed { attribute: "get", method: "GET" };

fn bound(template: &str, item: TokenStream) -> (crate::route::handler::Handler, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let attribute = attribute::parse(GET, quote!(#template), &mut diagnostics);
    let function = Function::parse("get", item).unwrap();
    let handler = bind(&function, attribute.template.as_ref(), &mut diagnostics);
    (handler, messages(diagnostics))
}

fn mistakes(template: &str, item: TokenStream) -> Vec<String> {
    bound(template, item).1
}

/// The output as a file, and the messages of its `compile_error!`s.
fn expanded(template: &str, item: &TokenStream) -> (syn::File, Vec<String>) {
    let output = route(GET, quote!(#template), item);
    let file: syn::File = syn::parse2(output).unwrap();
    let errors = file.items.iter().filter_map(|item| match item {
        syn::Item::Macro(item) => Some(item.mac.parse_body::<syn::LitStr>().unwrap().value()),
        _ => None,
    });
    let errors = errors.collect();
    (file, errors)
}

#[test]
fn each_argument_has_its_source() {
    let (handler, mistakes) = bound(
        "/{b}/x-{type}?{q}",
        quote!(
            async fn f(
                db: State<Db>,
                r#type: u8,
                mut q: Vec<u8>,
                b: String,
                Json(x): Json<X>,
            ) -> String {
            }
        ),
    );
    assert_eq!(mistakes, [""; 0]);
    let sources: Vec<_> = handler.arguments.iter().map(|argument| &argument.binding).collect();
    let path = |name: &str, index| Binding::Path { name: name.into(), index };
    let query = Binding::Query { name: "q".into() };
    assert_eq!(
        sources,
        [&Binding::Extractor, &path("type", 1), &query, &path("b", 0), &Binding::Extractor]
    );
    assert_eq!(handler.arguments[0].text, "db: State<Db>");
    assert_eq!(handler.arguments[4].text, "Json(x): Json<X>");
    assert!(handler.is_async);
}

#[test]
fn doc_and_deprecation_are_kept() {
    let item = quote! {
        /// First.
        ///
        ///   Indented.
        ///
        #[deprecated(note = "old")]
        fn f() {}
    };
    let (handler, _) = bound("/", item);
    assert_eq!(handler.doc.as_deref(), Some("First.\n\n  Indented."));
    assert!(handler.deprecated && !handler.is_async);
    assert_eq!(
        bound(
            "/",
            quote!(
                fn f() {}
            )
        )
        .0
        .doc,
        None
    );
}

#[test]
fn a_name_without_an_argument_is_explained() {
    for (arguments, part) in [
        (quote!(), "`f` has no argument of that name: add `name: …`"),
        (quote!(nme: String), "did you mean `nme`?"),
        (quote!(nmae: String), "did you mean `nmae`?"),
        (quote!(names: String), "did you mean `names`?"),
        (quote!(_name: String), "did you mean `_name`?"),
        (quote!(title: String), "add `name: …`"),
        (quote!(Path(name): Path<String>), "the pattern `Path(name)` has no name; write `name: …`"),
    ] {
        let found = mistakes("/{name}", quote!(fn f(#arguments) {}));
        assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
        assert!(found[0].starts_with("the template names `{name}`"), "{found:?}");
    }
}

#[test]
fn an_item_that_is_not_a_handler_is_refused() {
    for (item, part) in [
        (
            quote!(
                fn f(&self) {}
            ),
            "not a method: move `f` out of the `impl`",
        ),
        (
            quote!(
                fn f<T>(x: T) {}
            ),
            "cannot be generic over `T`",
        ),
        (
            quote!(
                fn f<const N: usize>() {}
            ),
            "cannot be generic over `N`",
        ),
        (
            quote!(
                fn f<'a>(x: Cow<'a, str>) {}
            ),
            "write `'_` in place of `'a`",
        ),
        (
            quote!(
                fn f(x: impl Display) {}
            ),
            "`x: impl Display`: an argument of a handler needs a concrete type",
        ),
        (
            quote!(
                fn f(x: &str) {}
            ),
            "write `x: String` without `&`",
        ),
        (
            quote!(
                fn f(x: &mut Db) {}
            ),
            "write `x: Db` without `&`",
        ),
        (
            quote!(
                unsafe fn f() {}
            ),
            "remove `unsafe`",
        ),
        (
            quote!(
                extern "C" fn f() {}
            ),
            "remove `extern`",
        ),
        (
            quote!(
                fn f(#[cfg(unix)] x: X) {}
            ),
            "write two functions with a `cfg`",
        ),
        (
            quote!(
                fn f(a: A, b: A, c: A, d: A, e: A, f: A, g: A, h: A, i: A, j: A, k: A, l: A, m: A) {
                }
            ),
            "at most 12 extractors",
        ),
    ] {
        let found = mistakes("/", item);
        assert!(found.len() == 1 && found[0].contains(part), "{part}: {found:?}");
    }
    assert_eq!(
        mistakes(
            "/",
            quote!(
                fn f(x: Cow<'_, str>, y: &'static X) {}
            )
        ),
        [""; 0]
    );
}

#[test]
fn the_output_is_the_function_its_type_and_the_checks() {
    let item = quote!(
        pub(crate) async fn f(id: u8, db: State<Db>, body: Json<X>) -> Result<(), E> {
            db.it()
        }
    );
    let (file, errors) = expanded("/{id}", &item);
    assert_eq!(errors, [""; 0]);
    let [
        syn::Item::Fn(function),
        syn::Item::Struct(ty),
        syn::Item::Impl(_),
        syn::Item::Impl(links),
        syn::Item::Const(checks),
    ] = &file.items[..]
    else {
        panic!("{} items", file.items.len());
    };
    assert_eq!(quote!(#function).to_string(), item.to_string());
    assert_eq!(ty.ident, "f");
    let visibility = &ty.vis;
    assert_eq!(quote!(#visibility).to_string(), "pub (crate)");
    let links = quote!(#links).to_string();
    assert!(links.contains("pub (crate) fn uri (id : impl :: trine :: LinkArg < u8 >)"), "{links}");
    let checks = quote!(#checks).to_string();
    let message = "handler `f` reads the request body twice: `db: State<Db>` and `body: Json<X>`; a body can only be read once: keep one of them, or take `Bytes` and parse them in the handler";
    assert!(checks.contains(message), "{checks}");
}

#[test]
fn a_mistake_keeps_the_item_and_its_type() {
    // The function is kept even if its body is incomplete, as while it is being typed.
    let item = quote!(fn f(x: X) { let y = x.; });
    let output = route(GET, quote!("/:id"), &item).to_string();
    assert!(output.starts_with(&item.to_string()), "{output}");
    assert!(output.contains("struct f { }") && output.contains("compile_error"), "{output}");

    let (file, errors) = expanded(
        "/{a}/{b}",
        &quote!(
            fn f<T>() {}
        ),
    );
    assert_eq!(errors.len(), 3);
    assert!(file.items.iter().any(|item| matches!(item, syn::Item::Impl(_))));

    let output = route(
        GET,
        quote!("/"),
        &quote!(
            fn f(self) {}
        ),
    )
    .to_string();
    assert!(!output.contains("struct"), "an `impl` holds no types: {output}");

    let output = route(
        GET,
        quote!(),
        &quote!(
            static X: u8 = 1;
        ),
    )
    .to_string();
    assert!(output.starts_with("static X : u8 = 1 ;"), "{output}");
    assert_eq!(output.matches("compile_error").count(), 2);
}

#[test]
fn routes_takes_paths() {
    let list = routes(quote!(
        a,
        b::c,
        #[cfg(unix)]
        self::d,
    ))
    .to_string();
    assert_eq!(list.matches(":: trine :: Route :: of").count(), 3);
    assert!(list.contains("# [cfg (unix)]"), "{list}");
    let list = routes(quote!(a(), b, "c")).to_string();
    assert_eq!(list.matches("expected the name of a handler function").count(), 2, "{list}");
    assert_eq!(list.matches(":: trine :: Route :: of").count(), 1);
}

#[test]
fn entries_are_plain_functions() {
    let main = entry(
        Entry::Main,
        &quote!(),
        &quote!(
            async fn main() -> R {
                x.await
            }
        ),
    );
    let main: syn::ItemFn = syn::parse2(main).unwrap();
    assert!(main.sig.asyncness.is_none());
    let test = entry(
        Entry::Test,
        &quote!(),
        &quote!(
            #[ignore]
            async fn t() -> Result<(), E> {
                x.await
            }
        ),
    );
    let test: syn::ItemFn = syn::parse2(test).unwrap();
    assert_eq!(test.attrs.len(), 2);

    for (arguments, item, part) in [
        (
            quote!(),
            quote!(
                fn main() {}
            ),
            "write `async fn main`",
        ),
        (
            quote!(),
            quote!(
                async fn main(x: u8) {}
            ),
            "`main` cannot take arguments",
        ),
        (
            quote!(),
            quote!(
                async fn main<T>() {}
            ),
            "cannot be generic: remove the type parameters",
        ),
        (
            quote!(workers = 2),
            quote!(
                async fn main() {}
            ),
            "takes no arguments",
        ),
    ] {
        for kind in [Entry::Main, Entry::Test] {
            let output = entry(kind, &arguments, &item);
            let text = output.to_string();
            assert!(text.matches("compile_error").count() == 1 && text.contains(part), "{text}");
            syn::parse2::<syn::File>(output).unwrap();
        }
    }
}

#[test]
fn a_derived_extractor_has_as_many_fields_as_a_handler_has_arguments() {
    let derived = |count: usize| {
        let fields = vec![quote!(Method); count];
        crate::derive::request::from_request(quote!(struct Many(#(#fields),*);)).to_string()
    };
    assert!(!derived(12).contains("compile_error"));
    assert!(derived(13).contains("at most 12 fields: move some into a struct of their own"));
}
