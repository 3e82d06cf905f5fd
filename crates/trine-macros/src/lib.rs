//! The attributes of [Trine](https://docs.rs/trine), which re-exports all of them.
//!
//! An attribute writes what a person could have written: beside the function `hello` it puts a type
//! `hello` that says method, template, documentation and place, and how a request becomes the
//! arguments. The function stays as it is.
//!
//! # Layout
//! - `route`: `#[get]`, `#[route]` and their siblings; `routes`: `routes![]`
//! - `derive`: `#[derive(Problem)]`, `FromRequest`, `FromParam`, `FromForm` and `Config`
//! - `entry`: `#[main]` and `#[test]`; `templates`: `templates!()`
//! - `cases`: how `rename_all` spells a name
//! - `diagnostics`: every mistake that was found, reported together
//!
//! The examples here are text, since this crate comes before the one that they would need.

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
        "#[head(\"/files/{*path}\")]\nasync fn size(path: PathBuf) -> [(HeaderName, u64); 1] { … }";
    options "OPTIONS": "A handler of `OPTIONS`.",
        "#[options(\"/users\")]\nasync fn allowed() -> [(HeaderName, &'static str); 1] { … }";
    query "QUERY": "A handler of `QUERY`, which asks as `GET` does, with a body (RFC 10008).",
        "#[query(\"/users\", content_type = \"application/json\")]\nasync fn search(by: Json<Search>) -> Json<Vec<User>> { … }";
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
/// - `{*rest}` takes the rest of the path, slashes included, and stands at the end. As a `PathBuf`
///   it is a path of plain names, safe to join to a folder; a text with an encoded `/`, `\` or dots
///   is refused, unless it is an `AnyText`.
/// - `?{q}&{page}` takes values of the query; their order in a request does not matter. An `Option`
///   may be missing, a `Vec` may be repeated.
/// - Text is written as a person reads it (`/straße`); `{{` and `}}` are the braces themselves.
///
/// A name is a Rust identifier and binds to the argument of that name, which is a `FromParam`;
/// `{type}` binds to `r#type`. Every other argument is an extractor, a `FromRequest`. One of them
/// may read the body, at any position. Those that leave it alone run first, so that who asks is
/// settled before a value is looked up; the body comes last.
///
/// # Options
/// - `limit = "64KiB"`: how many bytes of body a request may bring: a number, or one with `B`,
///   `kB`, `KB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`. The default is the application's.
/// - `name = "show_user"`: the name of the generated type, where the function's name is taken by a
///   module or a type. `routes![]` then wants that name.
/// - `accepts = "text/html"`: only requests whose `Accept` admits this media type are for the
///   handler; others go to the next route of the path. `content_type = "application/json"`, or
///   `"image/*"`: only those whose body is of this type. `header = "x-version: 2"`: only those with
///   this field and value, `header = "x-version"`: with any value; it may be repeated. What becomes
///   of the others says the module `trine::route`.
/// - `method = "PURGE"`, in `#[route]` only. Methods are case-sensitive. The default is any method.
///
/// # What it adds
/// A type of the function's name and visibility, which `routes![]` takes. Its function `uri` makes
/// a link to the handler: `show::uri(7, None)` takes what the template names, first the path, then
/// the query, in the order of the template. The doc comment and `#[deprecated]` are kept as data.
/// The function itself stays as it is and can be called.
///
/// # Errors
/// All mistakes of an attribute are reported at once, and the function is kept, so that nothing
/// else fails with it: a name without an argument, a template that cannot match, an argument that
/// is no extractor, two that read the body, an answer that is no response. Refused are methods with
/// `self`, type, const and lifetime parameters (`'_` is fine), `impl Trait` and references as
/// arguments, `unsafe`, `extern` and `...`.
#[proc_macro_attribute]
pub fn route(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::route(Verb::Free, arguments.into(), &item.into()).into()
}

