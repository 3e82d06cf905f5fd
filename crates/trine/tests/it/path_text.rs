//! An encoded path separator or `..` does not reach a handler that makes a file name of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use serde::Deserialize;
use trine::extract::AnyText;
use trine::prelude::*;

#[derive(Debug, FromParam)]
struct Slug(String);

#[derive(Debug, FromParam)]
struct Words(AnyText);

#[derive(FromParam)]
#[param(with = "File::find")]
struct File {
    name: String,
}

impl File {
    async fn find(name: String, _cx: &Cx) -> Result<File, Rejection> {
        Ok(File { name })
    }
}

/// A hand-written parameter type that does no checks of its own.
struct Raw(String);

impl FromParam for Raw {
    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        Ok(Raw(param.value.into_owned()))
    }
}

#[derive(Deserialize)]
struct Fields {
    rest: String,
}

#[derive(Deserialize)]
struct Flattened {
    #[serde(flatten)]
    inner: Fields,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u64),
    Text(String),
}

macro_rules! named {
    ($($name:ident $path:literal $ty:ty: |$value:ident| $text:expr;)*) => {
        $(#[get($path)]
        async fn $name(rest: $ty) -> String {
            let $value = rest;
            $text
        })*

        fn named() -> Vec<trine::Route> {
            routes![$($name),*]
        }
    };
}

named! {
    text "/text/{*rest}" String: |it| it;
    optional "/optional/{*rest}" Option<String>: |it| it.unwrap();
    list "/list/{*rest}" Vec<String>: |it| it.concat();
    newtype "/newtype/{*rest}" Slug: |it| it.0;
    found "/found/{*rest}" File: |it| it.name;
    by_hand "/by_hand/{*rest}" Raw: |it| it.0;
    path "/path/{*rest}" PathBuf: |it| it.to_str().unwrap().to_owned();
    any "/any/{*rest}" AnyText: |it| it.0;
    any_newtype "/any_newtype/{*rest}" Words: |it| it.0.0;
    any_optional "/any_optional/{*rest}" Option<AnyText>: |it| it.unwrap().0;
}

fn app() -> App {
    App::new()
        .routes(named())
        .route("/serde_text/{*rest}", get(async |Path(it): Path<String>| it))
        .route("/serde_tuple/{*rest}", get(async |Path((it,)): Path<(String,)>| it))
        .route("/serde_list/{*rest}", get(async |Path(it): Path<Vec<String>>| it.concat()))
        .route("/serde_struct/{*rest}", get(async |it: Path<Fields>| it.0.rest))
        .route("/serde_flattened/{*rest}", get(async |it: Path<Flattened>| it.0.inner.rest))
        .route("/serde_boxed/{*rest}", get(async |Path(it): Path<Box<str>>| it.into_string()))
        .route(
            "/serde_either/{*rest}",
            get(async |Path(it): Path<Either>| match it {
                Either::Number(number) => number.to_string(),
                Either::Text(text) => text,
            }),
        )
        .route(
            "/serde_path/{*rest}",
            get(async |Path(it): Path<PathBuf>| it.to_str().unwrap().to_owned()),
        )
        .route("/serde_any/{*rest}", get(async |Path(it): Path<AnyText>| it.0))
        .route("/serde_any_tuple/{*rest}", get(async |Path((it,)): Path<(AnyText,)>| it.0))
        .group(Group::at("/group/{rest}").route("/end", get(async |Path(it): Path<String>| it)))
}

const TEXTS: [&str; 13] = [
    "text",
    "optional",
    "list",
    "newtype",
    "found",
    "by_hand",
    "serde_text",
    "serde_tuple",
    "serde_list",
    "serde_struct",
    "serde_flattened",
    "serde_boxed",
    "serde_either",
];

const ANY: [&str; 5] = ["any", "any_newtype", "any_optional", "serde_any", "serde_any_tuple"];

const PATHS: [&str; 2] = ["path", "serde_path"];

/// As written in the path, and decoded.
const ELSEWHERE: [(&str, &str); 14] = [
    ("%2Fetc%2Fpasswd", "/etc/passwd"),
    ("%2fetc", "/etc"),
    ("a%2Fb", "a/b"),
    ("..", ".."),
    (".", "."),
    ("%2e%2e", ".."),
    ("%2E%2E/%2e%2e/etc", "../../etc"),
    ("..%2F..%2Fetc", "../../etc"),
    ("a/../../b", "a/../../b"),
    ("a/.", "a/."),
    ("..%5C..%5Cx", "..\\..\\x"),
    ("a%5Cb", "a\\b"),
    ("a%00.png", "a\0.png"),
    ("/etc/passwd", "/etc/passwd"),
];

