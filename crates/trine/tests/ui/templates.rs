use trine::prelude::*;
use trine::template::Page;
use trine::templates;

struct Home;

#[get("/")]
async fn home(page: Page<Home>) {} //~ expect: `Home` is not the context of a template
//~ also: write `impl Template for Home { const FILE: &'static str = "page.html"; }`

fn main() {
    let app = App::new().state(templates!("no/such/folder")); //~ expect: cannot read the folder `no/such/folder`
    let app = app.state(templates!(folder)); //~ expect: write `templates!("templates")`
    app.routes(routes![home]);
}
