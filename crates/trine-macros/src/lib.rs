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
    head "HEAD": "A handler for `HEAD`, instead of the `GET` handler of the same path without its body.",
        r#"#[head("/users")]
async fn count() -> [(&'static str, &'static str); 1] {
    [("x-total", "7")]
}
# #[trine::main]
# async fn main() {
let client = App::new().route("/", get(async || "")).routes(routes![count]).test().await;
client.head("/users").await.expect_header("x-total", "7");
# }"#;
    options "OPTIONS": "A handler for `OPTIONS`.",
        r#"#[options("/users")]
async fn methods() -> [(&'static str, &'static str); 1] {
    [("allow", "GET, POST")]
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

/// A handler for any method, or for one that has no attribute of its own.
///
/// ```
/// use trine::prelude::*;
///
/// #[route("/cache/{*key}", method = "PURGE")]
/// async fn purge(key: String) -> String {
///     format!("purged {key}")
/// }
///
/// #[route("/echo")]
/// async fn echo(method: Method, text: String) -> String {
///     format!("{method} {text}")
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![purge, echo]).test().await;
/// let method = Method::from_bytes(b"PURGE").unwrap();
/// client.request(method, "/cache/a/b").await.expect_text("purged a/b");
/// client.put("/echo").text("hi").await.expect_text("PUT hi");
/// # }
/// ```
///
/// # Template
/// ```text
/// /static/{name}/img-{id}.png/{*rest}?{q}&{page}
/// ```
/// - `{name}` matches a segment, or the part of a segment between literal text.
/// - `{*rest}` matches the rest of the path, slashes included, and has to be at the end. As a
///   `PathBuf` it is a relative path of plain names, which is safe to join to a folder. Text with
///   an encoded `/`, a `\` or dot segments is refused, unless the argument is an `AnyText`.
/// - `?{q}&{page}` names query parameters; their order in a request does not matter. An `Option` may
///   be absent, a `Vec` may be repeated.
/// - Literal text is written unencoded (`/straße`); `{{` and `}}` are literal braces.
///
/// A name is a Rust identifier and binds to the argument of the same name, whose type implements
/// `FromParam`; `{type}` binds to `r#type`. Every other argument is an extractor: its type
/// implements `FromRequest`. One extractor may read the body, in any position. Extractors that do
/// not read the body run first, so that the client is authenticated before values are looked up;
/// then the named values are read; then the body.
///
/// # Options
/// - `limit = "64KiB"`: the maximum size of the request body, as a number of bytes or with a unit:
///   `B`, `kB`, `KB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`. The default is that of the application.
/// - `name = "show_user"`: the name of the generated type, if the function's name is already taken
///   by a module or type. `routes![]` then takes that name.
/// - `accepts = "text/html"`: the route only matches requests whose `Accept` allows this media type.
///   `content_type = "application/json"`, or `"image/*"`: only requests with a body of this type.
///   `header = "x-version: 2"`: only requests with this header field and value; `header =
///   "x-version"`: with any value. `header` may be repeated. Requests that do not match go to the
///   next route of the path, as the module `trine::route` describes.
/// - `method = "PURGE"`, only in `#[route]`: the method, which is case-sensitive. The default is any
///   method.
///
/// # Generated code
/// The attribute adds a type with the function's name and visibility, which `routes![]` takes. Its
/// function `uri` creates a link to the handler: `show::uri(7, None)` takes the names in the
/// template, first those of the path, then those of the query. The doc comment and `#[deprecated]`
/// are kept as data. The function itself is unchanged and can be called.
///
/// # Errors
/// All mistakes in an attribute are reported at once, and the function is kept, so that there are
/// no further errors: a name without an argument, a template that cannot match, an argument that is
/// not an extractor, two extractors that read the body, or a return type that is not a response.
/// Methods with `self`, generic parameters (`'_` is allowed), arguments that are `impl Trait` or
/// references, `unsafe`, `extern` and `...` are refused.
#[proc_macro_attribute]
pub fn route(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::route(Verb::Free, arguments.into(), &item.into()).into()
}

