use quote::quote;

use super::messages;
use crate::diagnostics::Diagnostics;
use crate::route::attribute::{Attribute, Verb, parse};
use crate::route::condition::Condition;

const GET: Verb = Verb::Fixed { attribute: "get", method: "GET" };

fn good(verb: Verb, arguments: proc_macro2::TokenStream) -> Attribute {
    let mut diagnostics = Diagnostics::default();
    let attribute = parse(verb, arguments, &mut diagnostics);
    assert_eq!(messages(diagnostics), [""; 0]);
    attribute
}

fn mistakes(verb: Verb, arguments: proc_macro2::TokenStream) -> Vec<String> {
    let mut diagnostics = Diagnostics::default();
    parse(verb, arguments, &mut diagnostics);
    messages(diagnostics)
}

#[test]
fn options_come_in_any_order() {
    let attribute = good(GET, quote!(name = "other", "/x", limit = 5,));
    assert_eq!(attribute.template.unwrap().value.path(), "/x");
    assert_eq!(attribute.method.as_deref(), Some("GET"));
    assert_eq!(attribute.limit, Some(5));
    assert_eq!(attribute.name.unwrap(), "other");
}

#[test]
fn sizes() {
    for (text, bytes) in [
        ("0", 0),
        ("65536", 65_536),
        ("17B", 17),
        ("5kB", 5_000),
        ("5KB", 5_000),
        ("5MB", 5_000_000),
        ("2GB", 2_000_000_000),
        ("64KiB", 65_536),
        ("10 MiB", 10 << 20),
        ("1GiB", 1 << 30),
    ] {
        assert_eq!(good(GET, quote!("/", limit = #text)).limit, Some(bytes), "{text}");
    }
    assert_eq!(good(GET, quote!("/", limit = 1_000)).limit, Some(1_000));
    for (text, part) in [
        ("", "expects a number of bytes or a size"),
        ("KiB", "expects a number of bytes or a size"),
        ("many", "expects a number of bytes or a size"),
        ("-1", "expects a number of bytes or a size"),
        ("64kib", "unknown unit `kib`; expected `KiB`"),
        ("5 parsecs", "unknown unit `parsecs`"),
        ("1.5MiB", "expected a whole number"),
        ("99999999999999999999", "more than 18446744073709551615 bytes"),
        ("99999999999999GiB", "more than 18446744073709551615 bytes"),
    ] {
        let found = mistakes(GET, quote!("/", limit = #text));
        assert!(found.len() == 1 && found[0].contains(part), "{text}: {found:?}");
    }
    assert_eq!(mistakes(GET, quote!("/", limit = 1u8)).len(), 1);
    assert_eq!(mistakes(GET, quote!("/", limit = 0.5)).len(), 1);
}

#[test]
fn conditions() {
    let conditions = |tokens| good(GET, tokens).conditions;
    let header =
        |name: &str, value: Option<&str>| Condition::Header(name.into(), value.map(Into::into));
    assert_eq!(
        conditions(quote!("/", header = "x-a", accepts = "text/html", header = "x-b:  1 2 ")),
        [header("x-a", None), Condition::Accepts("text/html".into()), header("x-b", Some("1 2"))]
    );
    assert_eq!(
        conditions(quote!("/", content_type = "image/*")),
        [Condition::ContentType("image/*".into())]
    );
    for (arguments, part) in [
        (quote!("/", header = ""), "`` is not a valid header name"),
        (
            quote!("/", header = "x-a:"),
            "`x-a:` has no value: write `header = \"x-a\"` for any value",
        ),
        (quote!("/", header = "x-a: ü"), "`ü` cannot be the value of a header"),
        (quote!("/", accepts = "*/*"), "is not a media type"),
        (
            quote!("/", accepts = "text/*"),
            "a response has exactly one media type, such as `text/html`",
        ),
        (quote!("/", accepts = "text/html;q=1"), "without them"),
        (quote!("/", content_type = "json"), "such as `application/json`, or `image/*`"),
        (
            quote!("/", content_type = true),
            "`content_type` expects text in quotes: `content_type = \"application/json\"`",
        ),
        (quote!("/", accepts = "a/b", accepts = "c/d"), "`accepts` appears twice"),
        (quote!("/", accept = "a/b"), "unknown option `accept`; write `accepts = \"text/html\"`"),
        (quote!("/", has_header = "x"), "or `header = \"x-version\"` for any value"),
    ] {
        let found = mistakes(GET, arguments);
        assert!(found.len() == 1 && found[0].contains(part), "{part}: {found:?}");
    }
}

#[test]
fn methods_are_tokens_and_case_sensitive() {
    assert_eq!(good(Verb::Free, quote!("/x", method = "PURGE")).method.as_deref(), Some("PURGE"));
    assert_eq!(good(Verb::Free, quote!("/x")).method, None);
    for (method, part) in
        [("", "remove `method`"), ("A B", "a token of RFC 9110"), ("purge", "write `PURGE`")]
    {
        let found = mistakes(Verb::Free, quote!("/x", method = #method));
        assert!(found.len() == 1 && found[0].contains(part), "{method}: {found:?}");
    }
    assert!(mistakes(GET, quote!("/x", method = "PURGE"))[0].contains("already has a method"));
}

#[test]
fn one_mistake_does_not_hide_the_next() {
    let found =
        mistakes(GET, quote!("/:id", limit = "x", nme = "y", name = "not a name", limit = 1, 5));
    let parts = [
        "column 2: segment `:id`",
        "limit `x`",
        "unknown option `nme`",
        "`name` expects",
        "`limit` appears twice",
    ];
    assert_eq!(found.len(), parts.len() + 1, "{found:?}");
    for (found, part) in found.iter().zip(parts) {
        assert!(found.contains(part), "{found}");
    }
}

#[test]
fn a_missing_template_is_reported_once() {
    assert_eq!(
        mistakes(GET, quote!()),
        ["the template is missing: write `#[get(\"/users/{id}\")]`"]
    );
    assert_eq!(mistakes(GET, quote!(users)).len(), 1);
    assert_eq!(mistakes(GET, quote!("/:id")).len(), 1);
    assert!(mistakes(GET, quote!("/a", "/b"))[0].contains("a second template"));
}
