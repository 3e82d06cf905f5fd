//! The macros of [Trine](https://docs.rs/trine), which re-exports all of them: use them as
//! `trine::get`, `trine::routes!`, `trine::Config` and so on.
//!
//! Each macro generates code that you could have written by hand. A route attribute leaves its
//! function unchanged and adds a type of the same name, which holds the method, template, doc
//! comment and location of the handler, and the code that extracts its arguments from a request:
//!
//! ```
//! use trine::prelude::*;
//!
//! #[get("/hello/{name}?{shout}")]
//! async fn hello(name: String, shout: Option<bool>) -> String {
//!     let text = format!("Hello, {name}!");
//!     if shout == Some(true) { text.to_uppercase() } else { text }
//! }
//!
//! # #[trine::main]
//! # async fn main() {
//! let client = App::new().routes(routes![hello]).test().await;
//! client.get("/hello/Ann?shout=true").await.expect_text("HELLO, ANN!");
//! assert_eq!(hello("Ann".into(), None).await, "Hello, Ann!");
//! # }
//! ```
//!
//! # Layout
//! - `route`: `#[get]`, `#[route]` and their siblings; `routes`: `routes![]`
//! - `derive`: `#[derive(Problem)]`, `FromRequest`, `FromParam`, `FromForm` and `Config`
//! - `entry`: `#[main]` and `#[test]`; `templates`: `templates!()`
//! - `arguments`: what the arguments of several macros have in common; `rename`: how `rename_all`
//!   spells a name
//! - `diagnostics`: every mistake that was found, reported together

mod arguments;
mod derive;
mod diagnostics;
mod entry;
mod rename;
mod route;
mod routes;
mod templates;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

use crate::derive::{config, form, param, problem, request};
use crate::entry::Entry;
use crate::route::attribute::Verb;
use crate::route::expand;

macro_rules! verbs {
    ($($name:ident $method:literal: $summary:literal, $example:literal;)*) => {$(
        #[doc = $summary]
        ///
        /// ```
        /// use trine::prelude::*;
        ///
        #[doc = $example]
        /// ```
        ///
        /// [`macro@route`] documents the template, the options, the arguments and the errors.
        #[proc_macro_attribute]
        pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
            let verb = Verb::Fixed { attribute: stringify!($name), method: $method };
            expand::route(verb, arguments.into(), &item.into()).into()
        }
    )*};
}

verbs! {
    get "GET": "A handler for `GET`, and for `HEAD` unless the path has another handler for it.",
        r#"#[get("/users/{id}")]
async fn show(id: u64) -> String {
    format!("user {id}")
}
# #[trine::main]
# async fn main() {
let client = App::new().routes(routes![show]).test().await;
client.get("/users/7").await.expect_text("user 7");
# }"#;
    post "POST": "A handler for `POST`.",
        r#"#[post("/users", limit = "64KiB")]
async fn create(name: String) -> Created<String> {
    Created::at("/users/7", name)
}
# #[trine::main]
# async fn main() {
let client = App::new().routes(routes![create]).test().await;
client.post("/users").text("Ann").await.expect_status(201).expect_text("Ann");
# }"#;
    put "PUT": "A handler for `PUT`.",
        r#"#[put("/users/{id}")]
async fn replace(id: u64, name: String) -> String {
    format!("{id} is {name}")
}
# #[trine::main]
# async fn main() {
let client = App::new().routes(routes![replace]).test().await;
client.put("/users/7").text("Ann").await.expect_text("7 is Ann");
# }"#;
    patch "PATCH": "A handler for `PATCH`.",
        r#"#[patch("/users/{id}")]
async fn rename(id: u64, name: String) -> String {
    format!("{id} is now {name}")
}
# #[trine::main]
# async fn main() {
let client = App::new().routes(routes![rename]).test().await;
client.patch("/users/7").text("Ann").await.expect_text("7 is now Ann");
# }"#;
    delete "DELETE": "A handler for `DELETE`.",
        r#"#[delete("/users/{id}")]
async fn remove(id: u64) -> NoContent {
    NoContent
}
# #[trine::main]
# async fn main() {
let client = App::new().routes(routes![remove]).test().await;
client.delete("/users/7").await.expect_status(204);
# }"#;
    head "HEAD": "A handler for `HEAD`, which otherwise gets the response of `GET` without its body.",
        r#"#[head("/users")]
async fn count() -> ([(&'static str, &'static str); 1], NoContent) {
    ([("x-total", "7")], NoContent)
}
# #[trine::main]
# async fn main() {
let client = App::new().route("/", get(async || "")).routes(routes![count]).test().await;
client.head("/users").await.expect_header("x-total", "7");
# }"#;
    options "OPTIONS": "A handler for `OPTIONS`.",
        r#"#[options("/users")]
async fn methods() -> ([(&'static str, &'static str); 1], NoContent) {
    ([("allow", "GET, POST")], NoContent)
}
# #[trine::main]
# async fn main() {
let client = App::new().routes(routes![methods]).test().await;
client.options("/users").await.expect_header("allow", "GET, POST");
# }"#;
    query "QUERY": "A handler for `QUERY`, which is safe like `GET` and has a body (RFC 10008).",
        r#"#[trine::query("/users")]
async fn search(words: String) -> String {
    format!("users like {words}")
}
# #[trine::main]
# async fn main() {
let client = App::new().routes(routes![search]).test().await;
let method = Method::from_bytes(b"QUERY").unwrap();
client.request(method, "/users").text("Ann").await.expect_text("users like Ann");
# }"#;
}

