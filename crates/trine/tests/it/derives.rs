//! `#[derive(FromRequest)]` and `#[derive(FromParam)]`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use trine::audit::Kind;
use trine::extract::Reads;
use trine::prelude::*;
use trine::{FromParam, FromRequest};

#[derive(Deserialize)]
struct Page {
    page: u8,
}

#[derive(Deserialize, FromRequest)]
#[from_request(via(Json))]
struct New {
    title: String,
}

#[derive(FromForm, FromRequest)]
#[from_request(via(Form))]
#[form(tag = "kind", rename_all = "lowercase")]
enum Pet {
    Cat { lives: String },
    Dog,
}

/// The field for the body is first, but it is read last.
#[derive(FromRequest)]
struct Create {
    new: New,
    method: Method,
    #[from_request(via(Query))]
    page: Page,
    r#type: Option<State<u8>>,
}

#[derive(FromRequest)]
struct Pair(#[from_request(via(Query))] Page, Method);

#[derive(FromRequest)]
struct Nothing;

#[derive(FromRequest)]
struct Wide<T: DeserializeOwned> {
    inner: Query<T>,
    pair: Pair,
}

#[post("/create")]
async fn create(Create { new, method, page, r#type }: Create) -> String {
    format!("{} {method} {} {}", new.title, page.page, *r#type.unwrap())
}

#[get("/pair")]
async fn pair(pair: Pair, _nothing: Nothing, wide: Wide<BTreeMap<String, String>>) -> String {
    format!("{} {} {:?} {}", pair.0.page, pair.1, wide.inner.0, wide.pair.0.page)
}

#[post("/pet")]
async fn pet(pet: Pet) -> String {
    match pet {
        Pet::Cat { lives } => format!("cat of {lives}"),
        Pet::Dog => "dog".into(),
    }
}

#[trine::test]
async fn structs_of_extractors_are_extractors() {
    let client = App::new().state(9_u8).routes(routes![create, pair, pet]).test().await;
    let answer = client.post("/create?page=3").json(&serde_json::json!({ "title": "x" })).await;
    assert_eq!(answer.text(), "x POST 3 9");
    assert_eq!(client.get("/pair?page=3").await.text(), "3 GET {\"page\": \"3\"} 3");
    assert_eq!(
        client.post("/pet").form(&[("kind", "cat"), ("lives", "9")]).await.text(),
        "cat of 9"
    );
    // The head is checked first, although the body is invalid too.
    let answer = client.post("/create").json(&7).await;
    assert!(
        answer.status() == 400 && answer.text().contains("query parameter `page` is missing"),
        "{}",
        answer.text()
    );
    assert_eq!(client.post("/create?page=3").json(&7).await.status(), 422);
}

#[test]
fn derived_extractors_declare_what_they_read_and_need() {
    const fn body<T: FromRequest>() -> bool {
        <T::Reads as Reads>::BODY
    }
    const { assert!(body::<Create>() && body::<New>() && body::<Pet>()) };
    const { assert!(!body::<Pair>() && !body::<Nothing>() && !body::<Wide<u8>>()) };
    #[derive(FromParam)]
    struct Inside(Option<Article>);
    #[get("/{inside}")]
    async fn lookup(inside: Inside) -> String {
        inside.0.map_or("none", |article| article.title).to_owned()
    }
    let audit = App::new().routes(routes![create, lookup]).audit().unwrap_err();
    let missing: Vec<_> =
        audit.findings().iter().map(|finding| finding.text.split('`').nth(3).unwrap()).collect();
    assert_eq!(missing, ["u8", "it::derives::Db"]);
    assert!(audit.findings().iter().all(|finding| finding.kind == Kind::MissingState));
}

#[derive(Debug, Clone, Copy, PartialEq, FromParam)]
#[param(rename_all = "kebab-case")]
enum Order {
    MostRecent,
    #[param(rename = "top")]
    Best,
    r#Type,
}

#[derive(Debug, Clone, PartialEq, FromParam)]
struct Slug(String);

#[derive(Debug, PartialEq, FromParam)]
struct Tags<T> {
    list: Vec<T>,
}

/// A name in lower case.
#[derive(Debug, PartialEq, FromParam)]
#[param(with = "Name::checked")]
struct Name(#[param(key)] String);

impl Name {
    async fn checked(text: String, cx: &Cx) -> Result<Name, Rejection> {
        match text.to_lowercase() == text {
            true => Ok(Name(text)),
            false => Err(Problem::not_found(format!("{} has no such name", cx.uri())).into()),
        }
    }
}

struct Db(BTreeMap<i64, &'static str>);

/// An article that is looked up by its id in a state.
#[derive(Debug, Clone, PartialEq, FromParam)]
#[param(with = find, needs(Db))]
struct Article {
    title: &'static str,
    #[param(key)]
    id: i64,
}

async fn find(id: i64, cx: &Cx) -> Result<Article, Rejection> {
    let db = cx.state::<Db>()?;
    tokio::task::yield_now().await;
    let title =
        db.0.get(&id).ok_or_else(|| Problem::not_found(format!("there is no article {id}")))?;
    Ok(Article { title, id })
}

#[get("/{order}/{slug}?{name}&{tags}&{then}")]
async fn list(order: Order, slug: Slug, name: Name, tags: Tags<u8>, then: Option<Order>) -> String {
    format!("{order:?} {} {} {:?} {then:?}", slug.0, name.0, tags.list)
}

#[get("/articles/by/{article}")]
async fn show(article: Article) -> String {
    article.title.to_owned()
}

#[trine::test]
async fn enums_and_newtypes_are_values() {
    let client = App::new().routes(routes![list]).test().await;
    let link = list::uri(
        Order::Best,
        Slug("a b".into()),
        "ann",
        Tags { list: vec![1, 2] },
        Order::MostRecent,
    );
    let href = link.at("").unwrap();
    assert_eq!(href, "/top/a%20b?name=ann&tags=1&tags=2&then=most-recent");
    assert_eq!(client.get(&href).await.text(), "Best a b ann [1, 2] Some(MostRecent)");
    assert_eq!(client.get("/type/x?name=y").await.text(), "Type x y [] None");
    for (path, part) in [
        (
            "/mostrecent/x?name=y",
            "path parameter `order`: expected one of `most-recent`, `top`, `type`, got `mostrecent`; did you mean `most-recent`?",
        ),
        ("/Top/x?name=y", "got `Top`; did you mean `top`?"),
        ("/tpo/x?name=y", "did you mean `top`?"),
        (
            "/top/x?name=y&then=worst",
            "query parameter `then`: expected one of `most-recent`, `top`, `type`, got `worst`",
        ),
        ("/top/x?name=y&tags=a", "query parameter `tags`: expected a whole number from 0 to 255"),
    ] {
        let answer = client.get(path).await;
        let text = answer.text();
        assert_eq!(answer.status(), 400);
        assert!(text.contains(part), "{text}");
    }
}

#[trine::test]
async fn a_value_is_looked_up_with_the_request_and_linked_by_its_key() {
    let db = Db([(7, "seven")].into());
    let client = App::new().state(db).routes(routes![show, list]).test().await;
    let article = Article { title: "seven", id: 7 };
    for link in
        [show::uri(7), show::uri(&article), show::uri(article.id), show::uri(article.clone())]
    {
        assert_eq!(client.get(link.at("").unwrap()).await.text(), "seven");
    }
    let answer = client.get("/articles/by/8").await;
    assert!(
        answer.status() == 404 && answer.text().contains("there is no article 8"),
        "{}",
        answer.text()
    );
    let answer = client.get("/articles/by/x").await;
    assert!(
        answer.status() == 400 && answer.text().contains("expected a whole number"),
        "{}",
        answer.text()
    );
    let answer = client.get("/top/x?name=ANN").await;
    assert!(
        answer.status() == 404 && answer.text().contains("?name=ANN has no such name"),
        "{}",
        answer.text()
    );
}

#[test]
fn a_linked_value_is_read_back() {
    assert_eq!(Order::Best.to_param(), Cow::Borrowed("top"));
    assert_eq!(Slug("x".into()).to_param(), "x");
    assert_eq!(Article { title: "", id: -1 }.to_param(), "-1");
}
