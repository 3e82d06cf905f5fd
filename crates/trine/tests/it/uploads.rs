//! Temporary files are removed with their request, however it ends. The tests use a real socket and
//! a folder of their own.
#![allow(clippy::unwrap_used, unreachable_pub, dead_code, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use trine::prelude::*;
use trine_testkit::process::this_binary;

use crate::common;

#[derive(Debug, FromForm)]
struct Upload {
    #[form(max = "1MiB")]
    file: TempFile,
    age: Option<u8>,
}

/// What a handler does with the uploaded file.
#[post("/{how}", limit = "4MiB")]
async fn handle(
    how: String,
    reached: State<Notify>,
    form: Submitted<Upload>,
) -> Result<String, Problem> {
    if let Some(upload) = &form.value {
        assert!(upload.file.path().exists());
        reached.notify_one();
    }
    match how.as_str() {
        "wait" => std::future::pending().await,
        "panic" => panic!("as it was told"),
        "fail" => Err(Problem::internal("as it was told")),
        _ if form.value.is_none() => Err(form.form.into()),
        _ => Ok("taken".to_owned()),
    }
}

fn body(size: usize, age: &str) -> Vec<u8> {
    let head = "--b0\r\ncontent-disposition: form-data; name=file; filename=f\r\n\r\n";
    let tail =
        format!("\r\n--b0\r\ncontent-disposition: form-data; name=age\r\n\r\n{age}\r\n--b0--\r\n");
    [head.as_bytes(), &vec![1; size], tail.as_bytes()].concat()
}

async fn connect(running: &common::Running, path: &str, length: usize) -> TcpStream {
    let mut socket = TcpStream::connect(running.addr).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=b0\r\n\
         content-length: {length}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

/// Sends a whole request, and returns the status of its response.
async fn status(running: &common::Running, path: &str, body: &[u8]) -> String {
    let mut socket = connect(running, path, body.len()).await;
    socket.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer)[9..12].to_owned()
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

async fn becomes(folder: &Path, count: usize) {
    for _ in 0..250 {
        if files(folder) == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} files are left, not {count}", files(folder));
}

/// The folder of temporary files belongs to the process, so the test needs a process of its own.
#[test]
fn temporary_files_are_removed_with_their_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = this_binary("uploads::the_folder_is_empty_after_each_request");
    let output = child.env("TMPDIR", folder.path()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test above, in a process of its own"]
async fn the_folder_is_empty_after_each_request() {
    let folder = &std::env::temp_dir();
    let app = App::new().state(Notify::new()).routes(routes![handle]);
    let service = app.build().await.unwrap();
    let running = common::serve(service);

    for (path, size, age, expected) in [
        ("/take", 300_000, "7", "200"),
        ("/fail", 300_000, "7", "500"),
        ("/panic", 300_000, "7", "500"),
        // Another field is invalid, and then the file is too large.
        ("/take", 300_000, "x", "422"),
        ("/take", (1 << 20) + 1, "7", "413"),
        // The limit of the route is reached in the middle of the file.
        ("/take", 5 << 20, "7", "413"),
    ] {
        assert_eq!(status(&running, path, &body(size, age)).await, expected, "{path} {size} {age}");
        becomes(folder, 0).await;
    }
    // The body is malformed after the file.
    let mut malformed = body(300_000, "7");
    let end = malformed.len();
    malformed[end - 4..].copy_from_slice(b"xxxx");
    assert_eq!(status(&running, "/take", &malformed).await, "400");
    becomes(folder, 0).await;

    // The client disconnects while it sends, and while the handler works. A reset cancels both.
    for (path, sent) in [("/take", 800_000), ("/wait", usize::MAX)] {
        let body = body(900_000, "7");
        let mut socket = connect(&running, path, body.len()).await;
        socket.write_all(&body[..sent.min(body.len())]).await.unwrap();
        becomes(folder, 1).await;
        socket.set_zero_linger().unwrap();
        drop(socket);
        becomes(folder, 0).await;
    }
    running.stop().await;
}
