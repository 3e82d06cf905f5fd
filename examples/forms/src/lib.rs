//! Signing up with a picture. What is wrong is told at its field, and what was typed stays.
//!
//! # Layout
//! - here: the form, its rules, its handlers
//! - `page`: what the browser shows

mod page;

use std::path::PathBuf;

use garde::Validate;
use trine::form::Filled;
use trine::prelude::*;
use trine::validation::coded;

/// The whole application.
#[must_use]
pub fn app(pictures: Pictures) -> App {
    App::new().state(pictures).routes(routes![ask, sign_up, welcome])
}

/// The folder of the pictures.
#[derive(Debug)]
pub struct Pictures {
    /// Where it is.
    pub folder: PathBuf,
}

/// What the page sends. The type says what a field is made of, garde which of these are right.
#[derive(Debug, FromForm, Validate)]
struct SignUp {
    #[form(max = 64)]
    #[garde(length(chars, min = 2), ascii, alphanumeric)]
    name: String,
    #[garde(email)]
    email: String,
    #[garde(length(chars, min = 8))]
    password: String,
    #[garde(skip)]
    plan: Plan,
    #[garde(length(max = 3))]
    topics: Vec<String>,
    #[form(max = "512KiB", types("image/png", "image/jpeg"))]
    #[garde(skip)]
    picture: Option<TempFile>,
    #[garde(custom(agreed))]
    agree: bool,
}

/// What it costs.
#[derive(Debug, FromForm)]
#[form(rename_all = "lowercase")]
enum Plan {
    Free,
    Paid,
}

/// The empty page.
#[get("/")]
async fn ask() -> Html<String> {
    Html(page::sign_up(&Filled::default()))
}

/// Sign up, or the page again.
#[post("/", limit = "1MiB")]
async fn sign_up(
    pictures: State<Pictures>,
    Valid(mut sent): Valid<Submitted<SignUp>>,
) -> trine::Result<Response> {
    match sent.value.take() {
        Some(new) if new.name == "root" => sent.form.refuse("name", "taken", "is taken"),
        Some(new) => {
            if let Some(picture) = new.picture {
                // The name is ours: that of the file is the client's.
                picture.persist(pictures.folder.join(&new.name)).await?;
            }
            let paid = matches!(new.plan, Plan::Paid);
            return Ok(Redirect::to(welcome::uri(new.name, paid)).into_response());
        }
        None => {}
    }
    let again = Html(page::sign_up(&sent.form));
    Ok((StatusCode::UNPROCESSABLE_ENTITY, again).into_response())
}

/// Where a sign-up ends.
#[get("/welcome/{name}?{paid}")]
async fn welcome(name: String, paid: bool) -> Html<String> {
    Html(page::welcome(&name, paid))
}

fn agreed(agree: &bool, _context: &()) -> garde::Result {
    if *agree { Ok(()) } else { Err(coded("agree", "has to be agreed to")) }
}
