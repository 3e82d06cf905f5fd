//! A guest book: pages from templates, a form that says what is wrong with it, a feed.
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
    /// Empty, or with what was written and what is wrong with it.
    form: Filled,
}

impl Template for Home {
    const FILE: &'static str = "home.html";
}

/// What a visitor sends.
#[derive(FromForm)]
struct SignForm {
    name: String,
    text: String,
}

#[get("/")]
async fn home(page: Page<Home>, book: State<Book>) -> Result<Rendered, Problem> {
    page.render(&Home { entries: book.latest(), form: Filled::default() })
}

/// Signs the book, or shows the form again with what was written.
#[post("/", limit = "16KiB")]
async fn sign(
    page: Page<Home>,
    book: State<Book>,
    mut sent: Submitted<SignForm>,
) -> trine::Result<Response> {
    if let Some(new) = sent.value.take() {
        match book.sign(&new.name, &new.text) {
            // After a redirect, reloading the page does not send the form again.
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

/// The paragraphs of a text, for a loop: what is put into the page is escaped there.
fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n")
        .map(|paragraph| paragraph.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect()
}
