//! The rules of RFC 9110 and RFC 9112 as a table of bytes to send and expected verdicts, over a
//! real socket.
//!
//! Every case names the section that it tests. After its bytes the runner sends one more request,
//! the probe, so that every verdict also says whether the connection stays open. Where the
//! connection must close, a response to the probe would mean that a request was smuggled. Cases
//! that are cut off end with a FIN instead. The responses are parsed by a reader that is as strict
//! as the server.
#![allow(clippy::unwrap_used, reason = "tests")]

mod answers;
mod chunked;
mod connection;
mod differential;
mod fields;
mod heads;
mod host;
mod length;
mod protocols;
mod reader;
mod request_line;
mod service;
mod table;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use table::{Case, Table, Verdict};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine_server::ServerConfig;

use crate::common;
use crate::common::{http1_alone, start_with};

/// The test fails if the table loses cases unnoticed.
const FEWEST_CASES: usize = 500;

const PROBE: &[u8] = b"GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n";

#[tokio::test]
async fn every_case_gets_its_verdict() {
    let table = whole_table();
    let config = ServerConfig {
        // A wrong case must not stop the whole test.
        keep_alive_timeout: Duration::from_secs(5),
        discard_timeout: Duration::from_secs(2),
        ..http1_alone()
    };
    let server = start_with(config, tower::service_fn(service::answer));
    let address = server.address;
    let wrong: Vec<String> = futures_util::stream::iter(&table.cases)
        .map(|case| judge(address, case))
        .buffer_unordered(64)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    server.stop().await;
    println!("{} cases, {} wrong", table.cases.len(), wrong.len());
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        table.cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_table_is_large_and_its_names_are_unique() {
    let table = whole_table();
    assert!(table.cases.len() >= FEWEST_CASES, "{} cases", table.cases.len());
    let mut names: Vec<&str> = table.cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1], "two cases have one name");
    }
    for case in &table.cases {
        assert!(case.rfc.starts_with("RFC "), "{}: {}", case.name, case.rfc);
    }
}

fn whole_table() -> Table {
    let mut table = Table::default();
    request_line::cases(&mut table);
    fields::cases(&mut table);
    host::cases(&mut table);
    length::cases(&mut table);
    chunked::cases(&mut table);
    connection::cases(&mut table);
    answers::cases(&mut table);
    table
}

/// Describes what is wrong, if anything.
async fn judge(address: SocketAddr, case: &Case) -> Option<String> {
    let mut sent = case.sent.clone();
    if case.probed {
        sent.extend_from_slice(PROBE);
    }
    let received = common::within(talk(address, &sent)).await;
    let expected: usize = match &case.verdict {
        Verdict::Open(answers) | Verdict::Last(answers) => answers.len(),
        Verdict::Silent => 0,
    };
    let result = reader::read(&received, case.heads(PROBE)).and_then(|mut read| {
        let goes_on = matches!(case.verdict, Verdict::Open(_));
        if goes_on && case.probed {
            match read.pop() {
                Some(probe) if probe.status == 200 && probe.head.contains("x-uri: /probe\r\n") => {}
                other => return Err(format!("the probe was not answered; instead {other:?}")),
            }
        }
        if read.len() != expected {
            return Err(format!("{} answers instead of {expected}", read.len()));
        }
        let (Verdict::Open(answers) | Verdict::Last(answers)) = &case.verdict else {
            return Ok(());
        };
        for (at, (answer, read)) in answers.iter().zip(&read).enumerate() {
            answer.check(read).map_err(|how| format!("answer {}: {how}", at + 1))?;
            let last = !goes_on && at + 1 == answers.len() && read.status != 101;
            if read.says_close() != last && read.status >= 200 {
                return Err(format!(
                    "answer {}: `connection: close` is {}",
                    at + 1,
                    read.says_close()
                ));
            }
        }
        Ok(())
    });
    result.err().map(|how| complain(case, &sent, &received, &how))
}

/// Reads everything up to the end or to a reset. A response that a reset cuts off is unreadable.
async fn talk(address: SocketAddr, sent: &[u8]) -> Vec<u8> {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut received = Vec::new();
    // A server that refuses early may close before all of it is sent.
    let _ = stream.write_all(sent).await;
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut received).await;
    received
}

fn complain(case: &Case, sent: &[u8], received: &[u8], how: &str) -> String {
    let mut text = format!("- {} ({}): {how}\n", case.name, case.rfc);
    let _ = writeln!(text, "    expected {:?}", case.verdict);
    let _ = writeln!(text, "    sent     {:?}", excerpt(sent));
    let _ = writeln!(text, "    received {:?}", excerpt(received));
    text
}

fn excerpt(bytes: &[u8]) -> String {
    let text = bytes[..bytes.len().min(600)].escape_ascii().to_string();
    if bytes.len() > 600 { format!("{text}… ({} bytes)", bytes.len()) } else { text }
}
