//! An application behind proxies, over real sockets: what its configuration says, and which peers
//! it trusts.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use http_body_util::BodyExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tower::ServiceExt as _;
use trine::config::Config;
use trine::extract::Client;
use trine::https::{Hsts, HttpsRedirect};
use trine::prelude::*;
use trine_server::{ForwardedBy, Listener, Server, ServerHandle};

#[get("/whoami")]
async fn whoami(client: Client) -> String {
    let address =
        client.address.map_or_else(|| "somebody".to_owned(), |address| address.to_string());
    format!("{address} {} {}", client.scheme(), client.host.as_deref().unwrap_or("nowhere"))
}

fn read(text: &str) -> Config {
    Config::read(text, []).unwrap_or_else(|error| panic!("{error}"))
}

/// Serves on the listeners of this configuration, and returns the port of the first one.
async fn start(text: &str) -> (u16, ServerHandle) {
    serve(text, App::new().routes(routes![whoami])).await
}

async fn serve(text: &str, app: App) -> (u16, ServerHandle) {
    let mut config = read(text);
    config.server.signals = false;
    let bound = Server::new(config.server.clone()).bind().unwrap();
    let port = bound.local_addrs().find_map(|address| address.tcp()).unwrap().port();
    let handle = bound.handle();
    let service = app.config(config).build().await.unwrap();
    tokio::spawn(bound.serve(service));
    (port, handle)
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    before: &str,
    fields: &str,
) -> String {
    let request = format!(
        "{before}GET /whoami HTTP/1.1\r\nHost: direct.example\r\nConnection: close\r\n{fields}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap();
    // A client that is refused before its request is read gets a reset.
    read.map(drop)
        .or_else(
            |error| if error.kind() == ErrorKind::ConnectionReset { Ok(()) } else { Err(error) },
        )
        .unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

async fn tcp(port: u16, before: &str, fields: &str) -> String {
    ask(TcpStream::connect(("127.0.0.1", port)).await.unwrap(), before, fields).await
}

async fn unix(path: &Path, fields: &str) -> String {
    ask(UnixStream::connect(path).await.unwrap(), "", fields).await
}

const SPOOFED: &str = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n\
                       Forwarded: for=6.6.6.6;proto=https;host=evil.example\r\n";

#[tokio::test]
async fn without_a_list_no_proxy_is_trusted() {
    let (port, handle) = start("port = 0\nworkers = 1").await;
    assert_eq!(tcp(port, "", SPOOFED).await, "127.0.0.1 http direct.example");
    handle.shutdown();
}

#[tokio::test]
async fn a_listed_proxy_is_trusted_and_its_clients_are_not() {
    let (port, handle) = start("port = 0\nworkers = 1\ntrusted_proxies = '127.0.0.0/8'").await;
    let through = "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-Proto: https\r\n\
                   Forwarded: for=6.6.6.6;host=evil.example\r\n";
    assert_eq!(tcp(port, "", through).await, "203.0.113.7 https direct.example");
    handle.shutdown();

    let (port, handle) =
        start("port = 0\nworkers = 1\ntrusted_proxies = '127.0.0.1'\nforwarded_by = 'forwarded'")
            .await;
    let through =
        "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6, for=203.0.113.7;host=app.example\r\n";
    assert_eq!(tcp(port, "", through).await, "203.0.113.7 http app.example");
    let hidden = "Forwarded: for=6.6.6.6;host=evil.example;x=\", for=203.0.113.7\r\n";
    assert_eq!(tcp(port, "", hidden).await, "somebody http direct.example");
    handle.shutdown();
}

/// The head of the response to a request for `/` with these header fields.
async fn head(port: u16, fields: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: app.example\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
    };
    timeout(Duration::from_secs(10), read).await.unwrap();
    String::from_utf8(answer).unwrap().to_lowercase()
}

const BELIEVED: &str = "port = 0\nworkers = 1\ntrusted_proxies = '127.0.0.1'";
const ALONE: &str = "port = 0\nworkers = 1";

/// Everything that depends on whether the request came over TLS uses what the client said to the
/// proxy, if the proxy is trusted. It used to look at the connection to the proxy.
async fn over_tls(app: fn() -> App, ask: &str, tells: impl Fn(&str) -> bool) {
    for (config, said, expected) in [
        (BELIEVED, "X-Forwarded-Proto: https\r\n", true),
        (BELIEVED, "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n", true),
        (BELIEVED, "X-Forwarded-Proto: http\r\n", false),
        (BELIEVED, "", false),
        // No proxy is trusted.
        (ALONE, "X-Forwarded-Proto: https\r\n", false),
        // The header field of the other kind of proxy is ignored.
        (BELIEVED, "Forwarded: proto=https\r\n", false),
    ] {
        let (port, handle) = serve(config, app()).await;
        let head = head(port, &format!("{ask}{said}")).await;
        assert_eq!(tells(&head), expected, "{config}\n{said}\n{head}");
        handle.shutdown();
    }
}

#[tokio::test]
async fn cookies_are_secure_if_the_proxy_reports_https() {
    async fn visit(mut cookies: Cookies) {
        cookies.add(("a", "1"));
    }
    let app = || App::new().route("/", get(visit));
    over_tls(app, "", |head| {
        head.contains("set-cookie: a=1; httponly; samesite=lax; secure; path=/")
    })
    .await;
}

#[tokio::test]
async fn hsts_is_sent_if_the_proxy_reports_https() {
    let app =
        || App::new().route("/", get(async || "page")).layer(Hsts::new(Duration::from_secs(60)));
    over_tls(app, "", |head| head.contains("strict-transport-security: max-age=60")).await;
}

#[tokio::test]
async fn a_layer_redirects_to_https_unless_the_proxy_reports_https() {
    let app = || App::new().route("/", get(async || "page")).layer(HttpsRedirect::new());
    over_tls(app, "", |head| match head.contains("location: https://app.example/") {
        true => false,
        false => head.starts_with("http/1.1 200"),
    })
    .await;
}

#[tokio::test]
async fn a_listener_redirects_to_https_unless_the_proxy_reports_https() {
    for (trusted, said, expected) in [
        ("'127.0.0.1'", "X-Forwarded-Proto: https\r\n", "http/1.1 200"),
        ("'127.0.0.1'", "X-Forwarded-Proto: http\r\n", "http/1.1 308"),
        ("'10.0.0.1'", "X-Forwarded-Proto: https\r\n", "http/1.1 308"),
    ] {
        let config = format!(
            "workers = 1\nlisteners = ['http://127.0.0.1:0 redirect']\ntrusted_proxies = {trusted}"
        );
        let (port, handle) = serve(&config, App::new().route("/", get(async || "page"))).await;
        let head = head(port, said).await;
        assert!(head.starts_with(expected), "{trusted} {said}\n{head}");
        handle.shutdown();
    }
}

/// An attacker on the network can forge a page over `http`. It has another origin than a client
/// over TLS.
#[cfg(feature = "ws")]
#[tokio::test]
async fn a_websocket_is_for_https_pages_if_the_proxy_reports_https() {
    async fn socket(ws: WebSocket) -> Response {
        ws.on_upgrade(async |_socket| ())
    }
    let app = || App::new().route("/", get(socket));
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let plain = format!("{upgrade}Origin: http://app.example\r\n");
    over_tls(app, &plain, |head| match head.starts_with("http/1.1 101") {
        true => false,
        false => head.starts_with("http/1.1 403"),
    })
    .await;
    // A page over `https` is always allowed, since a proxy that the configuration does not name may
    // terminate TLS.
    let (port, handle) = serve(ALONE, app()).await;
    assert!(
        head(port, &format!("{upgrade}Origin: https://app.example\r\n"))
            .await
            .starts_with("http/1.1 101")
    );
    handle.shutdown();
}

/// The address in the PROXY header decides: the balancer's own address is trusted here, and its
/// clients' addresses are not.
#[tokio::test]
async fn behind_a_connection_balancer_the_client_itself_must_be_trusted() {
    let (port, handle) = start(
        "workers = 1\nlisteners = ['http://127.0.0.1:0 proxy=127.0.0.0/8']\ntrusted_proxies = ['127.0.0.1', '10.0.0.0/8']",
    )
    .await;
    let client = "PROXY TCP4 198.51.100.9 127.0.0.1 1 80\r\n";
    assert_eq!(tcp(port, client, SPOOFED).await, "198.51.100.9 http direct.example");
    let proxy = "PROXY TCP4 10.0.0.3 127.0.0.1 1 80\r\n";
    assert_eq!(tcp(port, proxy, SPOOFED).await, "6.6.6.6 https evil.example");
    assert_eq!(tcp(port, "", SPOOFED).await, "");
    handle.shutdown();
}

#[tokio::test]
async fn peers_of_a_unix_socket_are_trusted_if_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let at =
        format!("workers = 1\nlisteners = ['http://127.0.0.1:0', 'unix:{}']\n", path.display());
    let (_, handle) = start(&at).await;
    assert_eq!(unix(&path, SPOOFED).await, "somebody http direct.example");
    handle.shutdown();
    timeout(Duration::from_secs(10), async {
        while path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();

    let (port, handle) = start(&format!("{at}trusted_proxies = 'unix'")).await;
    assert_eq!(unix(&path, SPOOFED).await, "6.6.6.6 https evil.example");
    assert_eq!(tcp(port, "", SPOOFED).await, "127.0.0.1 http direct.example");
    handle.shutdown();
}

/// A request without information about its connection used to be trusted as if it had come over a
/// Unix socket.
#[tokio::test]
async fn under_a_foreign_server_no_client_counts_as_a_unix_socket() {
    let config = read("trusted_proxies = 'unix'");
    let service = App::new().config(config).routes(routes![whoami]).build().await.unwrap();
    let says = async |service: trine::AppService| {
        let request = http::Request::get("/whoami")
            .header("host", "direct.example")
            .header("x-forwarded-for", "6.6.6.6")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "evil.example");
        let answer = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    };
    // This is how a hyper server calls the service.
    assert_eq!(says(service.clone()).await, "somebody http direct.example");
    assert_eq!(says(service.on(ConnInfo::unknown())).await, "somebody http direct.example");
    assert_eq!(says(service.on(ConnInfo::unix())).await, "6.6.6.6 https evil.example");
}

#[test]
fn listeners_and_networks_are_lists_in_the_file_and_the_environment() {
    let socket = Listener { unix_mode: 0o600, ..Listener::unix("/run/app.sock") };
    let places = vec![Listener::tcp(([0, 0, 0, 0], 80).into()), socket];
    let networks = ["10.0.0.0/8", "unix"].map(|network| network.parse().unwrap()).to_vec();
    let file = "listeners = ['http://0.0.0.0:80', 'unix:/run/app.sock mode=600']\n\
                trusted_proxies = ['10.0.0.0/8', 'unix']\nforwarded_by = 'forwarded'";
    let environment = [
        ("TRINE_LISTENERS", "http://0.0.0.0:80, unix:/run/app.sock mode=600"),
        ("TRINE_TRUSTED_PROXIES", "10.0.0.0/8,unix"),
        ("TRINE_FORWARDED_BY", "forwarded"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for config in [read(file), Config::read("", environment).unwrap()] {
        assert_eq!(config.server.listeners, places);
        assert_eq!(config.server.trusted_proxies, networks);
        assert_eq!(config.server.forwarded_by, ForwardedBy::Forwarded);
    }
}

#[test]
fn an_invalid_listener_or_network_is_reported_with_its_line() {
    let text = "port = 1\nlisteners = ['http://localhost:80']\ntrusted_proxies = ['10.0.0.0/33']\nforwarded_by = 'both'\n";
    let errors = Config::read(text, []).unwrap_err().0;
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    for (told, (start, end)) in told.iter().zip([
        (
            "trine.toml:2: `listeners`: expected a list of listeners such as `http://0.0.0.0:80`",
            "got `http://localhost:80`",
        ),
        (
            "trine.toml:3: `trusted_proxies`: expected a list of networks such as `10.0.0.0/8`",
            "got `10.0.0.0/33`",
        ),
        ("trine.toml:4: `forwarded_by`: expected `x-forwarded` or `forwarded`", "got `both`"),
    ]) {
        assert!(told.starts_with(start) && told.ends_with(end), "{told}");
    }
    assert_eq!(told.len(), 3, "{told:?}");
}
