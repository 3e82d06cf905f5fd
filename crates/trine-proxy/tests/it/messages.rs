//! How the proxy changes requests and responses.
#![allow(clippy::unwrap_used, reason = "tests")]

use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use trine_core::Body;
use trine_proxy::{Forwarding, Host, Proxy};

use crate::kit;
use crate::kit::{front, get, head, raw, request, say, send, talk, text, upstream, whole};

/// An upstream that answers with the request that it received.
async fn mirror() -> kit::Upstream {
    raw(|mut stream, _| async move {
        let head = head(&mut stream).await;
        say(
            &mut stream,
            &format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len()),
        )
        .await;
    })
    .await
}

async fn mirrored(proxy: impl FnOnce(Proxy) -> Proxy, text: &str) -> String {
    let upstream = mirror().await;
    let front = front(proxy(Proxy::to(upstream.url()).unwrap()));
    talk(front.address, text).await
}

#[tokio::test]
async fn a_request_and_its_response_pass() {
    let upstream = upstream(|request| async move {
        let (method, path) = (request.method().to_string(), request.uri().to_string());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        whole(format!("{method} {path} {}", String::from_utf8_lossy(&body)))
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    assert_eq!(
        get(front.address, "/a%2Fb?x=%20&&y").await,
        (200, "GET /a%2Fb?x=%20&&y ".to_owned())
    );
    let post = request("POST", "/p").map(|_| Body::from("hello"));
    assert_eq!(text(send(front.address, post).await).await, "POST /p hello");
    assert_eq!(upstream.connections(), 1, "the second request reuses the first connection");
}

#[tokio::test]
async fn connection_fields_of_the_client_are_removed() {
    let seen = mirrored(
        |proxy| proxy,
        "GET /x HTTP/1.1\r\nhost: example.com\r\nconnection: close, x-private\r\nkeep-alive: timeout=1\r\n\
         x-private: 1\r\nte: gzip, trailers\r\nproxy-connection: keep-alive\r\nupgrade: h2c\r\n\
         http2-settings: AAMAAABk\r\naccept: */*\r\n\r\n",
    )
    .await;
    let body = seen.split_once("\r\n\r\n").unwrap().1.to_lowercase();
    assert!(body.starts_with("get /x http/1.1\r\n"), "{body}");
    for kept in
        ["host: example.com", "accept: */*", "te: trailers", "connection: te", "via: 1.1 trine"]
    {
        assert!(body.contains(&format!("{kept}\r\n")), "{kept}: {body}");
    }
    for gone in [
        "x-private",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "http2-settings",
        "gzip",
        "close",
    ] {
        assert!(!body.contains(gone), "{gone}: {body}");
    }
}

#[tokio::test]
async fn connection_fields_of_the_upstream_are_removed() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        say(
            &mut stream,
            "HTTP/1.1 200 OK\r\nconnection: x-private\r\nx-private: 1\r\nkeep-alive: timeout=5\r\n\
             proxy-authenticate: Basic\r\nupgrade: h2c\r\nserver: u\r\ntransfer-encoding: chunked\r\n\r\n\
             2\r\nok\r\n0\r\n\r\n",
        )
        .await;
        kit::head(&mut stream).await;
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let response = send(front.address, request("GET", "/")).await;
    let mut names: Vec<_> =
        response.headers().keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["date", "server", "transfer-encoding"]);
    assert_eq!(text(response).await, "ok");
}

#[tokio::test]
async fn the_client_address_is_forwarded_and_cannot_be_spoofed() {
    let lie = "GET / HTTP/1.1\r\nhost: example.com\r\nforwarded: for=1.1.1.1\r\nx-forwarded-for: 1.1.1.1\r\n\
               x-real-ip: 1.1.1.1\r\nconnection: close, forwarded\r\n\r\n";
    let seen = mirrored(|proxy| proxy, lie).await.to_lowercase();
    assert!(seen.contains("forwarded: for=127.0.0.1;host=example.com;proto=http\r\n"), "{seen}");
    assert!(seen.contains("x-forwarded-for: 127.0.0.1\r\n") && !seen.contains("1.1.1.1"), "{seen}");

    let trusted = lie.replace(", forwarded", "");
    let seen =
        mirrored(|proxy| proxy.forwarding(Forwarding::Append), &trusted).await.to_lowercase();
    assert!(
        seen.contains("forwarded: for=1.1.1.1, for=127.0.0.1;host=example.com;proto=http\r\n"),
        "{seen}"
    );

    let seen = mirrored(|proxy| proxy.forwarding(Forwarding::Hide), lie).await.to_lowercase();
    assert!(!seen.contains("forwarded"), "{seen}");
}

