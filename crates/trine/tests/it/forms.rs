//! Forms: the types of fields, the errors for invalid ones, and the edge of every limit.
#![allow(clippy::unwrap_used, unreachable_pub, dead_code, reason = "tests")]

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use serde_json::{Value, json};
use trine::form::FormLimits;
use trine::prelude::*;
use trine::testing::TestResponse;

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=b0";

#[derive(Debug, PartialEq, FromForm)]
#[form(rename_all = "camelCase")]
struct Everything {
    #[form(name = "user_name")]
    name: String,
    password: String,
    tags: Vec<String>,
    address: Address,
    others: Vec<Address>,
    prices: HashMap<String, u32>,
    by_id: BTreeMap<u8, Address>,
    kind: Kind,
    note: Option<String>,
    age: Option<u8>,
    agree: bool,
    #[form(default)]
    page: u32,
    #[form(default = 3)]
    size: u8,
    #[form(default = "en")]
    language: String,
    #[form(parse = "a version such as 1.2.3.4")]
    from: Option<std::net::Ipv4Addr>,
    pay: Option<Payment>,
    token: Option<Token>,
}

#[derive(Debug, PartialEq, FromForm)]
struct Address {
    street: String,
    zip: u32,
}

#[derive(Debug, PartialEq, FromForm)]
#[form(rename_all = "kebab-case")]
enum Kind {
    Cat,
    GuineaPig,
    #[form(name = "DOG!")]
    Dog,
}

#[derive(Debug, PartialEq, FromForm)]
#[form(tag = "by")]
enum Payment {
    Card { number: String, months: Option<u8> },
    Invoice { number: u32 },
    Cash {},
}

#[derive(Debug, PartialEq, FromForm)]
struct Token(u64);

/// Sends a body to a handler that answers with its `Form<T>`.
async fn send<T>(content_type: &str, body: impl Into<Vec<u8>>) -> TestResponse
where
    T: FromForm + std::fmt::Debug + 'static,
{
    let app = App::new().route("/", post(async |Form(form): Form<T>| format!("{form:?}")));
    let request = app.test().await.post("/").header("content-type", content_type);
    request.bytes(body.into()).await
}

async fn errors<T: FromForm + std::fmt::Debug + 'static>(
    body: &str,
) -> Vec<(String, String, String)> {
    let response = send::<T>(URLENCODED, body).await;
    assert!(response.status() == 422 || response.status() == 413, "{}", response.text());
    told(&response)
}

/// The field, code and message of each error.
fn told(response: &TestResponse) -> Vec<(String, String, String)> {
    let problem: Value = response.json();
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{problem}"));
    let text = |error: &Value, name| error[name].as_str().unwrap().to_owned();
    errors
        .iter()
        .map(|error| (text(error, "field"), text(error, "code"), text(error, "message")))
        .collect()
}

fn one(field: &str, code: &str, message: &str) -> Vec<(String, String, String)> {
    vec![(field.to_owned(), code.to_owned(), message.to_owned())]
}

const WHOLE: &[(&str, &str)] = &[
    ("user_name", "J%C3%A4n+R"),
    ("password", "secret"),
    ("tags", "a"),
    ("tags[]", "b"),
    ("tags[7]", "c"),
    ("address.street", "S"),
    ("address[zip]", "+7+"),
    ("others[10].street", "second"),
    ("others[10].zip", "2"),
    ("others[9][street]", "first"),
    ("others[9][zip]", "1"),
    ("prices[a.b]", "4"),
    ("byId[7].street", "B"),
    ("byId[7].zip", "8"),
    ("kind", "guinea-pig"),
    ("note", ""),
    ("age", ""),
    ("agree", "on"),
    ("page", ""),
    ("from", "1.2.3.4"),
    ("pay.by", "Invoice"),
    ("pay.number", "9"),
    ("token", "11"),
    ("unknown", "ignored"),
];

