//! A handler that no `routes![]` lists is dead code like any other, said once.
#![deny(dead_code)]

use trine::prelude::*;

#[get("/forgotten")]
async fn forgotten() {} //~ expect: forgotten

#[get("/listed")]
async fn listed() {}

fn main() {
    App::new().routes(routes![listed]);
}
