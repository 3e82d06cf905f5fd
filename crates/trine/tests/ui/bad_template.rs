use trine::prelude::*;

#[get("/users/:id")] //~ expect: template `/users/:id`, column 8: segment `:id`: write `{id}`
async fn colon(id: u8) {}

#[get("/users/<id>")] //~ expect: segment `<id>`: write `{id}`
async fn angle(id: u8) {}

#[get("users")] //~ expect: a path starts with `/`: write `/users`
async fn relative() {}

#[get("/a//b")] //~ expect: column 3: an empty segment
async fn empty() {}

#[get("/{id:u32}")] //~ expect: the type comes from the argument: write `{id}`
async fn typed(id: u32) {}

#[get("/{*rest}/x")] //~ expect: `{*rest}` takes the rest of the path, so nothing can follow it
async fn rest(rest: String) {}

#[get("/{a}{b}")] //~ expect: segment `{a}{b}`: a segment can contain only one `{name}`
async fn two(a: u8, b: u8) {}

#[get("/{id}/{id}")] //~ expect: column 7: `{id}` appears twice
async fn twice(id: u8) {}

#[get("/{id")] //~ expect: column 2: this `{` is not closed
async fn open(id: u8) {}

#[get("/?page={page}")] //~ expect: query `page=`: the query only contains names, such as `?{page}`
async fn key(page: u8) {}

#[get()] //~ expect: the template is missing: write `#[get("/users/{id}")]`
async fn missing() {}

fn main() {
    App::new().routes(routes![colon, angle, relative, empty, typed, rest, two, twice, open, key, missing]);
}
