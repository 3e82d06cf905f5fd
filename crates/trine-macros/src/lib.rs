//! The attributes of [Trine](https://docs.rs/trine), which re-exports all of them.
//!
//! An attribute writes what a person could have written: beside the function `hello` it puts a type `hello` that says
//! method, template, documentation and place, and how a request becomes the arguments. The function stays as it is.
//!
//! # Layout
//! In the order in which the tokens meet them:
//! - `attribute`: the arguments of an attribute, and in it `template`, the path and the query
//! - `handler`: the function, each argument bound to a name of the template or taken as an extractor
//! - `expand`: the output, and what is checked of the types; `uri`, the typed link in it
//! - `routes`: `routes![]`; `entry`: `#[main]` and `#[test]`
//! - `diagnostics`: every mistake that was found, reported together
//!
//! The examples here are text, since this crate comes before the one that they would need.

mod attribute;
mod diagnostics;
mod entry;
mod expand;
mod handler;
mod routes;
mod template;
mod uri;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

use crate::attribute::Verb;
use crate::entry::Entry;

macro_rules! verbs {
    ($($name:ident $method:literal: $summary:literal, $example:literal;)*) => {$(
        #[doc = $summary]
        ///
        /// ```text
        #[doc = $example]
        /// ```
        ///
        /// The template, the options, what the arguments may be and what is refused stand at [`macro@route`].
        #[proc_macro_attribute]
        pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
            let verb = Verb::Fixed { attribute: stringify!($name), method: $method };
            expand::route(verb, arguments.into(), &item.into()).into()
        }
    )*};
}

verbs! {
    get "GET": "A handler of `GET`, and of `HEAD` where nothing else answers that.",
        "#[get(\"/users/{id}\")]\nasync fn show(id: u64, db: State<Db>) -> Option<Json<User>> { … }";
    post "POST": "A handler of `POST`.",
        "#[post(\"/users\", limit = \"64KiB\")]\nasync fn create(db: State<Db>, user: Json<NewUser>) -> Created<Json<User>> { … }";
    put "PUT": "A handler of `PUT`.",
        "#[put(\"/users/{id}\")]\nasync fn replace(id: u64, user: Json<NewUser>) -> Result<NoContent, Problem> { … }";
    patch "PATCH": "A handler of `PATCH`.",
        "#[patch(\"/users/{id}\")]\nasync fn change(id: u64, change: Json<Change>) -> Json<User> { … }";
    delete "DELETE": "A handler of `DELETE`.",
        "#[delete(\"/users/{id}\")]\nasync fn remove(id: u64) -> NoContent { … }";
    head "HEAD": "A handler of `HEAD`, in place of the `GET` of the same path without its body.",
        "#[head(\"/files/{*path}\")]\nasync fn size(path: String) -> [(HeaderName, u64); 1] { … }";
    options "OPTIONS": "A handler of `OPTIONS`.",
        "#[options(\"/users\")]\nasync fn allowed() -> [(HeaderName, &'static str); 1] { … }";
}

/// A handler of any method, or of one that has no attribute of its own.
///
/// ```text
/// #[route("/cache/{*key}", method = "PURGE")]
/// async fn purge(key: String, cache: State<Cache>) -> NoContent { … }
///
/// #[route("/echo")]
/// async fn echo(request: Request) -> Response { … }
/// ```
///
/// # Template
/// ```text
/// /static/{name}/img-{id}.png/{*rest}?{q}&{page}
/// ```
/// - `{name}` takes a segment, or what is left of one between a text before and a text after it.
/// - `{*rest}` takes the rest of the path, slashes included, and stands at the end.
/// - `?{q}&{page}` takes values of the query; their order in a request does not matter. An `Option` may be missing, a
///   `Vec` may be repeated.
/// - Text is written as a person reads it (`/straße`); `{{` and `}}` are the braces themselves.
///
/// A name is a Rust identifier and binds to the argument of that name, which is a `FromParam`; `{type}` binds to
/// `r#type`. Every other argument is an extractor, a `FromRequest`. One of them may read the body, at any position.
///
/// # Options
/// - `limit = "64KiB"`: how many bytes of body a request may bring: a number, or one with `B`, `kB`, `KB`, `MB`, `GB`,
///   `KiB`, `MiB` or `GiB`. The default is the group's or the application's.
/// - `name = "show_user"`: the name of the generated type, where the function's name is taken by a module or a type.
///   `routes![]` then wants that name.
/// - `method = "PURGE"`, in `#[route]` only. Methods are case-sensitive. The default is any method.
///
/// # What it adds
/// A type of the function's name and visibility, which `routes![]` takes. Its function `uri` makes a link to the handler:
/// `show::uri(7, None)` takes what the template names, first the path, then the query, in the order of the template. The doc comment and `#[deprecated]` are kept
/// as data. The function itself stays as it is and can be called.
///
/// # Errors
/// All mistakes of an attribute are reported at once, and the function is kept, so that nothing else fails with it:
/// a name without an argument, a template that cannot match, an argument that is no extractor, two that read the body,
/// an answer that is no response. Refused are methods with `self`, type, const and lifetime parameters (`'_` is fine),
/// `impl Trait` and references as arguments, `unsafe`, `extern` and `...`.
#[proc_macro_attribute]
pub fn route(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::route(Verb::Free, arguments.into(), &item.into()).into()
}

/// The routes of these handlers, as a `Vec<Route>`.
///
/// ```text
/// App::new().routes(routes![hello, admin::stats, #[cfg(debug_assertions)] debug::dump])
/// ```
#[proc_macro]
pub fn routes(tokens: TokenStream) -> TokenStream {
    routes::routes(tokens.into()).into()
}

/// Runs `async fn main` and turns an error into a message and an exit code that is not 0.
///
/// ```text
/// #[trine::main]
/// async fn main() -> trine::Result {
///     App::new().routes(routes![hello]).serve().await
/// }
/// ```
///
/// The function takes no arguments and returns nothing or a `Result<(), E>` whose error can be displayed.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Entry::Main, &arguments.into(), &item.into()).into()
}

/// Runs an async test, on one thread.
///
/// ```text
/// #[trine::test]
/// async fn greets() {
///     let client = app().test().await;
///     assert_eq!(client.get("/hello/Ann").await.text(), "Hello, Ann!");
/// }
/// ```
///
/// It returns what a test returns: nothing, or a `Result`. `#[should_panic]` and `#[ignore]` work as ever.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Entry::Test, &arguments.into(), &item.into()).into()
}