/// Converts an error type into problems (RFC 9457), so that handlers and extractors can return it.
///
/// ```
/// use trine::prelude::*;
///
/// #[derive(Debug, Problem)]
/// enum ArticleError {
///     #[problem(status = 404, detail = "no article has the slug {slug}")]
///     NotFound { #[problem(member)] slug: String },
///     #[problem(status = 403, type = "https://example.com/problems/not-yours", title = "Not your article")]
///     NotYours,
///     #[problem(status = 401, header("www-authenticate", "Bearer"))]
///     NoToken,
///     #[problem(status = 500)]
///     Database(#[from] std::io::Error),
/// }
///
/// #[get("/articles/{slug}")]
/// async fn show(slug: String) -> Result<String, ArticleError> {
///     Err(ArticleError::NotFound { slug })
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![show]).test().await;
/// let response = client.get("/articles/rust").await;
/// response.expect_problem(404).expect_text_contains("no article has the slug rust");
/// # }
/// ```
///
/// # Options on a variant or struct
/// - `status = 404`: the status, from 400 to 599. Every variant needs one, unless it is
///   `transparent`.
/// - `detail = "…"`: the text for the client about this occurrence. `{name}` and `{0}` refer to
///   fields; `{name:?}` formats as in `format!`. Without it, the client learns nothing about the
///   fields.
/// - `title = "…"`: a text that is the same for every problem of this kind; the default is the reason
///   phrase of the status. `type = "…"`: the URI of the kind.
/// - `header("name", "value")`: a header field of the response. It may be repeated.
/// - `absent`: if an extractor is refused with this error, its `Option` is `None`.
/// - `transparent`: the problem of the only field is returned; its type is a `Problem` or derives it.
///
/// # Options on a field
/// - `#[problem(member)]` adds the field to the problem as a member, `#[problem(member = "name")]`
///   under another name. The type has to implement `Serialize`.
/// - `#[source]`, or the name `source`: the underlying error, for the log. `#[from]` also implements
///   `From`, so that `?` converts that error.
///
/// # Generated code
/// The derive implements `From<Type>` for `Problem` and `Rejection`, `IntoResponse`, and `Display`,
/// `Error` and the `From` of each `#[from]`. If the type has an `#[error(…)]` of `thiserror`, that
/// derive implements the last three instead; with `#[problem(own_error)]` on the type, you do.
///
/// The error value is kept as the source of the problem, so that a catcher finds it by its type.
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
/// The fields are extracted in order; the one that reads the body comes last. `via(Json)` on a field
/// extracts the field's type with an extractor that wraps it. On the type itself, which may then be
/// an enum, `#[from_request(via(Json))]` reads the whole type as JSON.
///
/// # Errors
/// A request is refused by the first field that refuses it. Compile errors are a field that is not
/// an extractor, two fields that read the body, and more than 12 fields.
#[proc_macro_derive(FromRequest, attributes(from_request))]
pub fn derive_from_request(input: TokenStream) -> TokenStream {
    request::from_request(input.into()).into()
}

/// Makes a type a path or query parameter, and a value in links: `FromParam` and `ToParam`.
///
/// ```
/// use trine::prelude::*;
///
/// #[derive(FromParam)]
/// #[param(rename_all = "kebab-case")]
/// enum Order { MostRecent, #[param(rename = "top")] Best }
///
/// #[derive(FromParam)]
/// struct UserId(u64);
///
/// #[derive(FromParam)]
/// #[param(with = "Article::find")]
/// struct Article { #[param(key)] id: u64, title: String }
///
/// impl Article {
///     async fn find(id: u64, _cx: &Cx) -> Result<Article, Rejection> {
///         Ok(Article { id, title: format!("Article {id}") }) // looked up in a database, for example
///     }
/// }
///
/// #[get("/users/{user}/articles/{article}?{order}")]
/// async fn show(user: UserId, article: Article, order: Option<Order>) -> String {
///     article.title
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![show]).test().await;
/// client.get("/users/1/articles/7?order=most-recent").await.expect_text("Article 7");
/// client.get("/users/1/articles/7?order=oldest").await.expect_problem(400);
/// let link = show::uri(UserId(1), 7, Order::Best).at("").unwrap();
/// assert_eq!(link, "/users/1/articles/7?order=top");
/// # }
/// ```
///
/// - An enum of variants without fields accepts their names, as written or as `rename_all` and
///   `rename` specify. Other text is refused; the message lists the names.
/// - A struct with one field accepts what the type of the field accepts.
/// - `with` names an `async fn(key: K, cx: &Cx) -> Result<Self, Rejection>`, where `K` implements
///   `FromParam`. It may look the value up. List the state that it needs in `needs(Db)`, so that the
///   launch audit reports it if it is missing. A link takes the value or the type of the field marked
///   `key`: `show::uri(&article)` and `show::uri(7)`.
///
/// `rename_all` takes `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`,
/// `SCREAMING_SNAKE_CASE`, `kebab-case` or `SCREAMING-KEBAB-CASE`.
#[proc_macro_derive(FromParam, attributes(param))]
pub fn derive_from_param(input: TokenStream) -> TokenStream {
    param::from_param(input.into()).into()
}

/// The templates of a folder next to `Cargo.toml`, as a state for `App::state`. Requires the feature
/// `templates`.
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

