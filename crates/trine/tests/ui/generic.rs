use trine::prelude::*;

#[get("/{id}")]
async fn ty<T>(id: T) {} //~ expect: it has no parameter `T`: name the type, or leave the attribute out

#[get("/")]
async fn constant<const N: usize>() {} //~ expect: it has no parameter `N`

#[get("/{id}")]
async fn lifetime<'a>(id: std::borrow::Cow<'a, str>) {} //~ expect: write `'_` in place of `'a`

#[get("/{id}")]
async fn implied(id: impl ToString) {} //~ expect: `id: impl ToString`: an argument of a handler has one type

#[get("/{id}")]
async fn reference(id: &str) {} //~ expect: an argument of a handler is owned: write `id: String` without `&`

#[get("/")]
unsafe fn danger() {} //~ expect: a handler is safe to call

#[get("/")]
extern "C" fn foreign() {} //~ expect: a handler is called by Rust

fn main() {
    App::new().routes(routes![ty, constant, lifetime, implied, reference, danger, foreign]);
}
