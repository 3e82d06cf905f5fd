//! A sign-up form with a picture. Errors appear beside their fields, and the form keeps what the
//! user typed.
//!
//! # Layout
//! - this file: the form, its rules, its handlers
//! - `page`: the HTML of the page

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

/// The folder where pictures are stored.
#[derive(Debug)]
pub struct Pictures {
    /// The path of the folder.
    pub folder: PathBuf,
}

/// The fields of the form. The types define how each field is parsed, and garde validates the
/// values.
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

/// The price plan.
#[derive(Debug, FromForm)]
#[form(rename_all = "lowercase")]
enum Plan {
    Free,
    Paid,
}

/// Shows the empty form.
#[get("/")]
async fn ask() -> Html<String> {
    Html(page::sign_up(&Filled::default()))
}

/// Signs the user up, or shows the form again with its errors.
#[post("/", limit = "1MiB")]
async fn sign_up(
    pictures: State<Pictures>,
    Valid(mut sent): Valid<Submitted<SignUp>>,
) -> trine::Result<Response> {
    match sent.value.take() {
        Some(new) if new.name == "root" => sent.form.refuse("name", "taken", "is taken"),
        Some(new) => {
            if let Some(picture) = new.picture {
                // We choose the file name. The client's file name is not used.
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

/// The page after a sign-up.
#[get("/welcome/{name}?{paid}")]
async fn welcome(name: String, paid: bool) -> Html<String> {
    Html(page::welcome(&name, paid))
}

fn agreed(agree: &bool, _context: &()) -> garde::Result {
    if *agree { Ok(()) } else { Err(coded("agree", "has to be agreed to")) }
}