#[trine::test]
async fn text_that_leads_out_of_a_folder_is_refused() {
    let client = app().test().await;
    for (raw, decoded) in ELSEWHERE {
        for kind in TEXTS.iter().chain(&PATHS) {
            let refused = client.get(format!("/{kind}/{raw}")).await;
            refused.expect_problem(400);
            let problem: serde_json::Value = refused.json();
            let error = &problem["errors"][0];
            assert_eq!(
                (&error["in"], &error["field"], &error["code"]),
                (&"path".into(), &"rest".into(), &"path".into())
            );
            assert!(error["message"].as_str().unwrap().contains("expected"), "{error}");
        }
        for kind in ANY {
            client.get(format!("/{kind}/{raw}")).await.expect_text(decoded);
        }
    }
    client.get("/group/a%2Fb/end").await.expect_problem(400);
    client.get("/group/%2e%2e/end").await.expect_problem(400);
}

#[trine::test]
async fn any_plain_name_is_accepted() {
    let client = app().test().await;
    for (raw, decoded) in [
        ("a", "a"),
        ("a.b..c", "a.b..c"),
        ("...", "..."),
        (".env", ".env"),
        ("a/b/c.txt", "a/b/c.txt"),
        ("a//b", "a//b"),
        ("https://example.com/", "https://example.com/"),
        ("%C3%A4%20%3F%25", "ä ?%"),
        ("%252F", "%2F"),
        ("a:b", "a:b"),
    ] {
        for kind in TEXTS.iter().chain(&ANY) {
            client.get(format!("/{kind}/{raw}")).await.expect_text(decoded);
        }
    }
}

#[trine::test]
async fn a_path_buf_is_relative_and_plain() {
    let client = app().test().await;
    for kind in PATHS {
        let get = async |raw: &str| client.get(format!("/{kind}/{raw}")).await;
        get("a").await.expect_text("a");
        get("a%20b/%C3%A4.tar.gz").await.expect_text("a b/ä.tar.gz");
        for raw in ["a/", "a//b", ".env", "a/.git/config", "C:/x", "a/c:x", "a%0Ab", "%7F"] {
            let refused = get(raw).await;
            refused.expect_problem(400);
            assert!(
                refused.text().contains("expected a relative path of plain names, got"),
                "{}",
                refused.text()
            );
        }
    }
}

#[trine::test]
async fn a_path_buf_from_a_query_is_checked() {
    #[derive(Deserialize)]
    struct Fields {
        file: PathBuf,
    }
    #[get("/named?{file}")]
    async fn named(file: PathBuf) -> String {
        file.display().to_string()
    }
    let query = get(async |it: Query<Fields>| it.file.display().to_string());
    let client = App::new().routes(routes![named]).route("/query", query).test().await;
    for path in ["/named", "/query"] {
        client.get(format!("{path}?file=a%2Fb.txt")).await.expect_text("a/b.txt");
        for file in ["..", "../a", "%2Fetc", "a/../b", ".env", "C:/", "a%5Cb", ""] {
            client.get(format!("{path}?file={file}")).await.expect_problem(400);
        }
    }
}

/// Types for which serde buffers a text before it knows that it becomes a path.
mod kept {
    use super::*;

    #[derive(Deserialize)]
    pub(super) struct Named {
        pub(super) file: PathBuf,
    }

    #[derive(Deserialize)]
    pub(super) struct Flattened {
        #[serde(flatten)]
        pub(super) inner: Named,
    }

    #[derive(Deserialize)]
    pub(super) struct Twice {
        #[serde(flatten)]
        pub(super) inner: Flattened,
    }

    #[derive(Deserialize)]
    pub(super) struct Perhaps {
        #[serde(flatten)]
        pub(super) inner: Option<Named>,
    }

    #[derive(Deserialize)]
    pub(super) struct OptionalField {
        pub(super) file: Option<PathBuf>,
    }

    #[derive(Deserialize)]
    pub(super) struct Optional {
        #[serde(flatten)]
        pub(super) inner: OptionalField,
    }

    #[derive(Deserialize)]
    pub(super) struct File(pub(super) PathBuf);

    #[derive(Deserialize)]
    pub(super) struct NewtypeField {
        pub(super) file: File,
    }

    #[derive(Deserialize)]
    pub(super) struct Newtype {
        #[serde(flatten)]
        pub(super) inner: NewtypeField,
    }

