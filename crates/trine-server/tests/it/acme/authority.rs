//! A small authority for these tests (RFC 8555). It checks signatures, nonces and proofs as a real
//! authority does, signs certificates, counts requests, and fails where a test wants it to.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use http::{Method, Request, Response, StatusCode};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DnType,
    IsCa, KeyPair, SerialNumber,
};
use rustls::pki_types::CertificateSigningRequestDer;
use serde_json::{Value, json};
use tempfile::TempDir;
use trine_core::Body;
use trine_server::{Acme, Listener, ServerConfig};

use super::jws::{Key, Signed, decode, encode, open};
use super::validate;
use crate::common::pki::{Authority, trusting};
use crate::common::tls::SignedExt as _;
use crate::common::{Running, config, start_with};

/// A running authority: its URL and its state.
pub(crate) struct Test {
    pub(crate) url: String,
    /// The authority that signed the certificate of its HTTPS port, and the file with its root
    /// certificate.
    own: Authority,
    root: PathBuf,
    issuer: Arc<CertifiedIssuer<'static, KeyPair>>,
    desk: Arc<Mutex<Desk>>,
    running: Option<Running>,
    pub(crate) folder: TempDir,
}

/// What the authority knows, and how it behaves.
#[derive(Default)]
pub(crate) struct Desk {
    base: String,
    nonces: HashSet<String>,
    accounts: HashMap<String, Key>,
    pub(crate) contacts: Vec<Value>,
    pub(crate) orders: Vec<Order>,
    /// How many requests of each kind arrived: `nonce`, `account`, `order`, `challenge` and so on.
    pub(crate) counts: HashMap<&'static str, usize>,
    serial: u64,

    /// The addresses that the names lead to, for each type of challenge.
    pub(crate) tls: Option<SocketAddr>,
    pub(crate) http: Option<SocketAddr>,
    /// The lifetime of certificates.
    pub(crate) life: Duration,
    /// How many valid nonces are rejected.
    pub(crate) bad_nonces: usize,
    /// The responses to the next orders.
    pub(crate) trouble: Vec<Response<Body>>,
    /// The window for renewals (RFC 9773). Without one, the authority does not offer the extension.
    pub(crate) window: Option<(&'static str, &'static str)>,
    /// The delay before each response.
    pub(crate) delay: Duration,
    /// Whether the authority checks proofs and then never decides.
    pub(crate) undecided: bool,
}

pub(crate) struct Order {
    names: Vec<Value>,
    key: Key,
    states: Vec<&'static str>,
    problem: String,
    certificate: Option<String>,
    pub(crate) replaces: Value,
}

type Answer = Result<Response<Body>, Infallible>;

impl Test {
    pub(crate) fn start() -> Test {
        let mut test = Test::away();
        test.open();
        test
    }

    /// An authority with a port at which no server listens yet.
    pub(crate) fn away() -> Test {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let base = format!("https://localhost:{port}");
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the authority of the test");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let desk = Desk { base: base.clone(), life: Duration::from_secs(3600), ..Desk::default() };
        let root = folder.path().join("root.pem");
        let own = Authority::new("of the port of the authority");
        std::fs::write(&root, own.pem()).unwrap();
        Test {
            url: format!("{base}/directory"),
            own,
            root,
            issuer: Arc::new(issuer),
            desk: Arc::new(Mutex::new(desk)),
            running: None,
            folder,
        }
    }