#[tokio::test]
async fn both_encodings_yield_the_same_value() {
    let body: Vec<String> = WHOLE.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let urlencoded = send::<Everything>(URLENCODED, body.join("&")).await;
    let parts: Vec<(&str, String)> = WHOLE
        .iter()
        .map(|(name, value)| (*name, value.replace('+', " ").replace("%C3%A4", "ä")))
        .collect();
    let parts: Vec<_> = parts.iter().map(|(name, value)| text(name, value)).collect();
    let multipart = send::<Everything>(MULTIPART, multipart(&parts)).await;
    urlencoded.expect_status(200);
    assert_eq!(urlencoded.text(), multipart.text());

    let expected = Everything {
        name: "Jän R".into(),
        password: "secret".into(),
        tags: vec!["a".into(), "b".into(), "c".into()],
        address: Address { street: "S".into(), zip: 7 },
        others: vec![
            Address { street: "first".into(), zip: 1 },
            Address { street: "second".into(), zip: 2 },
        ],
        prices: HashMap::from([("a.b".into(), 4)]),
        by_id: BTreeMap::from([(7, Address { street: "B".into(), zip: 8 })]),
        kind: Kind::GuineaPig,
        note: None,
        age: None,
        agree: true,
        page: 0,
        size: 3,
        language: "en".into(),
        from: Some([1, 2, 3, 4].into()),
        pay: Some(Payment::Invoice { number: 9 }),
        token: Some(Token(11)),
    };
    assert_eq!(urlencoded.text(), format!("{expected:?}"));
}

#[tokio::test]
async fn all_errors_are_reported_at_once_with_name_code_and_message() {
    let body = "tags=a&address.street=S&address.zip=x&others[3].zip=1&prices[a]=-1&byId[x].street=S&byId[x].zip=1\
        &kind=cow&age=300&agree=maybe&size=many&from=here&pay.by=Gold&token=&password=a&password=b";
    let expected = json!([
        ["user_name", "missing", "is missing"],
        ["password", "duplicate", "expected one value, got 2"],
        ["address.zip", "type", "expected a whole number from 0 to 4294967295, got `x`"],
        ["others[3].street", "missing", "is missing"],
        ["prices.a", "type", "expected a whole number from 0 to 4294967295, got `-1`"],
        ["byId.x", "type", "expected a whole number from 0 to 255, got `x`"],
        ["kind", "choice", "expected one of `cat`, `guinea-pig`, `DOG!`, got `cow`"],
        ["age", "type", "expected a whole number from 0 to 255, got `300`"],
        ["agree", "type", "expected `true` or `false`, got `maybe`"],
        ["size", "type", "expected a whole number from 0 to 255, got `many`"],
        ["from", "type", "expected a version such as 1.2.3.4, got `here`"],
        ["pay.by", "choice", "expected one of `Card`, `Invoice`, `Cash`, got `Gold`"],
    ]);
    assert_eq!(json!(errors::<Everything>(body).await), expected);
}

#[tokio::test]
async fn an_error_has_the_format_of_rfc_9457() {
    let response = send::<Address>(URLENCODED, "street=S&zip=x").await;
    let problem: Value = response.json();
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem["status"], 422);
    let message = "expected a whole number from 0 to 4294967295, got `x`";
    assert_eq!(problem["detail"], format!("form field `zip`: {message}"));
    assert_eq!(
        problem["errors"],
        json!([{ "in": "form", "field": "zip", "code": "type", "message": message }])
    );
    let two: Value = send::<Address>(URLENCODED, "").await.json();
    assert_eq!(two["detail"], "2 values are invalid; the first: form field `street` is missing");
}

#[derive(Debug, FromForm)]
struct Boxes {
    agree: bool,
}

#[tokio::test]
async fn a_checkbox_is_what_browsers_send() {
    for (body, agree) in [
        ("", "false"),
        ("agree=on", "true"),
        ("agree=true", "true"),
        ("agree=1", "true"),
        ("agree", "true"),
        ("agree=", "true"),
        ("agree=off", "false"),
        ("agree=false&agree=on", "true"),
    ] {
        assert_eq!(
            send::<Boxes>(URLENCODED, body).await.text(),
            format!("Boxes {{ agree: {agree} }}"),
            "{body}"
        );
    }
}

#[derive(Debug, FromForm)]
#[form(deny_unknown)]
struct Strict {
    a: Option<String>,
}

