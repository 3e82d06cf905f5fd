use serde::Deserialize;
use trine::prelude::*;

#[derive(Deserialize)]
struct Login {
    name: String,
}

#[post("/")]
async fn login(login: Form<Login>) {} //~ expect: `Login` is not a form
//~ also: add `#[derive(FromForm)]`

struct Colour;

#[derive(FromForm)]
struct Theme {
    colour: Colour, //~ expect: `Colour` cannot be a field of a form
    //~ also: `#[form(parse = "what is expected")]`
}

fn main() {
    App::new().routes(routes![login]);
}
