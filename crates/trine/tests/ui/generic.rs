use trine::prelude::*;

#[get("/{id}")]
async fn ty<T>(id: T) {} //~ expect: cannot be generic over `T`: use a concrete type, or remove the attribute

#[get("/")]
async fn constant<const N: usize>() {} //~ expect: cannot be generic over `N`

#[get("/{id}")]
async fn lifetime<'a>(id: std::borrow::Cow<'a, str>) {} //~ expect: write `'_` in place of `'a`

#[get("/{id}")]
async fn implied(id: impl ToString) {} //~ expect: `id: impl ToString`: an argument of a handler needs a concrete type

#[get("/{id}")]
async fn reference(id: &str) {} //~ expect: an argument of a handler has to be owned: write `id: String` without `&`

#[get("/")]
unsafe fn danger() {} //~ expect: a handler has to be safe to call

#[get("/")]
extern "C" fn foreign() {} //~ expect: a handler is called from Rust

fn main() {
    App::new().routes(routes![ty, constant, lifetime, implied, reference, danger, foreign]);
}