#[tokio::test]
async fn names_without_a_field() {
    let unknown = errors::<Strict>("a=1&b=2&a.c=3&a[]x=4&[]=5&=6").await;
    let names: Vec<_> = unknown.iter().map(|(name, code, _)| format!("{name} {code}")).collect();
    assert_eq!(names, ["b unknown", "a.c unknown", "a[]x unknown", "[] unknown", " unknown"]);
    // Without `deny_unknown` they are ignored. A large index allocates no memory for the elements
    // before it.
    let huge = send::<HashMap<String, Vec<u8>>>(
        URLENCODED,
        "a[4294967295]=1&a[99999999999999999999999]=2&a[0]=0",
    )
    .await;
    assert_eq!(huge.text(), r#"{"a": [0, 1, 2]}"#);
    assert_eq!(send::<HashMap<String, u8>>(URLENCODED, "a[=1&b]=2&c..d=3").await.status(), 200);
    let none = send::<HashMap<String, Vec<u8>>>(URLENCODED, "a[-1]=1").await;
    assert_eq!(none.text(), "{}");
}

#[tokio::test]
async fn unknown_fields_are_a_list() {
    let pairs = send::<Vec<(String, String)>>(URLENCODED, "b=2&a[x]=1&b=3&a.y[z]=4").await;
    assert_eq!(pairs.text(), r#"[("a.x", "1"), ("a.y.z", "4"), ("b", "2"), ("b", "3")]"#);
}

#[tokio::test]
async fn invalid_utf8_is_reported_at_its_field() {
    for body in ["a=%FF", "a=%zz", "a=%", "a=\u{fffd}%"] {
        assert_eq!(
            errors::<Strict>(body).await,
            one("a", "encoding", "expected percent-encoded UTF-8"),
            "{body}"
        );
    }
    assert_eq!(errors::<Strict>("%FF=a").await[0].1, "encoding");
    assert_eq!(send::<Strict>(URLENCODED, b"a=\xff".to_vec()).await.status(), 422);
    let part = [b"content-disposition: form-data; name=a\r\n\r\n".as_slice(), b"\xff"].concat();
    assert_eq!(
        told(&send::<Strict>(MULTIPART, multipart(&[part])).await),
        one("a", "encoding", "expected UTF-8")
    );
}

#[derive(Debug, FromForm)]
struct Secrets {
    new_password: u8,
    #[form(secret)]
    pin: u8,
    #[form(secret)]
    card: Address,
    #[form(secret = false)]
    password_hint: u8,
    codes: BTreeMap<String, u8>,
}

#[tokio::test]
async fn secrets_are_never_repeated() {
    let body = "new_password=hunter2&pin=hunter2&card.street=hunter2&card.zip=hunter2&password_hint=shown\
        &codes[my-password]=hunter2";
    let response = send::<Secrets>(URLENCODED, body).await;
    assert_eq!(told(&response).len(), 5, "{}", response.text());
    assert!(
        response.text().contains("got `shown`") && !response.text().contains("hunter2"),
        "{}",
        response.text()
    );

    let app = App::new().route(
        "/",
        post(async |form: Submitted<Secrets>| {
            assert!(form.form.is_refused() && form.value.is_none());
            Json(json!(form.form)["values"].clone())
        }),
    );
    let request = app.test().await.post("/").header("content-type", URLENCODED);
    let kept: Value = request.bytes(body).await.json();
    assert_eq!(kept, json!({ "password_hint": ["shown"] }));
}

#[tokio::test]
async fn a_page_can_show_the_form_again() {
    let app = App::new().route(
        "/",
        post(async |mut form: Submitted<Everything>| {
            form.form.refuse("user_name", "taken", "is taken");
            let again = &form.form;
            assert!(form.value.is_none() && again.has("tags", "b") && !again.has("tags", "c"));
            assert_eq!((again.value("address[street]"), again.value("nothing")), ("<S>", ""));
            assert_eq!(again.errors("address.zip").count(), 1);
            Json(json!(again))
        }),
    );
    let body = "user_name=Ann&tags=a&tags[]=b&address.street=%3CS%3E&address.zip=&unknown=x&kind=cat&password=p";
    let said: Value =
        app.test().await.post("/").header("content-type", URLENCODED).bytes(body).await.json();
    assert_eq!(
        said,
        json!({
            "values": {
                "user_name": ["Ann"], "tags": ["a", "b"], "address.street": ["<S>"], "address.zip": [""], "kind": ["cat"],
            },
            "errors": {
                "address.zip": [{ "code": "missing", "message": "is missing" }],
                "user_name": [{ "code": "taken", "message": "is taken" }],
            },
        })
    );
}

// Multipart.

fn text(name: &str, value: &str) -> Vec<u8> {
    format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}").into_bytes()
}

fn file(name: &str, file_name: &str, content_type: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "Content-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: {content_type}\r\n\r\n"
    );
    [head.as_bytes(), content].concat()
}