    pub(crate) fn open(&mut self) {
        let port = self.url.split(':').nth(2).unwrap().split('/').next().unwrap().parse().unwrap();
        let listener =
            Listener::tls(([127, 0, 0, 1], port).into(), self.own.sign(&["localhost"]).tls());
        let (desk, issuer) = (Arc::clone(&self.desk), Arc::clone(&self.issuer));
        let service = tower::service_fn(move |request| {
            answer(Arc::clone(&desk), Arc::clone(&issuer), request)
        });
        let config = ServerConfig { listeners: vec![listener], workers: 1, ..config() };
        self.running = Some(start_with(config, service));
    }

    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.desk().counts.get(what).copied().unwrap_or_default()
    }

    /// Settings that use this authority and retry soon.
    pub(crate) fn acme(&self, names: &[&str]) -> Acme {
        Acme {
            poll_interval: Duration::from_millis(50),
            first_retry: Duration::from_millis(200),
            ..Acme::new(names.iter().copied())
                .contact("mailto:ops@example.com")
                .cache(self.folder.path().join("cache"))
                .directory(&self.url)
                .roots(&self.root)
                .agree_to_terms()
        }
    }

    /// A client configuration that trusts the certificates of this authority.
    pub(crate) fn trusted(&self) -> Arc<rustls::ClientConfig> {
        Arc::new(trusting(self.issuer.der().clone()))
    }

    pub(crate) async fn close(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    pub(crate) async fn stop(mut self) {
        self.close().await;
    }
}

pub(crate) fn problem(status: u16, kind: &str, detail: &str) -> Response<Body> {
    let text = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail, "status": status });
    let response =
        Response::builder().status(status).header("content-type", "application/problem+json");
    response.body(Body::from(text.to_string())).unwrap()
}

fn json(status: u16, location: Option<String>, value: &Value) -> Response<Body> {
    let mut response =
        Response::builder().status(status).header("content-type", "application/json");
    if let Some(location) = location {
        response = response.header("location", location);
    }
    response.body(Body::from(value.to_string())).unwrap()
}

impl Desk {
    fn nonce(&mut self) -> String {
        self.serial += 1;
        let nonce = encode(format!("nonce {}", self.serial));
        self.nonces.insert(nonce.clone());
        nonce
    }

    fn directory(&self) -> Value {
        let base = &self.base;
        let mut directory = json!({
            "newNonce": format!("{base}/nonce"),
            "newAccount": format!("{base}/account"),
            "newOrder": format!("{base}/order"),
            "revokeCert": format!("{base}/revoke"),
            "keyChange": format!("{base}/key"),
            "meta": { "termsOfService": "https://example.com/terms" },
        });
        if self.window.is_some() {
            directory["renewalInfo"] = format!("{base}/renewal").into();
        }
        directory
    }

    fn order(&self, number: usize) -> Value {
        let (order, base) = (&self.orders[number], &self.base);
        let all = |state| order.states.iter().all(|of_it| *of_it == state);
        let status = match &order.certificate {
            Some(_) => "valid",
            None if order.states.contains(&"invalid") => "invalid",
            None if all("valid") => "ready",
            None => "pending",
        };
        let each =
            (0..order.names.len()).map(|name| format!("{base}/authorization/{number}/{name}"));
        let mut value = json!({
            "status": status,
            "identifiers": order.names,
            "authorizations": each.collect::<Vec<_>>(),
            "finalize": format!("{base}/finalize/{number}"),
        });
        if order.certificate.is_some() {
            value["certificate"] = format!("{base}/certificate/{number}").into();
        }
        if !order.replaces.is_null() {
            value["replaces"] = order.replaces.clone();
        }
        value
    }

    fn authorization(&self, number: usize, name: usize) -> Value {
        let order = &self.orders[number];
        let challenges =
            ["tls-alpn-01", "http-01", "dns-01"].map(|kind| self.challenge(number, name, kind));
        json!({ "status": order.states[name], "identifier": order.names[name], "challenges": challenges })
    }

    fn challenge(&self, number: usize, name: usize, kind: &str) -> Value {
        let order = &self.orders[number];
        let mut value = json!({
            "type": kind,
            "url": format!("{}/challenge/{number}/{name}/{kind}", self.base),
            "token": token(number, name),
            "status": order.states[name],
        });
        if order.states[name] == "invalid" {
            let kind = "urn:ietf:params:acme:error:unauthorized";
            value["error"] = json!({ "type": kind, "detail": order.problem, "status": 403 });
        }
        value
    }
}

fn token(number: usize, name: usize) -> String {
    encode(format!("a token of order {number}, name {name}"))
}

