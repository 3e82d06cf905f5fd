//! Requests of a browser: Chromium, if it is installed.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use rustls::pki_types::CertificateDer;
use tokio::process::Command;
use trine_core::Body;
use trine_server::{Listener, ServerConfig, tls::Tls};

use super::peer::config;
use crate::common;

/// A page that sends fifty requests at once, uploads a megabyte and receives it back, and shows the
/// result.
const PAGE: &str = "<!doctype html><title>h3</title><p id=told>nothing</p><script>
const told = text => document.getElementById('told').textContent = text;
(async () => {
    const many = await Promise.all([...Array(50).keys()].map(n => fetch('/version?' + n).then(a => a.text())));
    const body = 'x'.repeat(1000000);
    const echoed = await fetch('/echo', { method: 'POST', body }).then(a => a.text());
    told(`versions: ${[...new Set(many)]}; echoed: ${echoed === body}`);
})().catch(error => told('failed: ' + error));
</script>";

async fn site(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let version = format!("{:?}", request.version());
    Ok(match request.uri().path() {
        "/" => {
            Response::builder().header("content-type", "text/html").body(Body::from(PAGE)).unwrap()
        }
        "/version" => Response::new(Body::from(version)),
        "/echo" => Response::new(request.into_body()),
        _ => Response::builder().status(404).body(Body::empty()).unwrap(),
    })
}

#[tokio::test]
async fn chromium_uses_http3() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])
        .unwrap();
    let tls = Tls::from_pem(made.cert.pem(), made.signing_key.serialize_pem());
    let listeners = vec![Listener::tls(config().socket_addr(), tls).http3()];
    let server =
        common::start_with(ServerConfig { listeners, ..config() }, tower::service_fn(site));
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Command::new("chromium");
    browser
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
            "--virtual-time-budget=20000",
        ])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg(format!("--origin-to-force-quic-on={}", server.address))
        .arg(format!("--ignore-certificate-errors-spki-list={}", fingerprint(made.cert.der())))
        .arg(format!("https://{}/", server.address))
        .kill_on_drop(true);
    let output = match tokio::time::timeout(Duration::from_secs(60), browser.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if std::env::var_os("REQUIRE_BROWSER").is_none() => {
            eprintln!("skipped: chromium cannot be started: {error}");
            return;
        }
        other => panic!("{other:?}"),
    };
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.contains("versions: HTTP/3.0; echoed: true"), "{dom}");
    server.stop().await;
}

/// The SHA-256 of the key of a certificate in base 64, as Chromium expects it.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let end_entity = rustls::server::ParsedCertificate::try_from(certificate).unwrap();
    let key = end_entity.subject_public_key_info();
    let rustls::SupportedCipherSuite::Tls13(suite) =
        rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256
    else {
        panic!("a suite of TLS 1.3")
    };
    base64(suite.common.hash_provider.hash(&key).as_ref())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            out.push(if digit > group.len() { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    out
}