fn multipart(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(b"--b0\r\n");
        body.extend_from_slice(part);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b0--\r\n");
    body
}

#[derive(Debug, FromForm)]
struct Upload {
    title: Option<String>,
    #[form(max = "1KiB", types("image/png", "text/*"))]
    avatar: Option<TempFile>,
    files: Vec<TempFile>,
}

#[tokio::test]
async fn files_are_written_to_disk_and_kept_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let app = App::new().state(kept.clone()).route(
        "/",
        post(async |to: State<PathBuf>, Form(upload): Form<Upload>| -> Result<String, Problem> {
            let avatar = upload.avatar.unwrap();
            let temporary = avatar.path().to_owned();
            assert_eq!(
                std::fs::metadata(&temporary).map_err(Problem::internal)?.len(),
                avatar.len()
            );
            let told = format!(
                "{:?} {:?} {} {:?} {:?} {}",
                avatar.file_name(),
                avatar.sent_name(),
                avatar.len(),
                avatar.content_type(),
                upload.title,
                upload.files.len()
            );
            let mut again = String::new();
            std::io::Read::read_to_string(
                &mut avatar.open().await.map_err(Problem::internal)?,
                &mut again,
            )
            .map_err(Problem::internal)?;
            assert_eq!(again, "content");
            avatar.persist(&**to).await.map_err(Problem::internal)?;
            assert!(!temporary.exists());
            Ok(told)
        }),
    );
    let body = multipart(&[
        file("avatar", "../../etc/me.txt", "text/plain; charset=utf-8", b"content"),
        text("title", "T"),
        // A browser sends this for a file input without a file.
        file("files", "", "application/octet-stream", b""),
        file("files[]", "empty.bin", "application/octet-stream", b""),
        file("files", "2.bin", "application/octet-stream", &vec![7; 300_000]),
        file("nobody asked", "x", "text/plain", b"x"),
    ]);
    let response = app.test().await.post("/").header("content-type", MULTIPART).bytes(body).await;
    response.expect_status(200);
    let said =
        r#"Some("me.txt") "../../etc/me.txt" 7 Some("text/plain; charset=utf-8") Some("T") 2"#;
    assert_eq!(response.text(), said);
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "content");
}

/// The copy to another device used to have its final name while it was written, and stayed there if
/// it failed.
#[cfg(unix)]
#[tokio::test]
async fn a_file_is_moved_between_devices_completely_or_not_at_all() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let other = std::path::Path::new("/dev/shm");
    let device = |path: &std::path::Path| std::fs::metadata(path).map(|metadata| metadata.dev());
    match (device(other), device(&std::env::temp_dir())) {
        (Ok(other), Ok(ours)) if other != ours => {}
        _ => {
            return eprintln!(
                "skipped: /dev/shm is missing, or on the device of the temporary folder"
            );
        }
    }
    let folder = tempfile::tempdir_in(other).unwrap();
    let app = App::new().state(folder.path().to_owned()).route(
        "/{name}",
        post(
            async |to: State<PathBuf>,
                   name: Path<String>,
                   Form(upload): Form<Upload>|
                   -> Result<(), Problem> {
                let avatar = upload.avatar.unwrap();
                let temporary = avatar.path().to_owned();
                let kept = avatar.persist(to.join(&*name)).await;
                assert!(!temporary.exists());
                kept.map_err(Problem::internal)
            },
        ),
    );
    let client = app.test().await;
    let send = async |name: &str| {
        let body = multipart(&[file("avatar", "a", "image/png", b"content"), text("title", "T")]);
        client
            .post(format!("/{name}"))
            .header("content-type", MULTIPART)
            .bytes(body)
            .await
            .status()
            .as_u16()
    };
    let there = || {
        let names =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };

    std::fs::write(folder.path().join("kept"), "old").unwrap();
    let old = std::fs::File::open(folder.path().join("kept")).unwrap();
    assert_eq!(send("kept").await, 200);
    assert_eq!(std::fs::read_to_string(folder.path().join("kept")).unwrap(), "content");
    let mode = std::fs::metadata(folder.path().join("kept")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A process that has the old file open still reads all of it: the new file replaced its name,
    // not its content.
    assert_eq!(std::io::read_to_string(old).unwrap(), "old");

    // A folder already has this name: the file is copied, but cannot be renamed.
    std::fs::create_dir(folder.path().join("taken")).unwrap();
    assert_eq!(send("taken").await, 500);
    assert_eq!(there(), ["kept", "taken"]);
    std::fs::remove_dir(folder.path().join("taken")).unwrap();
    drop(folder);
    assert_eq!(send("kept").await, 500, "a folder that was removed");
}

