//! How responders and the parts before them come together.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{StatusCode, header};
use trine::extract::{Cookies, TypedHeader};
use trine::respond::{AppendHeaders, Created, Html, Json, NoContent, Redirect};
use trine::{IntoResponse, Response};

fn field<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[test]
fn parts_stand_before_any_answer() {
    let mut cookies = Cookies::default();
    cookies.add(("theme", "dark"));
    let cache = TypedHeader(headers::CacheControl::new().with_no_store());
    let links = AppendHeaders([(header::LINK, "</a>"), (header::LINK, "</b>")]);
    let response = (StatusCode::ACCEPTED, cookies, cache, links, Html("<p>")).into_response();
    assert_eq!(response.status(), 202);
    assert_eq!(field(&response, "set-cookie"), "theme=dark; HttpOnly; SameSite=Lax; Path=/");
    assert_eq!(field(&response, "cache-control"), "no-store");
    assert_eq!(response.headers().get_all("link").iter().count(), 2);
    assert_eq!(field(&response, "content-type"), "text/html; charset=utf-8");
}

#[test]
fn cookies_ride_on_a_redirect() {
    let mut cookies = Cookies::default();
    cookies.remove("session");
    let response = (cookies, Redirect::to("/login")).into_response();
    assert_eq!((response.status().as_u16(), field(&response, "location")), (303, "/login"));
    assert!(field(&response, "set-cookie").contains("Max-Age=0"));
}

#[test]
fn results_and_options_nest() {
    let created: Result<Created<Json<u8>>, NoContent> = Ok(Created::at("/7", Json(7)));
    assert_eq!(created.into_response().status(), 201);
    let gone: Result<Created<Json<u8>>, NoContent> = Err(NoContent);
    assert_eq!(gone.into_response().status(), 204);
    assert_eq!(None::<Json<u8>>.into_response().status(), 404);
    assert_eq!(Created::new(None::<Json<u8>>).into_response().status(), 404);
}

#[test]
fn a_part_that_cannot_be_sent_is_a_500_without_the_answer() {
    let response = ([("x-name", "a\nb")], "secret").into_response();
    assert_eq!(response.status(), 500);
    assert!(!String::from_utf8_lossy(response.body().as_whole().unwrap()).contains("secret"));
}
