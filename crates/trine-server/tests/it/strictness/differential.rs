//! Sends the same bytes to hyper. Every difference in what is accepted, and in how it is framed, is
//! on a list with its reason.

use std::convert::Infallible;
use std::net::SocketAddr;

use futures_util::StreamExt as _;
use http::Request;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use trine_core::Body;

use super::table::Case;
use super::{PROBE, common, reader, service, talk, whole_table};

/// The differences to hyper and their reasons. Each reason applies to the cases whose name contains
/// one of its texts.
const DIFFERENCES: &[(&str, &[&str])] = &[
    (
        "every request needs a Host, since proxies route by it (RFC 9112, 3.2)",
        &["HEAD that is refused has no body", "a refused request is the last"],
    ),
    ("two Hosts or an invalid one could name two tenants (RFC 9110, 7.2)", &["Host"]),
    (
        "some parsers end a line at a bare LF, which allows smuggling (RFC 9112, 2.2)",
        &["bare LF", "LF LF", "invalid trailers \"X: b\\n\""],
    ),
    (
        "Content-Length and Transfer-Encoding together are an error (RFC 9112, 6.1)",
        &[
            "CL.TE",
            "TE.CL",
            "0.CL",
            "chunked and an invalid length",
            "a length, fields, and chunked",
        ],
    ),
    (
        "a second length is refused, even if it is equal (RFC 9110, 8.6 allows that)",
        &["two lengths", "three lengths"],
    ),
    (
        "a handler must not receive a body that is still encoded (RFC 9112, 6.1)",
        &[
            "unknown Transfer-Encoding",
            "chunked behind another in two lines",
            "the disguised coding comes first",
        ],
    ),
    (
        "chunked occurs once, and a list of codings has no empty elements (RFC 9112, 6.3 and 7)",
        &[
            "misplaced Transfer-Encoding",
            "chunked twice in two lines",
            "chunked in another case twice",
        ],
    ),
    (
        "a target has one of four forms, and the form must suit the method (RFC 9112, 3.2)",
        &[
            "GET *",
            "HEAD *",
            "POST *",
            "TRACE *",
            "PRI *",
            "OPTIONS **",
            "with an authority",
            "bad CONNECT",
            "CONNECT with a",
        ],
    ),
    (
        "an absolute target has the scheme http or https and a valid host (RFC 9110, 4.2)",
        &["bad absolute target", "bad target"],
    ),
    (
        "a target with the scheme https needs TLS or a trusted proxy (RFC 9110, 7.4)",
        &["an absolute target of https in clear text"],
    ),
    (
        "a target has no fragment, no backslash and only ASCII characters (RFC 3986, 2)",
        &["byte 0x23 in a path", "byte 0x5c in a path", "backslash", "raw UTF-8"],
    ),
    (
        "bytes after a CONNECT that opens no tunnel are not a request (RFC 9931)",
        &["a CONNECT that a service", "a CONNECT that opens no tunnel"],
    ),
    (
        "trailers must not frame, route or authorize a request (RFC 9110, 6.5.1)",
        &["forbidden trailer"],
    ),
    (
        "chunk lines have no control characters, trailing spaces or 17th digit (RFC 9112, 7.1)",
        &["invalid chunk extension", "invalid extension of the last chunk", "invalid chunk size"],
    ),
    (
        "an unknown expectation is refused (RFC 9110, 10.1.1)",
        &["unknown Expect", "an unknown expectation"],
    ),
    (
        "the default limits of Trine are lower",
        &[
            "a head of 64 KiB and a byte",
            "a target of 8193 bytes",
            "small extensions of more than",
            "trailers of 8 KiB and",
        ],
    ),
    (
        "a handler cannot change the framing of 204, 205 and 1xx (RFC 9110, 15)",
        &[
            "205 has no body",
            "an interim status is no answer",
            "101 without being asked",
            "HTTP/1.0 gets no 101 from",
            "a handler's own framing",
        ],
    ),
    (
        "an upgrade that the service has dropped cannot succeed (RFC 9110, 7.8 and 9.3.6)",
        &["by a service that drops its upgrade"],
    ),
    (
        "long methods are not implemented, and empty lines are limited (RFC 9112, 3 and 2.2)",
        &["a method of", "empty lines before"],
    ),
    (
        "the service uses the upgrade type of Trine, which does not exist in hyper",
        &["an upgrade by", "opens a tunnel"],
    ),
];

/// For these cases, the verdict of hyper depends on the order in which bytes arrive.
const UNDECIDED: &[&str] = &["an early answer", "while much is still sent"];

#[tokio::test]
async fn every_difference_to_hyper_is_explained() {
    let table = whole_table();
    let ours = common::start_with(common::http1_alone(), tower::service_fn(service::answer));
    let hyper = serve_hyper().await;
    let differences: Vec<(&Case, String)> = futures_util::stream::iter(&table.cases)
        .filter(|case| std::future::ready(!UNDECIDED.iter().any(|name| case.name.contains(name))))
        .map(|case| async move {
            let (a, b) = tokio::join!(accepted(ours.address, case), accepted(hyper, case));
            (case, a, b)
        })
        .buffer_unordered(64)
        .filter_map(|(case, ours, hypers)| async move {
            (ours != hypers).then(|| {
                (case, format!("{} ({}): {ours:?}, hyper {hypers:?}", case.name, case.rfc))
            })
        })
        .collect()
        .await;
    let explains = |words: &[&str], case: &Case| words.iter().any(|word| case.name.contains(word));
    let unexplained: Vec<&str> = differences
        .iter()
        .filter(|(case, _)| !DIFFERENCES.iter().any(|(_, words)| explains(words, case)))
        .map(|(_, text)| text.as_str())
        .collect();
    assert!(
        unexplained.is_empty(),
        "{} differences:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
    for (reason, words) in DIFFERENCES {
        for word in *words {
            let used = differences.iter().any(|(case, _)| explains(&[word], case));
            assert!(used, "hyper does the same now: {reason}: {word}");
        }
    }
}

/// The successful responses, each with the request that the handler saw. The status of a refusal
/// does not matter here.
async fn accepted(address: SocketAddr, case: &Case) -> Vec<String> {
    let mut sent = case.sent.clone();
    if case.probed {
        sent.extend_from_slice(PROBE);
    }
    let mut received = common::within(talk(address, &sent)).await;
    // hyper answers with the version of the request. RFC 9112, 2.3 allows either.
    for at in 0..received.len() {
        if received[at..].starts_with(b"HTTP/1.0 ") {
            received[at + 7] = b'1';
        }
    }
    let answers = reader::read(&received, case.heads(PROBE));
    let Ok(answers) = answers else {
        return vec![format!("unreadable: {}", received.escape_ascii())];
    };
    let accepted =
        answers.iter().filter(|answer| (200..400).contains(&answer.status) || answer.status == 101);
    accepted
        .map(|answer| {
            let told = answer
                .head
                .lines()
                .filter(|line| line.starts_with("x-") && !line.starts_with("x-host"));
            let told: Vec<&str> = told.filter(|line| !line.starts_with("x-version")).collect();
            format!("{} {} {}", answer.status, told.join(" "), answer.body.escape_ascii())
        })
        .collect()
}

async fn serve_hyper() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer =
                hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async {
                    let response = service::answer(request.map(Body::new)).await;
                    response.map_err(|never: Infallible| never)
                });
            tokio::spawn(async move {
                // hyper may report errors about the end of a connection.
                let _ = http1::Builder::new()
                    .half_close(true)
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
    address
}