#[tokio::test]
async fn files_that_are_refused() {
    let refused = async |parts: &[Vec<u8>]| {
        let response = send::<Upload>(MULTIPART, multipart(parts)).await;
        (response.status(), told(&response))
    };
    let large = file("avatar", "a.png", "image/png", &[0; 1025]);
    let message = "expected at most 1 KiB";
    assert_eq!(
        refused(std::slice::from_ref(&large)).await,
        (413.try_into().unwrap(), one("avatar", "too_large", message))
    );
    // A file of exactly the limit is accepted. If there is another error too, 413 would claim too
    // much.
    assert_eq!(
        send::<Upload>(MULTIPART, multipart(&[file("avatar", "a", "image/png", &[0; 1024])]))
            .await
            .status(),
        200
    );
    let (status, errors) = refused(&[large, file("title", "t", "text/plain", b"t")]).await;
    assert_eq!((status.as_u16(), errors.len()), (422, 2));
    assert_eq!(errors[1], one("title", "type", "expected text, got a file")[0]);
    let (_, errors) = refused(&[file("avatar", "a", "image/svg+xml", b"<svg/>")]).await;
    let message = "expected a file of type `image/png`, `text/*`, got `image/svg+xml`";
    assert_eq!(errors, one("avatar", "content_type", message));
    // A file that is sent without a file name is still a file.
    let (_, errors) = refused(&[file("avatar", "", "image/svg+xml", b"<svg/>")]).await;
    assert_eq!(errors, one("avatar", "content_type", message));
    let png = file("avatar", "a", "Image/PNG; x=y", b"");
    assert_eq!(send::<Upload>(MULTIPART, multipart(&[png])).await.status(), 200);
    let (_, errors) =
        refused(&[file("avatar", "a", "image/png", b""), file("avatar", "b", "image/png", b"")])
            .await;
    assert_eq!(errors, one("avatar", "duplicate", "expected one file, got 2"));
    let (_, errors) = refused(&[text("avatar", "text")]).await;
    assert_eq!(errors, one("avatar", "type", "expected a file, got text"));
}

#[tokio::test]
async fn invalid_multipart_is_a_400() {
    let good = multipart(&[text("title", "T"), file("avatar", "a", "image/png", b"a")]);
    assert_eq!(send::<Upload>(MULTIPART, good.clone()).await.status(), 200);
    // A body that is cut before the end of the last boundary is incomplete.
    for cut in 0..good.len() - 2 {
        let response = send::<Upload>(MULTIPART, &good[..cut]).await;
        assert_eq!(response.status(), 400, "cut at {cut}: {}", response.text());
    }
    for (content_type, body, said) in [
        ("multipart/form-data", good.clone(), "expected a parameter `boundary`"),
        ("multipart/form-data; boundary=", good.clone(), "expected a boundary of 1 to 70"),
        (
            MULTIPART,
            multipart(&[b"X: y\r\n\r\nvalue".to_vec()]),
            "a part has no `content-disposition`",
        ),
        (
            MULTIPART,
            multipart(&[b"Content-Disposition: form-data\r\n\r\nv".to_vec()]),
            "has no `name`",
        ),
        (
            MULTIPART,
            multipart(&[b"Content-Disposition: attachment; name=a\r\n\r\nv".to_vec()]),
            "expected `form-data`",
        ),
        (
            MULTIPART,
            b"--b0\r\nnonsense\r\n\r\n".to_vec(),
            "expected a header field in a part, got `nonsense`",
        ),
    ] {
        let response = send::<Upload>(content_type, body).await;
        assert_eq!(response.status(), 400);
        assert!(response.text().contains(said), "{}", response.text());
    }
}