#[doc = include_str!("../docs/route.md")]
#[proc_macro_attribute]
pub fn route(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::route(Verb::Free, arguments.into(), &item.into()).into()
}

#[doc = include_str!("../docs/problem.md")]
#[proc_macro_derive(Problem, attributes(problem, source, from))]
pub fn problem(item: TokenStream) -> TokenStream {
    problem::derive(item.into()).into()
}

/// The routes of handlers with a route attribute, as a `Vec<Route>`.
///
/// It takes paths, separated by commas. Each may have a `#[cfg]`.
///
/// ```
/// use trine::prelude::*;
///
/// mod admin {
///     #[trine::get("/stats")]
///     pub async fn stats() -> &'static str { "42 users" }
/// }
///
/// #[get("/hello")]
/// async fn hello() -> &'static str { "Hello" }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().routes(routes![hello, #[cfg(debug_assertions)] admin::stats]);
/// app.test().await.get("/hello").await.expect_text("Hello");
/// # }
/// ```
#[proc_macro]
pub fn routes(tokens: TokenStream) -> TokenStream {
    routes::routes(tokens.into()).into()
}

/// Makes a struct of extractors an extractor.
///
/// ```
/// use serde::Deserialize;
/// use trine::prelude::*;
///
/// #[derive(Deserialize)]
/// struct NewComment { text: String }
///
/// #[derive(FromRequest)]
/// struct Comment {
///     method: Method,
///     #[from_request(via(Json))]
///     new: NewComment,
/// }
///
/// #[post("/comments")]
/// async fn create(comment: Comment) -> String {
///     format!("{}: {}", comment.method, comment.new.text)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![create]).test().await;
/// let comment = serde_json::json!({ "text": "nice" });
/// client.post("/comments").json(&comment).await.expect_text("POST: nice");
/// # }
/// ```
///
/// The fields are extracted in order; the one that reads the body comes last. `via(Json)` on a
/// field extracts the field's type with an extractor that wraps it. On the type itself, which may
/// then be an enum, `#[from_request(via(Json))]` reads the whole type as JSON.
///
/// # Errors
/// A request is refused by the first field that refuses it. Compile errors are a field that is not
/// an extractor, two fields that read the body, and more than 12 fields.
#[proc_macro_derive(FromRequest, attributes(from_request))]
pub fn derive_from_request(input: TokenStream) -> TokenStream {
    request::from_request(input.into()).into()
}

#[doc = include_str!("../docs/from_param.md")]
#[proc_macro_derive(FromParam, attributes(param))]
pub fn derive_from_param(input: TokenStream) -> TokenStream {
    param::from_param(input.into()).into()
}

/// The templates of a folder next to `Cargo.toml`, as a state for `App::state`. Requires the
/// feature `templates`.
///
/// ```text
/// App::new().state(templates!("templates")).routes(routes![home])
/// ```
///
/// A debug build reads the folder when a page is rendered, so that a change takes effect with the
/// next request. A release build embeds all files in the program and reads none; Cargo rebuilds the
/// program when one of them changes. After you add a file, change the source, or use a `build.rs`
/// with `println!("cargo::rerun-if-changed=templates")`.
#[proc_macro]
pub fn templates(tokens: TokenStream) -> TokenStream {
    templates::templates(tokens.into()).into()
}

#[doc = include_str!("../docs/config.md")]
#[proc_macro_derive(Config, attributes(config))]
pub fn config(input: TokenStream) -> TokenStream {
    config::derive(input.into()).into()
}

/// Runs `async fn main`, and turns an error into a message and a non-zero exit code.
///
/// ```
/// use trine::prelude::*;
///
/// #[get("/")]
/// async fn hello() -> &'static str { "Hello" }
///
/// #[trine::main]
/// async fn main() -> trine::Result {
///     let app = App::new().routes(routes![hello]);
///     // A program calls `app.serve().await` here.
///     app.test().await.get("/").await.expect_text("Hello");
///     Ok(())
/// }
/// ```
///
/// The function takes no arguments and returns nothing, or a `Result<(), E>` whose error implements
/// `Display`.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Entry::Main, &arguments.into(), &item.into()).into()
}

/// Runs an async test on one thread.
///
/// ```
/// use trine::prelude::*;
///
/// fn app() -> App {
///     let hello = async |name: Path<String>| format!("Hello, {}!", *name);
///     App::new().route("/hello/{name}", get(hello))
/// }
///
/// #[trine::test]
/// async fn greets() {
///     let client = app().test().await;
///     client.get("/hello/Ann").await.expect_text("Hello, Ann!");
/// }
/// ```
///
/// It returns what a test may return: nothing, or a `Result`. `#[should_panic]` and `#[ignore]`
/// work as usual.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Entry::Test, &arguments.into(), &item.into()).into()
}

#[doc = include_str!("../docs/from_form.md")]
#[proc_macro_derive(FromForm, attributes(form))]
pub fn from_form(item: TokenStream) -> TokenStream {
    form::derive(item.into()).into()
}