/// Seven names used to be removed, but not the same names with `_`, which CGI and WSGI cannot
/// distinguish from `-`.
#[tokio::test]
async fn the_client_cannot_spoof_fields_by_other_names_or_in_trailers() {
    let lie = "POST / HTTP/1.1\r\nhost: example.com\r\nX_Forwarded_For: 1.1.1.1\r\nX-Forwarded-Ssl: on\r\n\
               True-Client-IP: 1.1.1.1\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\nFront-End-Https: on\r\n\
               Proxy: evil.example\r\nX-Request-Id: 7\r\nmy_own: kept\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let seen = mirrored(|proxy| proxy, lie).await.to_lowercase();
    let told = seen.split_once("\r\n\r\n").unwrap().1;
    for gone in ["1.1.1.1", "x_forwarded", "ssl", "true-client", "/admin", "front-end", "evil"] {
        assert!(!told.contains(gone), "{gone}: {told}");
    }
    assert!(told.contains("x-request-id: 7\r\n") && told.contains("my_own: kept\r\n"), "{told}");
    let seen = mirrored(|proxy| proxy.forwarding(Forwarding::Append), lie).await.to_lowercase();
    assert!(seen.contains("x-forwarded-ssl: on\r\n"), "{seen}");

    let upstream = upstream(|request| async move {
        let trailers = request.into_body().collect().await.unwrap().trailers().cloned();
        whole(format!("{trailers:?}"))
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let post = "POST / HTTP/1.1\r\nhost: a\r\ntrailer: x-sum, true-client-ip\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\n\r\n0\r\nx-sum: 42\r\ntrue-client-ip: 1.1.1.1\r\n\r\n";
    let answer = talk(front.address, post).await;
    assert!(answer.contains("x-sum") && !answer.contains("1.1.1.1"), "{answer}");
}

/// The client used to be able to add parameters to `Forwarded`.
#[tokio::test]
async fn a_host_with_parameters_in_it_is_refused() {
    for host in ["x;for=127.0.0.1;proto=https", "a=b", "a;b"] {
        for request in [
            format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
            format!("GET http://{host}/ HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
        ] {
            let answer = mirrored(|proxy| proxy, &request).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{host}: {answer}");
        }
    }
    let odd = "GET / HTTP/1.1\r\nhost: a(b)!:81\r\nconnection: close\r\n\r\n";
    let seen = mirrored(|proxy| proxy, odd).await.to_lowercase();
    assert!(seen.contains("forwarded: for=127.0.0.1;host=\"a(b)!:81\";proto=http\r\n"), "{seen}");
}

/// The proxy's own entry used to end up inside a quote or a comment that the client had opened.
#[tokio::test]
async fn an_open_quote_of_the_client_does_not_swallow_the_proxys_entry() {
    let open = "GET / HTTP/1.1\r\nhost: example.com\r\nforwarded: for=6.6.6.6;x=\"\r\nforwarded: for=7.7.7.7\r\n\
                via: 1.1 a (open\r\nvia: 1.0 b\r\nconnection: close\r\n\r\n";
    let seen = mirrored(|proxy| proxy.forwarding(Forwarding::Append), open).await.to_lowercase();
    let hop = "for=127.0.0.1;host=example.com;proto=http";
    assert!(seen.contains(&format!("forwarded: for=unknown, for=7.7.7.7, {hop}\r\n")), "{seen}");
    assert!(seen.contains("via: 1.0 b, 1.1 trine\r\n"), "{seen}");
    let seen = mirrored(|proxy| proxy, open).await.to_lowercase();
    assert!(seen.contains(&format!("forwarded: {hop}\r\n")), "{seen}");
}

#[tokio::test]
async fn the_host_is_the_clients_or_the_upstreams() {
    let get = "GET / HTTP/1.1\r\nhost: example.com:81\r\nconnection: close\r\n\r\n";
    assert!(mirrored(|proxy| proxy, get).await.contains("host: example.com:81\r\n"));
    assert!(mirrored(|proxy| proxy.host(Host::Upstream), get).await.contains("host: 127.0.0.1:"));
    // The host of an absolute target takes precedence over the field (RFC 9112, section 3.2.2).
    let absolute =
        "GET http://target.example/x HTTP/1.1\r\nhost: field.example\r\nconnection: close\r\n\r\n";
    let seen = mirrored(|proxy| proxy, absolute).await;
    assert!(
        seen.contains("GET /x HTTP/1.1\r\n") && seen.contains("host: target.example\r\n"),
        "{seen}"
    );
}

#[tokio::test]
async fn paths_are_joined_and_prefixes_removed() {
    let upstream = mirror().await;
    let proxy = Proxy::to(format!("{}/base/", upstream.url())).unwrap().strip_prefix("/api");
    let front = front(proxy);
    for (sent, seen) in
        [("/api/a%2fb?q=1%20", "/base/a%2fb?q=1%20"), ("/api", "/base/"), ("/apis", "/base/apis")]
    {
        let (_, body) = get(front.address, sent).await;
        assert!(body.starts_with(&format!("GET {seen} HTTP/1.1\r\n")), "{sent}: {body}");
    }
    for dots in [
        "/api/../admin",
        "/api/%2e%2e/admin",
        "/api/..%2fadmin",
        "/api/..;/admin",
        "/api/..;a=b/admin",
    ] {
        let answer = talk(
            front.address,
            &format!("GET {dots} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{dots}: {answer}");
    }
}

#[tokio::test]
async fn max_forwards_counts_down_and_ends_at_the_proxy() {
    let trace = |left: &str| {
        format!(
            "TRACE /x HTTP/1.1\r\nhost: a\r\nmax-forwards: {left}\r\ncookie: secret\r\nconnection: close\r\n\r\n"
        )
    };
    let seen = mirrored(|proxy| proxy, &trace("2")).await;
    assert!(seen.contains("max-forwards: 1\r\n"), "{seen}");
    let here = mirrored(|proxy| proxy, &trace("0")).await;
    assert!(here.contains("message/http") && here.contains("TRACE /x HTTP/1.1\r\n"), "{here}");
    assert!(!here.contains("secret") && !here.contains("via"), "{here}");
    let options = "OPTIONS * HTTP/1.1\r\nhost: a\r\nmax-forwards: 0\r\nconnection: close\r\n\r\n";
    assert!(mirrored(|proxy| proxy, options).await.starts_with("HTTP/1.1 204 "));
}

#[tokio::test]
async fn responses_without_bodies_keep_their_length() {
    let upstream = raw(|mut stream, _| async move {
        loop {
            if head(&mut stream).await.is_empty() {
                return;
            }
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\n").await;
        }
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    for _ in 0..3 {
        let response = send(front.address, request("HEAD", "/")).await;
        assert_eq!(
            (response.status(), &response.headers()["content-length"]),
            (StatusCode::OK, &"12345".parse().unwrap())
        );
        assert_eq!(text(response).await, "");
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let upstream = upstream(|request| async move {
        let collected = request.into_body().collect().await.unwrap();
        let trailer = collected.trailers().and_then(|trailers| trailers.get("x-sum")).cloned();
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x-back", trailer.unwrap_or_else(|| "none".parse().unwrap()));
        trailers.insert("content-length", "7".parse().unwrap());
        let frames = [
            Ok(http_body::Frame::data("data".into())),
            Ok::<_, std::io::Error>(http_body::Frame::trailers(trailers)),
        ];
        Response::builder()
            .header("trailer", "x-back, content-length")
            .body(Body::new(http_body_util::StreamBody::new(futures_util::stream::iter(frames))))
            .unwrap()
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let answer = talk(
        front.address,
        "POST / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te, close\r\ntrailer: x-sum\r\n\
         transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 42\r\n\r\n",
    )
    .await;
    assert!(answer.contains("4\r\ndata\r\n0\r\nx-back: 42\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn connect_is_refused_by_a_reverse_proxy() {
    let upstream = mirror().await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let answer =
        talk(front.address, "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
    assert_eq!(upstream.connections(), 0);
}
