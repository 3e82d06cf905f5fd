use trine::prelude::*;

async fn reads(_: Caught, _: Json<String>) -> &'static str {
    "read"
}

async fn no_answer(_: Caught) -> Vec<String> {
    Vec::new()
}

async fn caught(_: Caught) -> &'static str {
    "caught"
}

fn main() {
    let _ = App::new().catch(404, reads); //~ expect: a catcher cannot read the request body
    //~ also: the handler has already read it
    let _ = Group::at("/").catch(.., no_answer); //~ expect: cannot be the answer of a handler
    let _ = App::new().catch("404", caught); //~ expect: `&str` does not say which problems a catcher is for
}
