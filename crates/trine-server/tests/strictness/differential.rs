//! The same bytes to hyper: every difference in what is accepted, and in how it is framed, is on a list with its reason.

use std::convert::Infallible;
use std::net::SocketAddr;

use futures_util::StreamExt as _;
use http::Request;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use trine_core::Body;

use super::table::Case;
use super::{PROBE, common, reader, service, talk, whole_table};

/// What we do otherwise, and why. A case is meant by a part of its name, or by its section.
const DIFFERENCES: &[(&str, &[&str])] = &[
    // hyper hands any Host on, or none; who builds a URL or picks a tenant by it believes the client.
    ("Host must be one and valid (RFC 9112, 3.2)", &["Host", "target \"http://b/\" wins"]),
];

#[tokio::test]
async fn every_difference_to_hyper_is_explained() {
    let table = whole_table();
    let ours = common::start_with(common::config(), tower::service_fn(service::answer));
    let hyper = serve_hyper().await;
    let differences: Vec<(&Case, String)> = futures_util::stream::iter(&table.cases)
        .map(|case| async move {
            let (a, b) = tokio::join!(accepted(ours.address, case), accepted(hyper, case));
            (case, a, b)
        })
        .buffer_unordered(64)
        .filter_map(|(case, ours, hypers)| async move {
            (ours != hypers)
                .then(|| (case, format!("{} ({}): {ours:?}, hyper {hypers:?}", case.name, case.rfc)))
        })
        .collect()
        .await;
    let explains =
        |words: &[&str], case: &Case| words.iter().any(|word| case.name.contains(word) || case.rfc == *word);
    let unexplained: Vec<&str> = differences
        .iter()
        .filter(|(case, _)| !DIFFERENCES.iter().any(|(_, words)| explains(words, case)))
        .map(|(_, text)| text.as_str())
        .collect();
    assert!(unexplained.is_empty(), "{} differences:\n{}", unexplained.len(), unexplained.join("\n"));
    for (reason, words) in DIFFERENCES {
        for word in *words {
            let used = differences.iter().any(|(case, _)| explains(&[word], case));
            assert!(used, "hyper does the same now: {reason}: {word}");
        }
    }
}

/// The answers that say success, each with what the handler was given: of a refusal the status does not matter here.
async fn accepted(address: SocketAddr, case: &Case) -> Vec<String> {
    let mut sent = case.sent.clone();
    if case.probed {
        sent.extend_from_slice(PROBE);
    }
    // Bytes that were received before a reset count.
    let received = common::within(talk(address, &sent)).await;
    let answers = reader::read(&received, case.heads(PROBE));
    let Ok(answers) = answers else { return vec![format!("unreadable: {}", received.escape_ascii())] };
    let accepted =
        answers.iter().filter(|answer| (200..400).contains(&answer.status) || answer.status == 101);
    accepted
        .map(|answer| {
            let told =
                answer.head.lines().filter(|line| line.starts_with("x-") && !line.starts_with("x-host"));
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
            let answer = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async {
                let response = service::answer(request.map(Body::new)).await;
                response.map_err(|never: Infallible| never)
            });
            tokio::spawn(async move {
                // What hyper thinks of the connection's end is its own matter.
                let _ = http1::Builder::new()
                    .half_close(true)
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
    address
}
