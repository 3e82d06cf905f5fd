//! How text becomes a value: one table, for named arguments, `Query`, `Form` and header fields. The
//! guide prints it (`guide/extraction.md`, "How text becomes a value").

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde::Deserialize;
use serde_json::Value;
use trine::extract::from_header;
use trine::prelude::*;
use trine::testing::{TestClient, TestRequest, TestResponse};

#[derive(Debug, Clone, Copy, Deserialize, FromParam, FromForm)]
#[serde(rename_all = "lowercase")]
#[param(rename_all = "lowercase")]
#[form(rename_all = "lowercase")]
enum Kind {
    Cat,
    Dog,
}

/// What the client sends under the name `v`: nothing, one text, or several.
type Sent = &'static [&'static str];

/// The result of a type: its value in the format `{:?}`, or the code of the refusal.
type Told = Result<&'static str, &'static str>;

/// The four sources, and a value that serde buffers before it knows the type.
const WAYS: [&str; 5] = ["named", "query", "form", "header", "flattened"];

fn request(client: &TestClient, way: &str, path: &str, sent: &[&str]) -> TestRequest {
    let path = format!("{path}/{way}");
    let pairs: Vec<_> = sent.iter().map(|text| ("v", *text)).collect();
    match way {
        "form" => client.post(&path).form(&pairs),
        "header" => pairs
            .iter()
            .fold(client.get(&path), |request, (name, text)| request.header(*name, *text)),
        _ => client.get(&path).query(&pairs),
    }
}

/// The value, or the location and reason of the refusal.
fn told(answer: &TestResponse, way: &str) -> Result<String, String> {
    if answer.status() == 200 {
        return Ok(answer.text());
    }
    let problem: Value = answer.json();
    let status = if way == "form" { 422 } else { 400 };
    assert_eq!(answer.status(), status, "{problem}");
    let place = if way == "named" || way == "flattened" { "query" } else { way };
    let error = &problem["errors"][0];
    assert_eq!(error["in"], place, "{problem}");
    // In a form, the error of a list element has its index.
    let field = error["field"].as_str().unwrap();
    assert_eq!(field.split('[').next(), Some("v"), "{problem}");
    assert!(error["message"].is_string(), "{problem}");
    Err(error["code"].as_str().unwrap().to_owned())
}

macro_rules! table {
    ($($test:ident $ty:ty { $($sent:expr => $told:expr,)* })*) => {$(
        mod $test {
            use super::*;

            #[derive(Deserialize)]
            struct Fields {
                v: $ty,
            }

            #[derive(Deserialize)]
            struct Flattened {
                #[serde(flatten)]
                inner: Fields,
            }

            #[derive(FromForm)]
            struct Typed {
                v: $ty,
            }

            struct Header($ty);

            impl FromRequest for Header {
                type Reads = Head;

                async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
                    from_header("v", cx).await.map(Header)
                }
            }

            #[get("/named?{v}")]
            async fn named(v: $ty) -> String {
                format!("{v:?}")
            }

            pub(super) async fn client() -> TestClient {
                let routes = Group::at("/t")
                    .routes(routes![named])
                    .route("/query", get(async |it: Query<Fields>| format!("{:?}", it.v)))
                    .route("/flattened", get(async |it: Query<Flattened>| format!("{:?}", it.inner.v)))
                    .route("/form", post(async |it: Form<Typed>| format!("{:?}", it.v)))
                    .route("/header", get(async |it: Header| format!("{:?}", it.0)));
                App::new().group(routes).test().await
            }

            #[trine::test]
            async fn is_the_same_everywhere() {
                let client = client().await;
                let cases: &[(Sent, Told)] = &[$((&$sent, $told)),*];
                for (sent, expected) in cases {
                    for way in WAYS {
                        let answer = request(&client, way, "/t", sent).await;
                        let expected = expected.map(str::to_owned).map_err(str::to_owned);
                        assert_eq!(told(&answer, way), expected, "{} of {sent:?}, {way}", stringify!($ty));
                    }
                }
            }
        }
    )*};
}