#[post("/parts", limit = "4KiB")]
async fn parts(mut parts: Multipart) -> Result<String, Problem> {
    let mut told = String::new();
    while let Some(mut part) = parts.next_part().await? {
        match part.name() {
            "skipped" => told += "-;",
            "half" => told += &format!("{}…;", part.chunk().await?.unwrap_or_default().len()),
            _ => told += &format!("{};", part.text().await?),
        }
    }
    Ok(told)
}

#[tokio::test]
async fn parts_can_be_read_one_by_one() {
    let client = App::new().routes(routes![parts]).test().await;
    let send = |body: Vec<u8>| client.post("/parts").header("content-type", MULTIPART).bytes(body);
    let body = multipart(&[
        text("a", "1"),
        text("skipped", "x"),
        file("half", "h", "a/b", b"12345"),
        text("b", ""),
    ]);
    assert_eq!(send(body).await.text(), "1;-;5…;;");
    assert_eq!(send(multipart(&[text("a", &"x".repeat(5000))])).await.status(), 413);
    assert_eq!(client.post("/parts").form(&[("a", "b")]).await.status(), 415);
}

// The edge of every limit: a form at the limit is accepted, and a form beyond it is refused.

type Any = BTreeMap<String, Vec<String>>;
type Deep = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

async fn limited<T: FromForm + 'static>(
    limits: FormLimits,
    content_type: &str,
    body: Vec<u8>,
) -> (u16, Value) {
    let app = App::new().state(limits).route("/", post(async |_: Form<T>| "taken"));
    let response =
        app.test().await.post("/").header("content-type", content_type).bytes(body).await;
    let status = response.status().as_u16();
    (status, if status == 200 { Value::Null } else { response.json() })
}

macro_rules! edges {
    ($($test:ident: $field:ident = $limit:literal, $ty:ty: $within:expr, $past:expr => $status:literal;)*) => {$(
        #[tokio::test]
        async fn $test() {
            let limits = || FormLimits { $field: $limit, ..FormLimits::default() };
            for (within, past) in [($within, $past)] {
                let (content_type, body) = encoded(within);
                let (status, problem) = limited::<$ty>(limits(), content_type, body).await;
                assert_eq!(status, 200, "{problem}");
                let (content_type, body) = encoded(past);
                let (status, problem) = limited::<$ty>(limits(), content_type, body).await;
                assert_eq!(status, $status, "{problem}");
                let limit = problem["limit"].as_str().or(problem["errors"][0]["code"].as_str());
                assert!(limit == Some(stringify!($field)) || limit == Some("too_large"), "{problem}");
            }
        }
    )*};
}

/// A urlencoded body, or the parts of a multipart one.
enum Sent {
    Fields(String),
    Parts(Vec<Vec<u8>>),
}

fn encoded(sent: Sent) -> (&'static str, Vec<u8>) {
    match sent {
        Sent::Fields(text) => (URLENCODED, text.into_bytes()),
        Sent::Parts(parts) => (MULTIPART, multipart(&parts)),
    }
}

fn fields(body: &str) -> Sent {
    Sent::Fields(body.to_owned())
}

fn files(count: usize, size: usize) -> Sent {
    Sent::Parts((0..count).map(|_| file("files", "f", "a/b", &vec![0; size])).collect())
}

