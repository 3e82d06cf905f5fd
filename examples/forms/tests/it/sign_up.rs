//! Tests of the form with the requests that a browser sends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use forms::{Pictures, app};
use trine::testing::{TestClient, TestResponse};

/// The body that a browser sends: one part per field. The part of the file field is the chosen
/// file, or empty.
async fn send(
    client: &TestClient,
    fields: &[(&str, &str)],
    picture: Option<&[u8]>,
) -> TestResponse {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let file_name = if picture.is_some() { "me.png" } else { "" };
    let head = format!(
        "--b0\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"{file_name}\"\r\nContent-Type: image/png\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(picture.unwrap_or_default());
    body.extend_from_slice(b"\r\n--b0--\r\n");
    client.post("/").header("content-type", "multipart/form-data; boundary=b0").bytes(body).await
}

const GOOD: [(&str, &str); 6] = [
    ("name", "Ann"),
    ("email", "ann@example.org"),
    ("password", "correct horse"),
    ("plan", "free"),
    ("topics", "rust"),
    ("agree", "on"),
];

#[trine::test]
async fn a_picture_is_kept_under_our_name() {
    let folder = tempfile::tempdir().unwrap();
    let client = app(Pictures { folder: folder.path().to_owned() }).test().await;
    assert!(client.get("/").await.text().contains("<input type=email name=email value=\"\""));
    let response = send(&client, &GOOD, Some(b"a picture")).await;
    response.expect_status(303).expect_header("location", "/welcome/Ann?paid=false");
    assert_eq!(std::fs::read(folder.path().join("Ann")).unwrap(), b"a picture");
    send(&client, &GOOD, None).await.expect_status(303);
}

#[trine::test]
async fn the_page_comes_back_with_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let client = app(Pictures { folder: folder.path().to_owned() }).test().await;
    let fields = [
        ("name", "<b>"),
        ("email", "ann"),
        ("password", "hunter2"),
        ("plan", "paid"),
        ("topics", "web"),
        ("topics", "cats"),
    ];
    let page = send(&client, &fields, None).await;
    page.expect_status(422);
    let page = page.text();
    for part in [
        "4 fields need another look",
        "value=\"&lt;b&gt;\"",
        "contains characters other than letters and digits",
        "is not an email address",
        "is shorter than 8",
        "has to be agreed to",
        "value=paid checked",
        "value=web checked",
        "value=cats checked",
        "value=rust >",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("hunter2"));

    let large = send(&client, &GOOD, Some(&vec![0; (512 << 10) + 1])).await;
    large.expect_status(422);
    assert!(large.text().contains("expected at most 512 KiB"), "{}", large.text());
    let taken =
        GOOD.map(|(name, value)| if name == "name" { (name, "root") } else { (name, value) });
    assert!(send(&client, &taken, None).await.text().contains("is taken"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