table! {
    text String {
        [] => Err("missing"),
        [""] => Ok("\"\""),
        ["7"] => Ok("\"7\""),
        [" a "] => Ok("\" a \""),
        ["on"] => Ok("\"on\""),
        ["a", "b"] => Err("duplicate"),
    }
    number u32 {
        [] => Err("missing"),
        [""] => Err("missing"),
        ["7"] => Ok("7"),
        ["007"] => Ok("7"),
        [" 7 "] => Ok("7"),
        ["-7"] => Err("type"),
        ["7.5"] => Err("type"),
        ["x"] => Err("type"),
        ["4294967296"] => Err("type"),
        ["1", "2"] => Err("duplicate"),
    }
    signed i64 {
        ["-9223372036854775808"] => Ok("-9223372036854775808"),
        ["9223372036854775808"] => Err("type"),
    }
    fraction f64 {
        [""] => Err("missing"),
        ["7"] => Ok("7.0"),
        ["-1e3"] => Ok("-1000.0"),
        ["x"] => Err("type"),
    }
    yes_or_no bool {
        [] => Ok("false"),
        [""] => Ok("true"),
        ["on"] => Ok("true"),
        ["true"] => Ok("true"),
        ["1"] => Ok("true"),
        ["off"] => Ok("false"),
        ["false"] => Ok("false"),
        ["0"] => Ok("false"),
        ["yes"] => Err("type"),
        ["2"] => Err("type"),
        ["0", "1"] => Ok("true"),
        ["on", "off"] => Ok("false"),
    }
    character char {
        [] => Err("missing"),
        [""] => Err("missing"),
        ["7"] => Ok("'7'"),
        ["ab"] => Err("type"),
        ["a", "b"] => Err("duplicate"),
    }
    choice Kind {
        [] => Err("missing"),
        [""] => Err("missing"),
        ["cat"] => Ok("Cat"),
        ["Cat"] => Err("choice"),
        ["cow"] => Err("choice"),
        ["cat", "dog"] => Err("duplicate"),
    }
    maybe_number Option<u32> {
        [] => Ok("None"),
        [""] => Ok("None"),
        ["", ""] => Ok("None"),
        ["7"] => Ok("Some(7)"),
        ["x"] => Err("type"),
        ["1", "2"] => Err("duplicate"),
    }
    maybe_text Option<String> {
        [] => Ok("None"),
        [""] => Ok("None"),
        ["7"] => Ok("Some(\"7\")"),
        [" "] => Ok("Some(\" \")"),
        ["a", "b"] => Err("duplicate"),
    }
    maybe_yes Option<bool> {
        [] => Ok("None"),
        [""] => Ok("None"),
        ["on"] => Ok("Some(true)"),
        ["0"] => Ok("Some(false)"),
        ["0", "1"] => Ok("Some(true)"),
        ["x"] => Err("type"),
    }
    maybe_choice Option<Kind> {
        [] => Ok("None"),
        [""] => Ok("None"),
        ["dog"] => Ok("Some(Dog)"),
        ["cow"] => Err("choice"),
    }
    numbers Vec<u32> {
        [] => Ok("[]"),
        ["7"] => Ok("[7]"),
        ["7", "8"] => Ok("[7, 8]"),
        ["7", "x"] => Err("type"),
        [""] => Err("missing"),
    }
    texts Vec<String> {
        [] => Ok("[]"),
        [""] => Ok("[\"\"]"),
        ["7"] => Ok("[\"7\"]"),
        ["a", "", "7"] => Ok("[\"a\", \"\", \"7\"]"),
    }
    choices Vec<Kind> {
        [] => Ok("[]"),
        ["cat", "dog", "cat"] => Ok("[Cat, Dog, Cat]"),
        ["cat", "cow"] => Err("choice"),
    }
    maybe_numbers Option<Vec<u32>> {
        [] => Ok("None"),
        [""] => Ok("None"),
        ["7"] => Ok("Some([7])"),
        ["7", "8"] => Ok("Some([7, 8])"),
        ["x"] => Err("type"),
    }
    numbers_or_none Vec<Option<u32>> {
        [] => Ok("[]"),
        ["7", ""] => Ok("[Some(7), None]"),
        ["", "7"] => Ok("[None, Some(7)]"),
    }
}

/// The first three columns of the guide's table: an absent, an empty and a repeated value.
#[trine::test]
async fn the_guide_prints_the_table() {
    let guide = include_str!("../../../../guide/extraction.md");
    for (row, client, twice) in [
        ("`String`", text::client().await, &["1", "2"]),
        ("numbers, `char`, addresses", number::client().await, &["1", "2"]),
        ("numbers, `char`, addresses", character::client().await, &["1", "2"]),
        ("an enum", choice::client().await, &["cat", "dog"]),
        ("`bool`", yes_or_no::client().await, &["0", "1"]),
        ("`Option<T>`", maybe_number::client().await, &["1", "2"]),
        ("`Option<T>`", maybe_choice::client().await, &["cat", "dog"]),
        ("`Vec<T>`", numbers::client().await, &["1", "2"]),
        ("`Vec<String>`", texts::client().await, &["1", "2"]),
    ] {
        let mut cells = format!("| {row} |");
        for sent in [&[][..], &[""], twice] {
            let said = told(&request(&client, "named", "/t", sent).await, "named");
            cells +=
                &said.map_or_else(|code| format!(" *{code}* |"), |value| format!(" `{value}` |"));
        }
        assert!(guide.contains(&cells), "the guide does not say: {cells}");
    }
}

/// If a number was expected, the response and the log used to repeat the API key that was sent.
#[trine::test]
async fn a_refusal_never_quotes_the_value_of_a_header_field() {
    const SECRET: &str = "s3cr3t-value";

    async fn keyed(cx: &mut Cx, what: &str) -> Result<String, Rejection> {
        Ok(match what {
            "number" => from_header::<u64>("x-api-key", cx).await?.to_string(),
            "optional" => format!("{:?}", from_header::<Option<u64>>("x-api-key", cx).await?),
            "several" => format!("{:?}", from_header::<Vec<bool>>("x-api-key", cx).await?),
            "choice" => format!("{:?}", from_header::<Kind>("x-api-key", cx).await?),
            _ => format!("{:?}", from_header::<std::path::PathBuf>("x-api-key", cx).await?),
        })
    }

    struct Keyed(String);

    impl FromRequest for Keyed {
        type Reads = Head;

        async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
            let what = cx.uri().path().trim_start_matches('/').to_owned();
            keyed(cx, &what).await.map(Keyed)
        }
    }

    let client = App::new().route("/{what}", get(async |it: Keyed| it.0)).test().await;
    for what in ["number", "optional", "several", "choice", "path"] {
        let sent = if what == "path" { "/s3cr3t-value" } else { SECRET };
        let answer = client.get(format!("/{what}")).header("x-api-key", sent).await;
        let problem = answer.expect_problem(400).json::<Value>();
        assert!(!problem.to_string().contains(SECRET), "{what}: {problem}");
        assert!(problem.get("got").is_none(), "{what}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().starts_with("header `x-api-key`: expected "),
            "{problem}"
        );
    }
}