/// Makes a struct a section of the configuration, or an enum without fields a value in a section.
///
/// ```
/// use std::time::Duration;
/// use trine::config::{Config, Secret};
///
/// #[derive(trine::Config)]
/// struct Mail {
///     host: String,                       // required
///     from: Option<String>,               // optional
///     #[config(default = 25)]             // any expression of the type
///     port: u16,
///     #[config(default = "10s")]          // text is parsed like the configuration
///     timeout: Duration,
///     #[config(min = 8)]                  // the minimum length of a secret under `prod`
///     password: Secret,
///     #[config(default)]                  // the default of the type
///     tls: bool,
///     #[config(default = "now")]
///     delivery: Delivery,
/// }
///
/// #[derive(trine::Config)]
/// enum Delivery { Now, NextDay }          // `now`, `next_day`
///
/// let text = "[mail]\nhost = 'localhost'\npassword = 'correct horse'\ndelivery = 'next_day'";
/// let mail: Mail = Config::read(text, [])?.section("mail")?;
/// assert_eq!((mail.host.as_str(), mail.port, mail.timeout), ("localhost", 25, Duration::from_secs(10)));
/// assert!(matches!(mail.delivery, Delivery::NextDay));
/// # Ok::<_, trine::config::ConfigErrors>(())
/// ```
///
/// # Options
/// - `default`, `default = …`: the value of an absent key.
/// - `name = "…"`: the key, or the word for a variant, if it differs from the Rust name.
/// - `secret`: no error shows the value, and the rules for secrets under `prod` apply to it. A
///   `Secret` is always secret.
/// - `min = 32`: the minimum length of a secret under `prod`, in bytes.
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
///     App::new().route("/hello/{name}", get(async |name: Path<String>| format!("Hello, {}!", *name)))
/// }
///
/// #[trine::test]
/// async fn greets() {
///     let client = app().test().await;
///     client.get("/hello/Ann").await.expect_text("Hello, Ann!");
/// }
/// ```
///
/// It returns what a test may return: nothing, or a `Result`. `#[should_panic]` and `#[ignore]` work
/// as usual.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Entry::Test, &arguments.into(), &item.into()).into()
}

/// Makes a struct or an enum a form, or a field of a form.
///
/// ```
/// use trine::prelude::*;
///
/// #[derive(FromForm)]
/// struct Signup {
///     #[form(name = "user_name", max = "64")]
///     name: String,
///     password: String,
///     agree: bool,
///     #[form(default = 18)]
///     age: u8,
///     address: Address,
///     plan: Plan,
/// }
///
/// #[derive(FromForm)]
/// struct Address { city: String }
///
/// #[derive(FromForm)]
/// #[form(rename_all = "kebab-case")]
/// enum Plan { Free, VeryLarge }
///
/// #[post("/signup")]
/// async fn signup(Form(new): Form<Signup>) -> String {
///     format!("{} ({}) from {}", new.name, new.age, new.address.city)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![signup]).test().await;
/// let fields = [
///     ("user_name", "Ann"),
///     ("password", "secret"),
///     ("agree", "on"),
///     ("address.city", "Rome"),
///     ("plan", "very-large"),
/// ];
/// client.post("/signup").form(&fields).await.expect_text("Ann (18) from Rome");
/// # }
/// ```
///
/// # Options on a field
/// - `name = "user-name"`: the name in the form, if it differs from the field's.
/// - `default`, `default = 3`: the value if the field is absent or empty.
/// - `max = "2MiB"`: the maximum size of the text or file.
/// - `types("image/png", "image/*")`: the media types that a file may have.
/// - `secret`: the value is never shown, neither in messages nor on a page. A field with `password`
///   in its name is secret, unless it has `secret = false`.
/// - `parse = "a colour"`: the type, or the type inside its `Option` or `Vec`, is read with
///   `FromStr`; the text describes the expected value.
///
/// # Options on a struct or an enum
/// - `rename_all = "kebab-case"`: how names are spelled: `lowercase`, `UPPERCASE`, `PascalCase`,
///   `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case` or `SCREAMING-KEBAB-CASE`.
/// - `deny_unknown`: if the type is the whole form, unknown fields are errors.
/// - `limits(fields = 20, text = "4KiB")`: if the type is the whole form, its `FormLimits`.
/// - `tag = "kind"`, on an enum whose variants have fields: the field that selects the variant.
///
/// # Options on a variant
/// - `name = "…"`: the value that selects it.
///
/// # Errors
/// All mistakes are reported at once, each at its own token.
#[proc_macro_derive(FromForm, attributes(form))]
pub fn from_form(item: TokenStream) -> TokenStream {
    form::derive(item.into()).into()
}
