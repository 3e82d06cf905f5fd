//! Tests of TLS with curl and OpenSSL as clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use trine_testkit::pki::Authority;
use trine_testkit::process::{Process, address_in};
use trine_testkit::tools;
use trine_testkit::wait::until_blocking;

/// The running program, with a folder that contains the authority of its certificate.
struct Httpbin {
    process: Process,
    plain: String,
    secure: String,
    folder: TempDir,
    authority: Authority,
}

impl Httpbin {
    fn start(variables: &[(&str, &str)]) -> Httpbin {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("of the test");
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        sign(&authority, folder.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_httpbin"));
        command
            .envs([("TRINE_PORT", "0"), ("TRINE_WORKERS", "1"), ("TRINE_TLS_PORT", "0")])
            .envs([("TRINE_TLS_CERT", "cert.pem"), ("TRINE_TLS_KEY", "key.pem")])
            .envs(variables.iter().copied())
            .current_dir(folder.path())
            .stderr(Stdio::null());
        let mut process = Process::start(&mut command);
        let first = process.line();
        let after = |scheme: &str| {
            address_in(&first, scheme).unwrap_or_else(|| panic!("no {scheme} in {first:?}"))
        };
        let (plain, secure) = (after("http://"), after("https://"));
        Httpbin { process, plain, secure, folder, authority }
    }

    /// Runs `curl`. Returns whether it succeeded, and its output.
    fn curl(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "10", "--cacert", "ca.pem"])
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("this test needs `curl`");
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    }

    fn url(&self, path: &str) -> String {
        let (_, port) = self.secure.rsplit_once(':').unwrap();
        format!("https://localhost:{port}{path}")
    }

    /// The serial number of the certificate that the server presents.
    fn shown(&self) -> String {
        let script = format!(
            "openssl s_client -connect {} </dev/null 2>/dev/null | openssl x509 -serial -noout",
            self.secure
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

fn has(tool: &str) -> bool {
    tools::has(&[tool], "REQUIRE_TLS_TOOLS")
}

fn sign(authority: &Authority, folder: &Path) {
    let signed = authority.sign(&["localhost", "127.0.0.1"]);
    std::fs::write(folder.join("cert.pem"), signed.chain).unwrap();
    std::fs::write(folder.join("key.pem"), signed.key).unwrap();
}

#[test]
fn curl_is_served_by_every_version_and_protocol() {
    if !has("curl") {
        return;
    }
    let httpbin = Httpbin::start(&[]);
    for arguments in [
        &["--http1.1"][..],
        &["--http1.1", "--tlsv1.3"],
        &["--http1.1", "--tls-max", "1.2"],
        &["--http2"],
        &["--http2", "--tls-max", "1.2"],
    ] {
        let url = httpbin.url("/");
        let (_, text) = httpbin.curl(&[arguments, &[&url]].concat());
        assert_eq!(text, "httpbin on Trine\n", "{arguments:?}");
    }
    let (_, echoed) = httpbin.curl(&["--data", "over TLS", &httpbin.url("/echo")]);
    assert_eq!(echoed, "over TLS");
    let (_, large) = httpbin.curl(&[&httpbin.url("/bytes/3000000")]);
    assert_eq!(large.len(), 3_000_000);
    // The plain port also serves.
    let (_, plain) = httpbin.curl(&[&format!("http://{}/", httpbin.plain)]);
    assert_eq!(plain, "httpbin on Trine\n");
}

#[test]
fn old_versions_and_plain_http_are_refused() {
    if !has("curl") {
        return;
    }
    let httpbin = Httpbin::start(&[]);
    let (served, _) = httpbin.curl(&["--tls-max", "1.1", &httpbin.url("/")]);
    assert!(!served);
    let (_, told) = httpbin.curl(&["--include", &format!("http://{}/", httpbin.secure)]);
    assert!(told.starts_with("HTTP/1.1 400 ") && told.contains("https://"), "{told}");
}

#[test]
fn plain_http_is_led_to_tls_where_that_is_asked_for() {
    if !has("curl") {
        return;
    }
    let httpbin = Httpbin::start(&[("TRINE_TLS_REDIRECT", "8443")]);
    let (_, told) = httpbin.curl(&["--include", &format!("http://{}/headers?a=b", httpbin.plain)]);
    assert!(
        told.contains("HTTP/1.1 308 ")
            && told.contains("location: https://127.0.0.1:8443/headers?a=b"),
        "{told}"
    );
}

#[cfg(unix)]
#[test]
fn sighup_brings_the_new_certificate() {
    if !has("curl") || !has("openssl") {
        return;
    }
    let httpbin = Httpbin::start(&[]);
    let before = httpbin.shown();
    assert!(before.starts_with("serial="), "{before}");
    sign(&httpbin.authority, httpbin.folder.path());
    httpbin.process.signal("HUP");
    until_blocking("the new certificate", || httpbin.shown() != before);
    let (_, text) = httpbin.curl(&[&httpbin.url("/")]);
    assert_eq!(text, "httpbin on Trine\n");
}

#[test]
fn what_is_wrong_stops_the_start_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
    let run = |variables: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_httpbin"))
            .envs([("TRINE_PORT", "0"), ("TRINE_TLS_PORT", "0")])
            .envs(variables.iter().copied())
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let told = run(&[("TRINE_TLS_CERT", "cert.pem"), ("TRINE_TLS_KEY", "key.pem")]);
    assert!(told.contains("TLS cannot be set up: cert.pem: expected a PEM file"), "{told}");
    let told = run(&[("TRINE_TLS_CERT", "cert.pem")]);
    assert!(told.contains("`tls_cert` is set, but `tls_key` is not"), "{told}");
    let told = run(&[("TRINE_TLS_SELF_SIGNED", "true"), ("TRINE_PROFILE", "prod")]);
    assert!(told.contains("`tls_self_signed` is for development"), "{told}");
}