    #[derive(Deserialize)]
    pub(super) struct BoxedField {
        pub(super) file: Box<std::path::Path>,
    }

    #[derive(Deserialize)]
    pub(super) struct Boxed {
        #[serde(flatten)]
        pub(super) inner: BoxedField,
    }

    #[derive(Deserialize)]
    pub(super) struct ListField {
        pub(super) file: Vec<PathBuf>,
    }

    #[derive(Deserialize)]
    pub(super) struct List {
        #[serde(flatten)]
        pub(super) inner: ListField,
    }

    #[derive(Deserialize)]
    pub(super) struct Map {
        #[serde(flatten)]
        pub(super) all: std::collections::HashMap<String, PathBuf>,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    pub(super) enum Either {
        Number { file: u64 },
        File { file: PathBuf },
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    pub(super) enum One {
        Number(u64),
        File(PathBuf),
    }

    #[derive(Deserialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    pub(super) enum Tagged {
        File { file: PathBuf },
    }

    #[derive(Deserialize)]
    #[serde(tag = "kind", content = "file", rename_all = "lowercase")]
    pub(super) enum Adjacent {
        File(PathBuf),
    }
}

fn kept() -> App {
    fn told(file: impl AsRef<std::path::Path>) -> String {
        file.as_ref().display().to_string()
    }
    fn either(it: kept::Either) -> String {
        match it {
            kept::Either::Number { file } => file.to_string(),
            kept::Either::File { file } => told(file),
        }
    }
    fn one(it: kept::One) -> String {
        match it {
            kept::One::Number(number) => number.to_string(),
            kept::One::File(file) => told(file),
        }
    }
    App::new()
        .route("/flattened", get(async |Query(it): Query<kept::Flattened>| told(it.inner.file)))
        .route("/twice", get(async |Query(it): Query<kept::Twice>| told(it.inner.inner.file)))
        .route(
            "/perhaps",
            get(async |Query(it): Query<kept::Perhaps>| told(it.inner.unwrap().file)),
        )
        .route(
            "/optional",
            get(async |Query(it): Query<kept::Optional>| told(it.inner.file.unwrap())),
        )
        .route("/newtype", get(async |Query(it): Query<kept::Newtype>| told(it.inner.file.0)))
        .route("/boxed", get(async |Query(it): Query<kept::Boxed>| told(it.inner.file)))
        .route(
            "/list",
            get(async |Query(mut it): Query<kept::List>| told(it.inner.file.pop().unwrap())),
        )
        .route(
            "/map",
            get(async |Query(mut it): Query<kept::Map>| told(it.all.remove("file").unwrap())),
        )
        .route("/either", get(async |Query(it): Query<kept::Either>| either(it)))
        .route(
            "/tagged",
            get(async |Query(kept::Tagged::File { file }): Query<kept::Tagged>| told(file)),
        )
        .route(
            "/adjacent",
            get(async |Query(kept::Adjacent::File(file)): Query<kept::Adjacent>| told(file)),
        )
        .route(
            "/in/flattened/{*file}",
            get(async |Path(it): Path<kept::Flattened>| told(it.inner.file)),
        )
        .route("/in/either/{x}/{*file}", get(async |Path(it): Path<kept::Either>| either(it)))
        .route("/in/one/{*file}", get(async |Path(it): Path<kept::One>| one(it)))
        .route(
            "/in/tagged/{kind}/{*file}",
            get(async |Path(kept::Tagged::File { file }): Path<kept::Tagged>| told(file)),
        )
}

/// serde passes no type hint for a buffered value, but its paths are checked all the same.
#[trine::test]
async fn a_path_buf_that_serde_buffers_is_checked() {
    let client = kept().test().await;
    let queries = [
        "/flattened",
        "/twice",
        "/perhaps",
        "/optional",
        "/newtype",
        "/boxed",
        "/list",
        "/map",
        "/either",
    ];
    let of_kind = ["/tagged?kind=file&file=", "/adjacent?kind=file&file="];
    for start in
        queries.map(|path| format!("{path}?file=")).into_iter().chain(of_kind.map(str::to_owned))
    {
        client.get(format!("{start}a%2Fb.txt")).await.expect_text("a/b.txt");
        for file in
            ["..", "../../etc/passwd", "%2Fetc%2Fpasswd", "a/../b", ".env", "C:/x", "a%5Cb", "a//b"]
        {
            let refused = client.get(format!("{start}{file}")).await;
            refused.expect_problem(400);
            let error = &refused.json::<serde_json::Value>()["errors"][0];
            let told = (&error["in"], &error["field"], &error["code"]);
            assert_eq!(told, (&"query".into(), &"file".into(), &"path".into()), "{start}{file}");
        }
    }
    for start in ["/in/flattened/", "/in/either/x/", "/in/one/", "/in/tagged/file/"] {
        client.get(format!("{start}a/b.txt")).await.expect_text("a/b.txt");
        for file in [".env", ".git/config", "a//b", "a/", "C:evil", "%2Fetc", "../x"] {
            let refused = client.get(format!("{start}{file}")).await;
            refused.expect_problem(400);
            assert!(
                refused.text().contains(r#""code":"path""#),
                "{start}{file}: {}",
                refused.text()
            );
        }
    }
    client.get("/either?file=7").await.expect_text("7");
    client.get("/list?file=a&file=b").await.expect_text("b");
    client.get("/list?file=../x&file=b").await.expect_problem(400);
    client.get("/list?file=b&file=../x").await.expect_problem(400);
}

/// Text that does not become a path may be any text, also if serde buffers it.
#[trine::test]
async fn other_buffered_texts_beside_a_path_are_unrestricted() {
    #[derive(Deserialize)]
    struct Texts {
        url: String,
        note: Option<String>,
        file: PathBuf,
        #[serde(flatten)]
        rest: std::collections::BTreeMap<String, String>,
    }
    #[derive(Deserialize)]
    struct All {
        #[serde(flatten)]
        inner: Texts,
    }
    let show = async |Query(All { inner }): Query<All>| {
        format!("{} {:?} {} {:?}", inner.url, inner.note, inner.file.display(), inner.rest)
    };
    let count = async |Query(all): Query<Rest>| all.rest.len().to_string();
    #[derive(Deserialize)]
    struct Rest {
        #[serde(flatten)]
        rest: std::collections::BTreeMap<String, String>,
    }
    let client = App::new().route("/", get(show)).route("/rest", get(count)).test().await;
    let answer = client.get("/?url=https://a//../b&file=a/b&x=..&y=&note=.").await;
    answer.expect_text(r#"https://a//../b Some(".") a/b {"x": "..", "y": ""}"#);
    client.get("/?url=https://a//../b&file=a/..&x=..&y=&note=.").await.expect_problem(400);
    client.get("/?url=/&file=/&x=..&y=&note=.").await.expect_problem(400);
    let texts =
        |count: usize| (0..count).map(|n| format!("k{n}=../{n}")).collect::<Vec<_>>().join("&");
    client.get(format!("/rest?{}", texts(100))).await.expect_text("100");
    // Beyond the number of texts that are checked individually, suspicious values are refused.
    client.get(format!("/rest?{}", texts(700))).await.expect_problem(400);
}

/// A client that is not a browser can send anything. This test uses a real socket.
#[trine::test]
async fn dot_segments_are_refused_over_a_socket_too() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let server = app().test_server().await;
    for target in
        ["/text/../../etc/passwd", "/text/%2e%2e/x", "/text//etc/passwd", "/text/..%2f..%2fetc"]
    {
        let mut socket = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains(r#""code":"path""#),
            "{target}: {answer}"
        );
    }
}

/// A handler that takes a `Result` decides about any text.
#[trine::test]
async fn a_handler_with_a_result_decides_about_refused_text() {
    fn decided<T>(value: Result<T, Rejection>) -> String {
        match value {
            Ok(_) => "taken".to_owned(),
            Err(rejection) => format!("decided {}", rejection.into_response().status().as_u16()),
        }
    }
    #[get("/text/{name}")]
    async fn text(name: Result<String, Rejection>) -> String {
        decided(name)
    }
    #[get("/derived/{name}")]
    async fn derived(name: Result<Slug, Rejection>) -> String {
        decided(name)
    }
    #[get("/optional/{name}")]
    async fn optional(name: Option<Result<String, Rejection>>) -> String {
        name.map_or_else(|| "none".to_owned(), decided)
    }
    #[get("/plain/{name}")]
    async fn plain(name: String) -> String {
        name
    }
    let client = App::new().routes(routes![text, derived, optional, plain]).test().await;
    for path in ["/text", "/derived", "/optional"] {
        client.get(format!("{path}/a")).await.expect_text("taken");
        for refused in ["..%2Fx", "a%5Cb", "a%00", "%ff"] {
            client.get(format!("{path}/{refused}")).await.expect_text("decided 400");
            client.get(format!("/plain/{refused}")).await.expect_problem(400);
        }
    }
}
