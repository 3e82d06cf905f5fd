//! The first lines of who comes from Rocket: each is answered with what to write.
use trine::prelude::*;

#[derive(FromForm)]
struct Login {
    name: String,
}

#[get("/posts/<id>/img-<n>.png?<page>&<search..>&sort=new&:order")]
//~ expect: segment `<id>`: write `{id}`
//~ expect: segment `img-<n>.png`: write `img-{n}.png`
//~ expect: query `<page>`: only names stand here, such as `?{page}`
//~ expect: query `<search..>`: a struct of all values is an argument `Query<…>`, and has no place in the template
//~ expect: query `sort=new`: only names stand here, such as `?{sort}`
//~ expect: query `:order`: only names stand here, such as `?{order}`
async fn posts(id: u64, n: u8, page: u32) {}

#[get("/found?{search..}")]
//~ expect: query `{search..}`: a struct of all values is an argument `Query<…>`, and has no place in the template
async fn found() {}

#[get("/files/<_>/<_..>")]
//~ expect: segment `<_>`: write `{_any}`
//~ expect: segment `<_..>`: write `{*_any}`
async fn files() {}

#[post("/login", data = "<form>", format = "json", rank = 2)]
//~ expect: `data` is not known here; what reads the body is told by its type: leave `data` out
//~ also: write `form: Form<…>`, `form: Json<…>` or another extractor in the function
//~ expect: `format` is not known here; expected `content_type = "application/json"` for what a request brings
//~ also: `accepts = "text/html"` for what is answered
//~ expect: `rank` is not known here; the order of routes follows from their templates: leave `rank` out
async fn login(form: Form<Login>) {}

#[get("/visits")]
async fn visits(cookies: &CookieJar<'_>, hits: &State<u64>) {}
//~ expect: an argument of a handler is owned: write `cookies: Cookies` without `&`
//~ expect: an argument of a handler is owned: write `hits: State<u64>` without `&`

#[post("/bytes")]
async fn bytes(body: &[u8]) {}
//~ expect: an argument of a handler is owned: write `body: Bytes` without `&`

fn main() {
    App::new().routes(routes![posts, found, files, login, visits, bytes]);
}
