//! A guest book with pages from templates, a form that shows its errors, and a feed.
//!
//! `cargo run -p pages`, then open <http://127.0.0.1:8080>. Change a file in `templates/` and
//! reload the page.

mod book;
#[cfg(test)]
mod tests;

use serde::Serialize;
use trine::Templates;
use trine::form::Filled;
use trine::prelude::*;
use trine::template::{Page, Rendered, Template};
use trine::templates;

use crate::book::{Book, Entry, Mistake};

#[trine::main]
async fn main() -> trine::Result {
    app().serve().await
}

fn app() -> App {
    App::new()
        .state(Book::new())
        .state(
            templates!("templates")
                .with(|environment| environment.add_filter("paragraphs", paragraphs)),
        )
        .routes(routes![home, sign, entry, feed])
        .fallback(nowhere)
}

#[derive(Serialize)]
struct Home {
    entries: Vec<Entry>,
    /// The form, either empty or with the values and errors of the last attempt.
    form: Filled,
}

impl Template for Home {
    const FILE: &'static str = "home.html";
}

/// The fields of the form.
#[derive(FromForm)]
struct SignForm {
    name: String,
    text: String,
}

#[get("/")]
async fn home(page: Page<Home>, book: State<Book>) -> Result<Rendered, Problem> {
    page.render(&Home { entries: book.latest(), form: Filled::default() })
}

/// Adds an entry, or shows the form again with what the visitor wrote.
#[post("/", limit = "16KiB")]
async fn sign(
    page: Page<Home>,
    book: State<Book>,
    mut sent: Submitted<SignForm>,
) -> trine::Result<Response> {
    if let Some(new) = sent.value.take() {
        match book.sign(&new.name, &new.text) {
            // After this redirect, reloading the page does not send the form again.
            Ok(id) => return Ok(Redirect::to(entry::uri(id)).into_response()),
            Err(Mistake { field, code, message }) => sent.form.refuse(field, code, message),
        }
    }
    let again = page.render(&Home { entries: book.latest(), form: sent.form })?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, again).into_response())
}

#[derive(Serialize)]
struct One {
    entry: Entry,
}

impl Template for One {
    const FILE: &'static str = "entry.html";
}

#[get("/entries/{id}")]
async fn entry(id: u64, page: Page<One>, book: State<Book>) -> Result<Rendered, Problem> {
    let entry =
        book.find(id).ok_or_else(|| Problem::not_found(format!("there is no entry {id}")))?;
    page.render(&One { entry })
}

#[derive(Serialize)]
struct Feed {
    base: String,
    entries: Vec<Entry>,
}

impl Template for Feed {
    const FILE: &'static str = "feed.xml";
}

#[get("/feed.xml")]
async fn feed(
    page: Page<Feed>,
    book: State<Book>,
    headers: HeaderMap,
) -> Result<Rendered, Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    page.render(&Feed { base: format!("http://{host}"), entries: book.latest() })
}

async fn nowhere(templates: Templates) -> (StatusCode, Result<Rendered, Problem>) {
    (StatusCode::NOT_FOUND, templates.render("nowhere.html", ()))
}

/// The paragraphs of a text, for a loop in the template. The template escapes each of them.
fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n")
        .map(|paragraph| paragraph.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect()
}
