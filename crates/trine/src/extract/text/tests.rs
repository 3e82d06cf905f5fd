//! Types with fields that serde buffers before it knows their types: every field gets the value
//! that it expects.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU32;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use trine_core::FromRequest as _;

use crate::extract::testkit::{cx, matched, member, problem};
use crate::extract::{Path, Query};

async fn query<T: DeserializeOwned + Send>(query: &str) -> Result<T, trine_core::Rejection> {
    Query::from_request(&mut cx("GET", &format!("/?{query}"), &[], ()))
        .await
        .map(|Query(value)| value)
}

/// Status, field, code and message of the refusal.
async fn refused<T: DeserializeOwned + Send + std::fmt::Debug>(text: &str) -> (u16, String) {
    let problem = problem(query::<T>(text).await);
    let error = &member(&problem, "errors")[0];
    let part = |name: &str| error[name].as_str().unwrap_or("?").to_owned();
    (problem.status().as_u16(), format!("{} {}: {}", part("field"), part("code"), part("message")))
}

macro_rules! reads {
    ($($text:literal => $value:expr),* $(,)?) => {$(
        assert_eq!(query($text).await.map_err(|it| format!("{it:?}")), Ok($value), $text);
    )*};
}

#[derive(Debug, PartialEq, Deserialize)]
struct Page {
    page: u32,
    size: Option<i16>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Words {
    q: String,
    exact: bool,
    tag: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Search {
    #[serde(flatten)]
    page: Page,
    #[serde(flatten)]
    words: Words,
    id: u64,
}

fn search(page: u32, size: Option<i16>, q: &str, exact: bool, tag: &[&str]) -> Search {
    let tag = tag.iter().map(|&tag| tag.to_owned()).collect();
    Search { page: Page { page, size }, words: Words { q: q.to_owned(), exact, tag }, id: 1 }
}

#[tokio::test]
async fn flattened_numbers_and_texts_can_be_mixed() {
    reads! {
        "page=2&q=12&id=1" => search(2, None, "12", false, &[]),
        "id=1&q=12&page=12&size=-3&exact=1&tag=1" => search(12, Some(-3), "12", true, &["1"]),
        "id=1&q=true&page=2&exact=on&tag=1&tag=x" => search(2, None, "true", true, &["1", "x"]),
        "id=1&q=&page=2&size=&exact=" => search(2, None, "", true, &[]),
        "id=1&q=%2B7&page=%2B7&exact=0&exact=true" => search(7, None, "+7", true, &[]),
        "id=1&q=2&page=+2+" => search(2, None, "2", false, &[]),
    }
    assert_eq!(
        refused::<Search>("id=1&q=2&page=x").await,
        (400, "page type: expected a whole number from 0 to 4294967295, got `x`".into())
    );
    assert_eq!(
        refused::<Search>("id=1&q=2&page=2&size=70000").await.1,
        "size type: expected a whole number from -32768 to 32767, got `70000`"
    );
    assert_eq!(refused::<Search>("id=1&q=2&page=").await, (400, "page missing: is missing".into()));
    assert_eq!(refused::<Search>("id=1&q=2").await, (400, "page missing: is missing".into()));
    assert_eq!(refused::<Search>("id=1&page=7").await, (400, "q missing: is missing".into()));
    assert_eq!(refused::<Search>("page=1&q=7").await, (400, "id missing: is missing".into()));
    assert_eq!(
        refused::<Search>("id=1&q=2&page=2&page=3").await,
        (400, "page duplicate: expected one value, got 2".into())
    );
    assert_eq!(
        refused::<Search>("id=1&q=2&page=2&exact=perhaps").await.1,
        "exact type: expected `true` or `false`, got `perhaps`"
    );
}

#[derive(Debug, PartialEq, Deserialize)]
struct Many {
    #[serde(flatten)]
    lists: Lists,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Lists {
    ids: Vec<u64>,
    names: BTreeSet<String>,
    rates: Vec<f64>,
    maybe: Option<Vec<i8>>,
    on: bool,
}

#[tokio::test]
async fn flattened_lists_are_read() {
    let lists = |ids: &[u64], names: &[&str], rates: &[f64], maybe: Option<&[i8]>, on| Many {
        lists: Lists {
            ids: ids.into(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            rates: rates.into(),
            maybe: maybe.map(Into::into),
            on,
        },
    };
    reads! {
        "" => lists(&[], &[], &[], None, false),
        "ids=1&rates=2&names=3&maybe=4&on=1" => lists(&[1], &["3"], &[2.0], Some(&[4]), true),
        "ids=1&ids=2&names=1&names=2&rates=1.5&rates=2&on=0&on=1" => lists(&[1, 2], &["1", "2"], &[1.5, 2.0], None, true),
        "on=1&on=0&ids=1&ids=0" => lists(&[1, 0], &[], &[], None, false),
        "ids=1&ids=0&on=0&on=1" => lists(&[1, 0], &[], &[], None, true),
        "maybe=-1" => lists(&[], &[], &[], Some(&[-1]), false),
        "maybe=" => lists(&[], &[], &[], None, false),
    }
    assert_eq!(
        refused::<Many>("ids=1&ids=x").await.1,
        "ids type: expected a whole number from 0 to 18446744073709551615, got `x`"
    );
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Event {
    Moved { x: i32, y: i32, label: Option<String> },
    Named { name: String, loud: bool },
    Gone,
    Paged(Page),
}

#[tokio::test]
async fn an_internally_tagged_enum_reads_its_fields() {
    reads! {
        "kind=moved&x=1&y=-2" => Event::Moved { x: 1, y: -2, label: None },
        "x=1&y=-2&kind=moved&label=5" => Event::Moved { x: 1, y: -2, label: Some("5".into()) },
        "label=&x=1&y=-2&kind=moved" => Event::Moved { x: 1, y: -2, label: None },
        "kind=named&name=12&loud=1" => Event::Named { name: "12".into(), loud: true },
        "kind=named&name=1" => Event::Named { name: "1".into(), loud: false },
        "name=on&kind=named&loud=on" => Event::Named { name: "on".into(), loud: true },
        "kind=gone&x=1" => Event::Gone,
        "kind=paged&page=3" => Event::Paged(Page { page: 3, size: None }),
    }
    assert_eq!(
        refused::<Event>("kind=moved&x=1&y=z").await.1,
        "y type: expected a whole number from -2147483648 to 2147483647, got `z`"
    );
    assert_eq!(refused::<Event>("kind=moved&x=1").await.1, "y missing: is missing");
    assert_eq!(refused::<Event>("x=1").await.1, "kind missing: is missing");
    assert_eq!(
        refused::<Event>("kind=lost&x=1").await.1,
        "kind choice: expected one of `moved`, `named`, `gone`, `paged`, got `lost`"
    );
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum By {
    Number { id: u64 },
    Text { id: String },
    Range { from: u8, to: u8 },
    Maybe { since: Option<f32>, until: String },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum TextFirst {
    Text { id: String },
    Number { id: u64 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Both {
    Numbers { a: u32, b: u32 },
    Texts { a: String, b: String },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Listing {
    #[serde(flatten)]
    by: By,
    page: Option<u32>,
    #[serde(flatten)]
    more: HashMap<String, serde_json::Value>,
}

#[tokio::test]
async fn an_untagged_enum_is_its_first_variant_that_fits() {
    reads! {
        "id=7" => By::Number { id: 7 },
        "id=x" => By::Text { id: "x".into() },
        "id=-7" => By::Text { id: "-7".into() },
        "from=1&to=2" => By::Range { from: 1, to: 2 },
        "since=&until=3" => By::Maybe { since: None, until: "3".into() },
        "since=3&until=3" => By::Maybe { since: Some(3.0), until: "3".into() },
        "id=7" => TextFirst::Text { id: "7".into() },
        "a=1&b=2" => Both::Numbers { a: 1, b: 2 },
        "a=1&b=x" => Both::Texts { a: "1".into(), b: "x".into() },
        "a=x&b=1" => Both::Texts { a: "x".into(), b: "1".into() },
        "a=&b=1" => Both::Texts { a: "".into(), b: "1".into() },
    }
    // A flattened map beside these fields gets the same values.
    let more =
        |pairs: &[(&str, u8)]| pairs.iter().map(|&(a, b)| (a.to_owned(), b.into())).collect();
    reads! {
        "from=1&to=2&page=3" => Listing { by: By::Range { from: 1, to: 2 }, page: Some(3), more: more(&[("from", 1), ("to", 2)]) },
    }
    assert_eq!(refused::<By>("from=1&to=x").await.0, 400);
    assert_eq!(refused::<Both>("a=1").await.1, "b missing: is missing");
    assert_eq!(refused::<Both>("a=1&b=2&b=3").await.0, 400);
}

#[derive(Debug, PartialEq, Deserialize)]
struct Rest {
    page: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Deep {
    #[serde(flatten)]
    outer: Outer,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Outer {
    #[serde(flatten)]
    page: Page,
    #[serde(flatten)]
    event: Event,
    ip: Option<IpAddr>,
    one: Option<NonZeroU32>,
    at: Option<(u8, u8)>,
    letter: Option<char>,
    word: Word,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    #[default]
    A,
    B,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Enums {
    #[serde(flatten)]
    of: Words2,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Words2 {
    kind: Option<Word>,
    #[serde(default)]
    other: Word,
    #[serde(default = "yes")]
    on: bool,
    #[serde(default = "some")]
    list: Vec<u8>,
}

fn yes() -> bool {
    true
}

fn some() -> Vec<u8> {
    vec![7]
}

#[tokio::test]
async fn deeper_mixtures_are_read() {
    reads! {
        "page=1&a=2&b=-3" => Rest { page: 1, rest: [("a".into(), 2), ("b".into(), -3)].into() },
        "page=1" => Rest { page: 1, rest: BTreeMap::new() },
        "page=4&kind=moved&x=1&y=2&ip=10.0.0.1&one=1&at=1&at=2&letter=7&word=b" => Deep { outer: Outer {
            page: Page { page: 4, size: None },
            event: Event::Moved { x: 1, y: 2, label: None },
            ip: Some(IpAddr::from([10, 0, 0, 1])),
            one: NonZeroU32::new(1),
            at: Some((1, 2)),
            letter: Some('7'),
            word: Word::B,
        } },
        "kind=&other=b" => Enums { of: Words2 { kind: None, other: Word::B, on: true, list: vec![7] } },
        "kind=a&on=0&list=1" => Enums { of: Words2 { kind: Some(Word::A), other: Word::A, on: false, list: vec![1] } },
    }
    assert_eq!(
        refused::<Deep>("page=4&kind=gone&ip=x&word=a").await.1,
        "ip type: invalid IP address syntax, got `x`"
    );
    assert_eq!(
        refused::<Deep>("page=4&kind=gone&one=0&word=a").await.1,
        "one type: expected a nonzero u32, got `0`"
    );
    assert_eq!(
        refused::<Deep>("page=4&kind=gone&word=c").await.1,
        "word choice: expected one of `a`, `b`, got `c`"
    );
    assert_eq!(
        refused::<Rest>("page=1&a=2&b=x").await.1,
        "b type: expected a whole number from -9223372036854775808 to 9223372036854775807, got `x`"
    );
}

#[derive(Debug, PartialEq, Deserialize)]
struct Wide {
    a: i128,
    b: Option<u128>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "never made")]
struct FlatWide {
    #[serde(flatten)]
    wide: Wide,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "never made")]
struct Nested {
    page: Page,
}

#[tokio::test]
async fn an_unreadable_type_says_what_to_write() {
    let most = u128::MAX;
    reads! { "a=-170141183460469231731687303715884105728" => Wide { a: i128::MIN, b: None } }
    assert_eq!(
        query::<Wide>(&format!("a=1&b={most}")).await.unwrap(),
        Wide { a: 1, b: Some(most) }
    );
    for (refused, part) in [
        (
            problem(query::<FlatWide>("a=1&b=2").await),
            "a newtype with `#[serde(try_from = \"String\")]`",
        ),
        (
            problem(query::<Nested>("page=1").await),
            "`#[serde(flatten)]` reads the fields of a struct from the same query",
        ),
        (problem(query::<u32>("page=1").await), "a value is one text"),
    ] {
        let text = refused.source_error().unwrap().to_string();
        assert!(refused.status() == 500 && text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn text_for_an_untyped_value_stays_text() {
    reads! {
        "a=12&b=true&c=x" => serde_json::json!({ "a": "12", "b": "true", "c": "x" }),
        "a=1&b=2&a=3" => vec![("a".to_owned(), 1_u8), ("b".into(), 2), ("a".into(), 3)],
        "a=1&b=2&a=3" => BTreeMap::from([("a".to_owned(), vec![1_u8, 3]), ("b".into(), vec![2])]),
    }
}

#[tokio::test]
async fn the_number_of_attempts_is_limited() {
    let fields =
        |count: usize| (0..count).map(|n| format!("k{n}={n}")).collect::<Vec<_>>().join("&");
    // An honest page sends a hundred numbers with different names.
    let read = query::<Rest>(&format!("page=1&{}", fields(100))).await.unwrap();
    assert_eq!((read.rest.len(), read.rest["k99"]), (100, 99));
    // An attacker tries to keep a core busy.
    let many = format!("page=1&{}", fields(5000));
    let begun = std::time::Instant::now();
    assert_eq!(
        refused::<Rest>(&many).await,
        (400, " type: too many values whose type is unclear: send fewer of them".into())
    );
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(query::<HashMap<String, i64>>(&fields(5000)).await.unwrap().len(), 5000);
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Name(String),
}

#[derive(Debug, PartialEq, Deserialize)]
struct InPath {
    #[serde(flatten)]
    post: Post,
    user: String,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Post {
    post: u64,
}

#[tokio::test]
async fn a_path_is_read_in_the_same_way() {
    async fn read<T: DeserializeOwned + Send>(
        user: &str,
        post: &str,
    ) -> Result<T, trine_core::Rejection> {
        let path = format!("/{user}/posts/{post}");
        let mut cx = matched("/{user}/posts/{post}", &["user", "post"], &path, &[user, post]);
        Path::from_request(&mut cx).await.map(|Path(value)| value)
    }
    let both = InPath { post: Post { post: 42 }, user: "7".into() };
    assert_eq!(read::<InPath>("7", "42").await.unwrap(), both);
    assert_eq!(read::<(Id, Id)>("x", "42").await.unwrap(), (Id::Name("x".into()), Id::Number(42)));
    let refused = problem(read::<InPath>("7", "x").await);
    assert_eq!(refused.status(), 400);
    let error = &member(&refused, "errors")[0];
    assert_eq!(
        (&error["in"], &error["field"], &error["code"]),
        (&"path".into(), &"post".into(), &"type".into())
    );
}
