//! Mistakes in the settings, reported before the server starts.

use std::time::Duration;

use trine_server::tls::Tls;
use trine_server::{Acme, Certificate, Listener, Server, ServerConfig};

use super::authority::Test;
use super::site::ANYWHERE;
use crate::common::config;

#[tokio::test]
async fn each_invalid_setting_is_reported_by_its_name() {
    let authority = Test::start();
    let good = || authority.acme(&["example.com"]);
    assert_eq!(Tls::acme(good()).check(), Ok(()));
    let names = |names: &[&str]| authority.acme(names);
    let many: Vec<String> = (0..101).map(|number| format!("{number}.example")).collect();
    let cases = [
        (names(&[]), "acme.domains: expected 1 to 100 names, got 0"),
        (Acme { domains: many, ..good() }, "acme.domains: expected 1 to 100 names, got 101"),
        (names(&["*.example.com"]), "acme.domains: `*.example.com` could only be proved by DNS"),
        (names(&["192.0.2.1"]), "acme.domains: expected a name, got the address"),
        (names(&["exämple.com"]), "acme.domains: expected a name in ASCII"),
        (names(&["https://example.com"]), "acme.domains: expected a name such as"),
        (good().contact("ops@example.com"), "acme.contact: expected a URL such as `mailto:"),
        (Acme { agree_to_terms: false, ..good() }, "acme.agree_to_terms: "),
        (Acme { cache: None, ..good() }, "acme.cache: expected a folder"),
        (good().directory("http://localhost/"), "acme.directory: expected an `https://` URL"),
        (good().roots("/nowhere/root.pem"), "/nowhere/root.pem: expected a PEM file"),
        (Acme { poll_interval: Duration::ZERO, ..good() }, "acme.poll_interval: must not be 0"),
        (
            Acme { longest_retry: Duration::ZERO, ..good() },
            "acme.longest_retry: must not be shorter",
        ),
    ];
    for (acme, text) in cases {
        let error = Tls::acme(acme).check().unwrap_err().to_string();
        assert!(error.starts_with(text), "expected {text}\ngot {error}");
    }
    let two = Tls::acme(good()).and_acme(names(&["example.com", "www.example.com"]));
    let listeners = vec![Listener::tls(ANYWHERE.into(), two)];
    let error = Server::new(ServerConfig { listeners, ..config() }).bind().unwrap_err().to_string();
    assert!(error.contains("start with the same name"), "{error}");
    authority.stop().await;
}

#[test]
fn the_short_form_orders_its_certificate() {
    let acme = Acme::new(["example.com"]).cache("certificates").agree_to_terms();
    let short = ServerConfig { certificate: acme.into(), tls_redirect: Some(443), ..config() };
    let listeners = short.resolved_listeners();
    assert!(listeners[0].redirect.is_some() && listeners[1].scheme() == "https");
    let nowhere = ServerConfig { certificate: Certificate::None, ..short };
    let error = Server::new(nowhere).bind().unwrap_err().to_string();
    assert!(error.contains("`tls_redirect` leads to TLS, which needs"), "{error}");
}