async fn answer(
    desk: Arc<Mutex<Desk>>,
    issuer: Arc<CertifiedIssuer<'static, KeyPair>>,
    request: Request<Body>,
) -> Answer {
    let (parts, body) = request.into_parts();
    let body = body.bytes().await.unwrap();
    let delay = desk.lock().unwrap().delay;
    tokio::time::sleep(delay).await;
    assert!(parts.headers.contains_key("user-agent"), "RFC 8555, 6.1");
    let path: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
    let mut response = match (&parts.method, &*path) {
        (&Method::GET, ["directory"]) => json(200, None, &desk.lock().unwrap().directory()),
        (&Method::HEAD, ["nonce"]) => Response::new(Body::empty()),
        (&Method::GET, ["renewal", identifier]) => renewal(&desk.lock().unwrap(), identifier),
        (&Method::POST, path) => {
            assert_eq!(parts.headers["content-type"], "application/jose+json");
            signed(&desk, &issuer, path, &body)
        }
        _ => problem(404, "malformed", "there is nothing"),
    };
    let kind = [
        "directory",
        "nonce",
        "account",
        "order",
        "authorization",
        "challenge",
        "finalize",
        "certificate",
        "renewal",
    ];
    let kind = kind.into_iter().find(|kind| *kind == path[0]).unwrap();
    // A request for the state of an order does not count as a new order.
    let kind = if kind == "order" && path.len() > 1 { "look" } else { kind };
    let mut desk = desk.lock().unwrap();
    *desk.counts.entry(kind).or_default() += 1;
    if kind != "directory" && kind != "renewal" {
        response.headers_mut().insert("replay-nonce", desk.nonce().parse().unwrap());
    }
    Ok(response)
}

fn renewal(desk: &Desk, identifier: &str) -> Response<Body> {
    let (start, end) = desk.window.unwrap();
    let (_, serial) = identifier.split_once('.').unwrap();
    let known = (1..=desk.serial).any(|number| serial == encode(serial_number(number)));
    assert!(known, "{identifier} is no certificate of this authority");
    let mut response =
        json(200, None, &json!({ "suggestedWindow": { "start": start, "end": end } }));
    response.headers_mut().insert("retry-after", "21600".parse().unwrap());
    response
}

/// The first bit is set, so that the DER encoding begins with a zero byte (RFC 9773, 4.1).
fn serial_number(number: u64) -> Vec<u8> {
    [vec![0x00, 0x80], number.to_be_bytes().to_vec()].concat()
}