edges! {
    limit_of_fields: fields = 3, Any: fields("a=1&b=2&c=3"), fields("a=1&b=2&c=3&d=4") => 413;
    limit_of_parts: fields = 2, Any: Sent::Parts(vec![text("a", ""), text("b", "")]),
        Sent::Parts(vec![text("a", ""), text("b", ""), text("c", "")]) => 413;
    limit_of_names: name = 4, Any: fields("abcd=1"), fields("abcde=1") => 413;
    limit_of_names_of_parts: name = 4, Any: Sent::Parts(vec![text("abcd", "")]),
        Sent::Parts(vec![text("abcde", "")]) => 413;
    limit_of_depth: depth = 3, Deep: fields("a.b[c]=1"), fields("a.b[c].d=1") => 422;
    limit_of_text: text = 4, Any: fields("a=1234"), fields("a=12345") => 413;
    limit_of_text_in_parts: text = 4, Any: Sent::Parts(vec![text("a", "1234")]),
        Sent::Parts(vec![text("a", "12345")]) => 413;
    limit_of_texts: texts = 8, Any: fields("a=1234&b=5678"), fields("a=1234&b=56789") => 413;
    limit_of_files: files = 2, Upload: files(2, 1), files(3, 1) => 413;
    limit_of_one_file: file = 10, Upload: files(1, 10), files(1, 11) => 413;
    limit_of_heads: part_head = 60, Upload: Sent::Parts(vec![text("title", "t")]), files(1, 1) => 413;
}

#[derive(Debug, FromForm)]
#[form(limits(fields = 2, text = "1KiB"))]
struct Small {
    a: Vec<String>,
    #[form(max = 2)]
    b: Option<String>,
}

#[tokio::test]
async fn a_type_and_a_field_have_limits_of_their_own() {
    assert_eq!(send::<Small>(URLENCODED, "a=1&a=2").await.status(), 200);
    assert_eq!(send::<Small>(URLENCODED, "a=1&a=2&x=3").await.status(), 413);
    assert_eq!(
        errors::<Small>(&format!("a={}", "x".repeat(1025))).await,
        one("a", "too_large", "expected at most 1 KiB")
    );
    assert_eq!(errors::<Small>("b=123").await, one("b", "too_large", "expected at most 2 bytes"));
}

#[tokio::test]
async fn the_body_limit_of_the_route_is_the_total() {
    let app = App::new().body_limit(500).route("/", post(async |_: Form<Upload>| "taken"));
    let client = app.test().await;
    let send = |body: Vec<u8>| client.post("/").header("content-type", MULTIPART).bytes(body);
    assert_eq!(send(multipart(&[file("files", "f", "a/b", &[0; 300])])).await.status(), 200);
    assert_eq!(send(multipart(&[file("files", "f", "a/b", &[0; 500])])).await.status(), 413);
}

#[tokio::test]
async fn many_names_and_deep_names_are_cheap() {
    let names: Vec<String> = (0..100_000).map(|n| format!("k{n}=1")).collect();
    assert_eq!(send::<Any>(URLENCODED, names.join("&")).await.status(), 413);
    let deep = format!("a{}=1", "[a]".repeat(80));
    assert_eq!(send::<Any>(URLENCODED, deep).await.status(), 422);
    let deeper = format!("a{}=1", "[a]".repeat(80_000));
    assert_eq!(send::<Any>(URLENCODED, deeper).await.status(), 413);
    // A thousand invalid values do not produce a thousand messages.
    let wrong: Vec<String> = (0..1000).map(|n| format!("k{n}=x")).collect();
    let response = send::<BTreeMap<String, u8>>(URLENCODED, wrong.join("&")).await;
    assert_eq!(told(&response).len(), 100);
    assert!(response.text().contains("1000 values are invalid"));
}

#[test]
fn the_guide_states_the_actual_limits() {
    let guide = include_str!("../../../../guide/forms.md").replace('\n', " ");
    let FormLimits { fields, name, depth, text, texts, files, file, part_head } =
        FormLimits::default();
    for told in [
        format!("{fields} fields,"),
        format!("names of {name} bytes and {depth} keys"),
        format!("{} KiB per text and {} MiB of text in total", text >> 10, texts >> 20),
        format!(
            "{files} files of {} MiB each, and {} KiB of header per part",
            file >> 20,
            part_head >> 10
        ),
    ] {
        assert!(guide.contains(&told), "{told}");
    }
}
