//! How responders combine with the response parts before them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{StatusCode, header};
use trine::extract::{Cookies, TypedHeader};
use trine::respond::{AppendHeaders, Created, Html, Json, NoContent, Redirect};
use trine::{IntoResponse, Response};

fn field<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[test]
fn response_parts_precede_any_responder() {
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
fn cookies_are_sent_with_a_redirect() {
    let mut cookies = Cookies::default();
    cookies.remove("session");
    let response = (cookies, Redirect::to("/login")).into_response();
    assert_eq!((response.status().as_u16(), field(&response, "location")), (303, "/login"));
    assert!(field(&response, "set-cookie").contains("Max-Age=0"));
}

fn cookies(response: &Response) -> Vec<&str> {
    let fields = response.headers().get_all("set-cookie").iter();
    fields.map(|field| field.to_str().unwrap().split(';').next().unwrap()).collect()
}

/// The last part used to replace all others: a jar was lost behind an array, and so was the first
/// cookie of an array.
#[test]
fn every_part_adds_its_set_cookie_and_replaces_other_fields() {
    let jar = || {
        let mut jar = Cookies::default();
        jar.add(("jar", "1"));
        jar.add(("jar", "1"));
        jar
    };
    let array = || [("set-cookie", "a=1"), ("x-a", "1"), ("Set-Cookie", "b=2"), ("x-a", "2")];
    let map = || {
        let mut map = http::HeaderMap::new();
        for (name, value) in array() {
            map.append(header::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        map
    };
    let typed = || {
        let mut typed = http::HeaderMap::new();
        typed.append("set-cookie", "t=1".parse().unwrap());
        typed.append("set-cookie", "u=2".parse().unwrap());
        TypedHeader(headers::HeaderMapExt::typed_get::<headers::SetCookie>(&typed).unwrap())
    };
    let append = || AppendHeaders([("set-cookie", "c=3"), ("x-a", "3")]);

    let response = (jar(), array(), map(), typed(), append(), ([("set-cookie", "inner=0")], "…"))
        .into_response();
    let expected = ["inner=0", "jar=1", "a=1", "b=2", "a=1", "b=2", "t=1", "u=2", "c=3"];
    assert_eq!(cookies(&response), expected);
    let response = (append(), typed(), map(), array(), jar(), ([("x-a", "0"), ("x-b", "0")], "…"))
        .into_response();
    assert_eq!(cookies(&response), ["c=3", "t=1", "u=2", "a=1", "b=2", "a=1", "b=2", "jar=1"]);
    // A map with two values replaces all others, and then an array does, whose last value wins.
    assert_eq!(response.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["2"]);
    assert_eq!(field(&response, "x-b"), "0");
    let response = (map(), [("x-a", "0")], ()).into_response();
    assert_eq!(response.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["0"]);
    let response = ([("x-a", "0")], map(), ()).into_response();
    assert_eq!(response.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
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
fn an_invalid_response_part_is_a_500_without_the_response() {
    let response = ([("x-name", "a\nb")], "secret").into_response();
    assert_eq!(response.status(), 500);
    assert!(!String::from_utf8_lossy(response.body().as_whole().unwrap()).contains("secret"));
}