fn signed(
    desk: &Arc<Mutex<Desk>>,
    issuer: &CertifiedIssuer<'static, KeyPair>,
    path: &[&str],
    body: &[u8],
) -> Response<Body> {
    let mut now = desk.lock().unwrap();
    let mut whose = None;
    let Signed { header, payload } = open(body, |header| {
        let key = match header["kid"].as_str() {
            Some(account) => now.accounts.get(account).cloned(),
            None => Some(Key::of(&header["jwk"])),
        };
        let known = key
            .clone()
            .unwrap_or_else(|| Key::of(&json!({ "kty": "EC", "crv": "P-256", "x": "", "y": "" })));
        whose = key;
        known
    });
    let Some(key) = whose else {
        return problem(400, "accountDoesNotExist", "nobody has this account");
    };
    assert_eq!(header["url"], format!("{}/{}", now.base, path.join("/")), "RFC 8555, 6.4");
    assert_eq!(header.get("jwk").is_some(), path == ["account"], "RFC 8555, 6.2");
    let fresh = now.nonces.remove(header["nonce"].as_str().unwrap());
    assert!(fresh, "the nonce is unknown or was used twice");
    if now.bad_nonces > 0 {
        now.bad_nonces -= 1;
        return problem(400, "badNonce", "take another one");
    }
    let number = |index: usize| path[index].parse::<usize>().unwrap();
    match path {
        ["account"] => {
            if payload["termsOfServiceAgreed"] != true {
                return problem(403, "userActionRequired", "agree to the terms");
            }
            let url = format!("{}/accounts/{}", now.base, now.accounts.len());
            now.accounts.insert(url.clone(), key);
            now.contacts.push(payload["contact"].clone());
            now.serial += 1;
            json(201, Some(url), &json!({ "status": "valid", "contact": payload["contact"] }))
        }
        ["order"] => {
            if !now.trouble.is_empty() {
                return now.trouble.remove(0);
            }
            let names = payload["identifiers"].as_array().unwrap().clone();
            now.orders.push(Order {
                states: vec!["pending"; names.len()],
                names,
                key,
                problem: String::new(),
                certificate: None,
                replaces: payload["replaces"].clone(),
            });
            let number = now.orders.len() - 1;
            json(201, Some(format!("{}/order/{number}", now.base)), &now.order(number))
        }
        ["order", _] => json(200, None, &now.order(number(1))),
        ["authorization", ..] => json(200, None, &now.authorization(number(1), number(2))),
        ["challenge", _, _, kind] => {
            assert_eq!(payload, json!({}), "RFC 8555, 7.5.1");
            look(desk, &now, number(1), number(2), kind);
            json(200, None, &now.challenge(number(1), number(2), kind))
        }
        ["finalize", _] => {
            let number = number(1);
            let chain = sign(&mut now, issuer, number, decode(&payload["csr"]));
            now.orders[number].certificate = Some(chain);
            json(200, None, &now.order(number))
        }
        ["certificate", _] => {
            let chain = now.orders[number(1)].certificate.clone().unwrap();
            let response =
                Response::builder().header("content-type", "application/pem-certificate-chain");
            response.body(Body::from(chain)).unwrap()
        }
        _ => problem(StatusCode::NOT_FOUND.as_u16(), "malformed", "there is nothing"),
    }
}

/// Validates a challenge.
fn look(shared: &Arc<Mutex<Desk>>, desk: &Desk, number: usize, name: usize, kind: &str) {
    let order = &desk.orders[number];
    let host = order.names[name]["value"].as_str().unwrap().to_owned();
    let token = token(number, name);
    let expected = format!("{token}.{}", order.key.thumbprint);
    let (tls, http, kind, shared) = (desk.tls, desk.http, kind.to_owned(), Arc::clone(shared));
    tokio::spawn(async move {
        let seen = match &*kind {
            "tls-alpn-01" => validate::by_tls(tls.unwrap(), &host, &expected).await,
            "http-01" => validate::by_http(http.unwrap(), &host, &token, &expected).await,
            other => Err(format!("{other} is not looked at")),
        };
        let mut desk = shared.lock().unwrap();
        if desk.undecided {
            return;
        }
        let order = &mut desk.orders[number];
        order.states[name] = if seen.is_ok() { "valid" } else { "invalid" };
        order.problem = seen.err().unwrap_or_default();
    });
}

fn sign(
    desk: &mut Desk,
    issuer: &CertifiedIssuer<'static, KeyPair>,
    number: usize,
    csr: Vec<u8>,
) -> String {
    let order = &desk.orders[number];
    assert!(order.states.iter().all(|state| *state == "valid"), "a certificate without proofs");
    // `rcgen` checks the signature of the request.
    let mut request =
        CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr))
            .unwrap();
    let asked: Vec<String> = request
        .params
        .subject_alt_names
        .iter()
        .map(|name| match name {
            rcgen::SanType::DnsName(name) => name.as_str().to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    let proved: Vec<&str> =
        order.names.iter().map(|name| name["value"].as_str().unwrap()).collect();
    assert_eq!(asked, proved);
    desk.serial += 1;
    let now = SystemTime::now();
    request.params.not_before = now.into();
    request.params.not_after = (now + desk.life).into();
    request.params.use_authority_key_identifier_extension = true;
    request.params.serial_number = Some(SerialNumber::from(serial_number(desk.serial)));
    request.signed_by(issuer).unwrap().pem() + &issuer.pem()
}
