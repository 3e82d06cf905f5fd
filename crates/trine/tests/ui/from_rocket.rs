//! The first lines of who comes from Rocket: each is answered with what to write.
use trine::prelude::*;

#[derive(FromForm)]
struct Login {
    name: String,
}

#[get("/posts/<id>/img-<n>.png?<page>&<search..>&sort=new&:order")]
//~ expect: segment `<id>`: write `{id}`
//~ expect: segment `img-<n>.png`: write `img-{n}.png`
//~ expect: query `<page>`: the query only contains names, such as `?{page}`
//~ expect: query `<search..>`: to read all parameters into a struct, take an argument `Query<…>`; it is not part of the template
//~ expect: query `sort=new`: the query only contains names, such as `?{sort}`
//~ expect: query `:order`: the query only contains names, such as `?{order}`
async fn posts(id: u64, n: u8, page: u32) {}

#[get("/found?{search..}")]
//~ expect: query `{search..}`: to read all parameters into a struct, take an argument `Query<…>`; it is not part of the template
async fn found() {}

#[get("/files/<_>/<_..>")]
//~ expect: segment `<_>`: write `{_any}`
//~ expect: segment `<_..>`: write `{*_any}`
async fn files() {}

#[post("/login", data = "<form>", format = "json", rank = 2)]
//~ expect: unknown option `data`; the type of an argument says whether it reads the body: remove `data`
//~ also: write `form: Form<…>`, `form: Json<…>` or another extractor in the function
//~ expect: unknown option `format`; expected `content_type = "application/json"` for the body of the request
//~ also: `accepts = "text/html"` for the response
//~ expect: unknown option `rank`; the templates determine the order of routes: remove `rank`
async fn login(form: Form<Login>) {}

#[get("/visits")]
async fn visits(cookies: &CookieJar<'_>, hits: &State<u64>) {}
//~ expect: an argument of a handler has to be owned: write `cookies: Cookies` without `&`
//~ expect: an argument of a handler has to be owned: write `hits: State<u64>` without `&`

#[post("/bytes")]
async fn bytes(body: &[u8]) {}
//~ expect: an argument of a handler has to be owned: write `body: Bytes` without `&`

fn main() {
    App::new().routes(routes![posts, found, files, login, visits, bytes]);
}
