//! TLS with another implementation as the client: `openssl s_client`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use trine_server::tls::ClientCertificates;

use super::certificates::serve;
use super::clients::mutual;
use crate::common::kitchen;
use crate::common::pki::Authority;
use crate::common::tls::SignedExt as _;

/// Requests a path with these additional arguments, and returns the output.
async fn openssl(address: SocketAddr, folder: &Path, path: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new("openssl");
    command.args([
        "s_client",
        "-connect",
        &address.to_string(),
        "-CAfile",
        "ca.pem",
        "-verify_return_error",
    ]);
    command.args(["-servername", "localhost", "-ign_eof"]).args(arguments).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    tokio::task::spawn_blocking(move || {
        let mut process = command.spawn().expect("this test needs `openssl`");
        // The process may end before it reads the request.
        let _ = std::io::Write::write_all(&mut process.stdin.take().unwrap(), request.as_bytes());
        process.wait_with_output().unwrap()
    })
    .await
    .unwrap()
}

/// Whether `openssl` is installed. If `REQUIRE_TLS_TOOLS` is set, the test fails without it.
fn is_here() -> bool {
    let here = Command::new("openssl")
        .arg("version")
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .is_ok();
    assert!(here || std::env::var_os("REQUIRE_TLS_TOOLS").is_none(), "there is no openssl");
    if !here {
        eprintln!("skipped: there is no openssl");
    }
    here
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn both_versions_work_and_end_with_close_notify() {
    if !is_here() {
        return;
    }
    let _ = kitchen;
    let authority = Authority::new("of the test");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let server = serve(authority.sign(&["localhost"]).tls());
    for version in ["-tls1_2", "-tls1_3"] {
        let output =
            openssl(server.address, folder.path(), "/hello", &[version, "-alpn", "http/1.1"]).await;
        let told = text(&output.stdout);
        assert!(output.status.success(), "{version}: {told}\n{}", text(&output.stderr));
        assert!(told.contains("\r\n\r\nhello"), "{told}");
        assert!(told.contains("ALPN protocol: http/1.1"), "{told}");
        // `openssl` prints `closed` after a `close_notify`, and an error without one.
        assert!(told.contains("closed\n"), "{told}");
        assert!(!text(&output.stderr).contains("unexpected eof"), "{}", text(&output.stderr));
    }
    for version in ["-tls1", "-tls1_1"] {
        let arguments = [version, "-cipher", "ALL:@SECLEVEL=0"];
        let output = openssl(server.address, folder.path(), "/hello", &arguments).await;
        assert!(!output.status.success() && !text(&output.stdout).contains("hello"), "{version}");
    }
    server.stop().await;
}

/// A renegotiation costs the server CPU time (CVE-2011-1473), so it is refused.
#[tokio::test]
async fn a_renegotiation_ends_the_connection() {
    if !is_here() {
        return;
    }
    let authority = Authority::new("of the test");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let server = serve(authority.sign(&["localhost"]).tls());
    let address = server.address.to_string();
    let output = tokio::task::spawn_blocking(move || {
        let mut process = Command::new("openssl")
            .args(["s_client", "-connect", &address, "-tls1_2", "-servername", "localhost"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // `R` at the beginning of a line requests a renegotiation.
        let mut input = process.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, b"R\n").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
        let _ = std::io::Write::write_all(&mut input, b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(input);
        process.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(told.contains("RENEGOTIATING"), "{told}");
    assert!(told.contains("no renegotiation") || !told.contains("hello"), "{told}");
    server.stop().await;
}

#[tokio::test]
async fn a_client_presents_its_certificate() {
    if !is_here() {
        return;
    }
    let authority = Authority::new("of the test");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    authority.sign_client("ann").write(folder.path(), "ann");
    Authority::new("another").sign_client("mallory").write(folder.path(), "mallory");
    let server = mutual(&authority, ClientCertificates::Required);
    for version in ["-tls1_2", "-tls1_3"] {
        let known = ["-cert", "ann.pem", "-key", "ann.key", version];
        let output = openssl(server.address, folder.path(), "/", &known).await;
        let told = text(&output.stdout);
        assert!(
            told.contains("HTTP/1.1 200 OK")
                && told.contains("Acceptable client certificate CA names"),
            "{told}"
        );
        for unknown in [&["-cert", "mallory.pem", "-key", "mallory.key", version][..], &[version]] {
            let output = openssl(server.address, folder.path(), "/", unknown).await;
            assert!(!text(&output.stdout).contains("200 OK"), "{unknown:?}");
            assert!(text(&output.stderr).contains("alert"), "{}", text(&output.stderr));
        }
    }
    server.stop().await;
}