/// Makes an error type a set of problems (RFC 9457): its values can be returned by handlers and
/// extractors.
///
/// ```text
/// #[derive(Debug, Problem)]
/// enum ArticleError {
///     #[problem(status = 404, detail = "no article has the slug {slug}")]
///     NotFound { #[problem(member)] slug: String },
///     #[problem(status = 403, type = "https://example.com/problems/not-yours", title = "Not your article")]
///     NotYours,
///     #[problem(status = 401, header("www-authenticate", "Bearer"))]
///     NoToken,
///     #[problem(status = 500)]
///     Database(#[from] sqlx::Error),
///     #[problem(transparent)]
///     Profile(ProfileError),
/// }
/// ```
///
/// # Of a variant, or of a struct
/// - `status = 404`: from 400 to 599. Every variant has one, or is `transparent`.
/// - `detail = "…"`: what the client learns of this very case. `{name}` and `{0}` are fields,
///   `{name:?}` is formatted as `format!` does. Without it the client learns nothing of what is
///   inside.
/// - `title = "…"`: the same for every problem of the kind; the name of the status otherwise.
///   `type = "…"`: its URI.
/// - `header("name", "value")`: a header field of the answer; any number of them.
/// - `absent`: `Option` of an extractor that refuses with it is `None`.
/// - `transparent`: the problem of the only field is passed on; its type is a `Problem` or derives
///   it.
///
/// # Of a field
/// - `#[problem(member)]` tells it to the client as a member, `#[problem(member = "name")]` under
///   another name. It is written as JSON, so it is `Serialize`.
/// - `#[source]`, or the name `source`: the error behind it, for the log. `#[from]`: the same, and
///   `?` makes the error of it.
///
/// # What it adds
/// `From<Type> for Problem` and for `Rejection`, `IntoResponse`, and what makes it an error:
/// `Display`, `Error` and the `From` of each `#[from]`. With an `#[error(…)]` of `thiserror` in the
/// type, that derive writes the last three; with `#[problem(own_error)]` above the type, you do.
///
/// The value goes along as the source of the problem, so that a catcher finds it by its type.
#[proc_macro_derive(Problem, attributes(problem, source, from))]
pub fn problem(item: TokenStream) -> TokenStream {
    problem::derive(item.into()).into()
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

/// Makes an extractor of a struct of extractors.
///
/// ```text
/// #[derive(FromRequest)]
/// struct Comment {
///     author: Cached<User>,
///     db: State<Db>,
///     #[from_request(via(Json))]
///     text: NewComment,
/// }
/// ```
///
/// The fields run in their order, the one that reads the body last. `via(Json)` on a field takes it
/// out of an extractor that wraps it; on the type itself, which may be an enum then, it reads the
/// whole as JSON: `#[from_request(via(Json))]`.
///
/// # Errors
/// A request is refused by the first field that refuses it. At compile time: a field that is no
/// extractor, two that read the body, more than 12 fields.
#[proc_macro_derive(FromRequest, attributes(from_request))]
pub fn derive_from_request(input: TokenStream) -> TokenStream {
    request::from_request(input.into()).into()
}

/// Makes a type a value of the path or the query, and of links: `FromParam` and `ToParam`.
///
/// ```text
/// #[derive(FromParam)]
/// #[param(rename_all = "kebab-case")]
/// enum Order { MostRecent, #[param(rename = "top")] Best }
///
/// #[derive(FromParam)]
/// struct UserId(u64);
///
/// #[derive(FromParam)]
/// #[param(with = "Article::find", needs(Db))]
/// struct Article { #[param(key)] id: i64, title: String }
/// ```
/// - An enum of plain variants takes their names, as written or as `rename_all` and `rename` say. A
///   text that is none of them is refused with the list of them, and the one that was nearly meant.
/// - A struct of one field takes what the type of the field takes.
/// - `with` names an `async fn(key: K, cx: &Cx) -> Result<Self, Rejection>`, whose `K` is any
///   `FromParam`. It may look the value up; the state that it takes for that stands in `needs(…)`,
///   so that the launch audit finds what is missing. The field marked `key`, where there is one, is
///   what a link is made of: `show::uri(&article)` and `show::uri(7)`.
///
/// `rename_all` knows `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`,
/// `SCREAMING_SNAKE_CASE`, `kebab-case` and `SCREAMING-KEBAB-CASE`.
#[proc_macro_derive(FromParam, attributes(param))]
pub fn derive_from_param(input: TokenStream) -> TokenStream {
    param::from_param(input.into()).into()
}

/// The templates of a folder beside `Cargo.toml`, as a state for `App::state`. Needs the feature
/// `templates`.
///
/// ```text
/// App::new().state(templates!("templates")).routes(routes![home])
/// ```
///
/// A debug build reads the folder when a page is rendered, so that a change shows with the next
/// request. A release build holds all files in the program and reads none; Cargo builds anew when
/// one of them changes. Where a file was only added, that needs a change of the source, or a
/// `build.rs` with `println!("cargo::rerun-if-changed=templates")`.
#[proc_macro]
pub fn templates(tokens: TokenStream) -> TokenStream {
    templates::templates(tokens.into()).into()
}

/// A section of the configuration, of a struct; or a value of one, of an enum without fields.
///
/// ```text
/// #[derive(trine::Config)]
/// struct Mail {
///     host: String,                       // has to be there
///     from: Option<String>,               // may be missing
///     #[config(default = 25)]             // any expression of the type
///     port: u16,
///     #[config(default = "10s")]          // text is read as the configuration is
///     timeout: Duration,
///     #[config(min = 32)]                 // of a secret, in bytes, under `prod`; 8 otherwise
///     password: Secret,
///     #[config(default)]                  // that of the type
///     tls: bool,
/// }
///
/// #[derive(trine::Config)]
/// enum Delivery { Now, NextDay }          // `now`, `next_day`
/// ```
///
/// # Options
/// - `default`, `default = …`: what a key is where nothing is said.
/// - `name = "…"`: the key, or the word of a variant, where it is not that of the field or variant.
/// - `secret`: no error shows the value, and what is asked of secrets under `prod` is asked of it.
///   A `Secret` is one without being told.
/// - `min = 32`: the fewest bytes of a secret under `prod`.
#[proc_macro_derive(Config, attributes(config))]
pub fn config(input: TokenStream) -> TokenStream {
    config::derive(input.into()).into()
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
/// The function takes no arguments and returns nothing or a `Result<(), E>` whose error can be
/// displayed.
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
/// It returns what a test returns: nothing, or a `Result`. `#[should_panic]` and `#[ignore]` work
/// as ever.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(Entry::Test, &arguments.into(), &item.into()).into()
}

/// A form, or a field of one: for structs with named fields and for enums.
///
/// ```text
/// #[derive(FromForm)]
/// struct Signup {
///     #[form(name = "user_name", max = "64")]
///     name: String,
///     password: String,
///     agree: bool,
///     #[form(default = 18)]
///     age: u8,
///     address: Address,
///     #[form(max = "2MiB", types("image/png", "image/jpeg"))]
///     avatar: Option<TempFile>,
/// }
/// ```
///
/// # On a field
/// - `name = "user-name"`: its name in the form, where it is not that of the field.
/// - `default`, `default = 3`: the value where it is absent or empty.
/// - `max = "2MiB"`: how many bytes of text or of a file it may bring.
/// - `types("image/png", "image/*")`: the media types that a file may have.
/// - `secret`: its value is never shown, in no message and on no page. A field with `password` in
///   its name is one, unless it says `secret = false`.
/// - `parse = "a colour"`: its type, or that in its `Option` or `Vec`, is read by `FromStr`; the
///   text says what is expected.
///
/// # On a struct or an enum
/// - `rename_all = "kebab-case"`: how names are spelled: `lowercase`, `UPPERCASE`, `PascalCase`,
///   `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE` or `kebab-case`.
/// - `deny_unknown`: fields that it does not have are errors, when it is the whole form.
/// - `limits(fields = 20, text = "4KiB")`: its own `FormLimits`, when it is the whole form.
/// - `tag = "kind"`, on an enum whose variants have fields: the field that says which variant it
///   is.
///
/// # On a variant
/// - `name = "…"`: the value that stands for it.
///
/// # Errors
/// All mistakes are reported at once, each at its own token.
#[proc_macro_derive(FromForm, attributes(form))]
pub fn from_form(item: TokenStream) -> TokenStream {
    form::derive(item.into()).into()
}
