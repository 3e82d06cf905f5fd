use trine::prelude::*;

#[get("/")]
async fn hello() {}

fn main() {
    App::new().mount("/", routes![hello]); //~ expect: cannot be mounted
    //~ also: add handlers by `.routes(routes![…])`
    //~ also: under a prefix by `.group(Group::at("/prefix").routes(routes![…]))`
    Group::at("/admin").mount("/", "service"); //~ expect: `&str` cannot be mounted
}
