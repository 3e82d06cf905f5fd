//! Attacks by clients. The server is a separate process, so that its memory and CPU time can be
//! measured. It runs with every limit at its default.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::time::Duration;

use trine_server::{HyperUpgrades, Server, ServerConfig};

use super::peer::{self, *};
use crate::common::child::{Attacked, MIB, service};
use crate::common::{config, within};

/// The program of the process that [`Child::start`] starts.
#[tokio::test]
#[ignore = "not a test: the server of the other tests"]
async fn the_server_itself() {
    let config = ServerConfig { workers: 1, ..config() };
    let bound = Server::new(config).bind().unwrap();
    println!("\nlistening on {}", bound.local_addr());
    bound.serve(HyperUpgrades(tower::service_fn(service))).await.unwrap();
}

struct Child {
    process: Attacked,
    address: SocketAddr,
}

impl Child {
    async fn start() -> Child {
        let (process, address) = Attacked::start("http2::attacks::the_server_itself");
        let mut child = Child { process, address: address.parse().unwrap() };
        // Allocations for the first connection and request do not count as growth.
        let mut peer = Peer::connect(child.address).await;
        assert!(peer.lives(1).await);
        child.process.note_memory();
        child
    }

    async fn calls(&self) -> usize {
        let mut peer = Peer::connect(self.address).await;
        peer.send(get(1, "/calls")).await;
        String::from_utf8(peer.answer(1).await.body).unwrap().parse().unwrap()
    }

    /// Sends a piece again and again until the server ends the connection, and returns the error
    /// code.
    async fn flood(&self, peer: Peer, piece: Vec<u8>, times: usize) -> Option<u32> {
        let (mut reading, mut writing) = tokio::io::split(peer.0);
        let sending = tokio::spawn(async move {
            let many = piece.repeat(times.min(64));
            for _ in 0..times.div_ceil(64) {
                if tokio::io::AsyncWriteExt::write_all(&mut writing, &many).await.is_err() {
                    break;
                }
            }
            writing
        });
        let mut read = Vec::new();
        let _ = within(tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut read)).await;
        drop(within(sending).await);
        last_goaway(&read)
    }

    /// Asserts that the server still serves others, has not grown by more than `most` bytes, and
    /// has used little CPU time.
    async fn is_well(&self, most: u64) {
        assert!(Peer::connect(self.address).await.lives(1).await);
        self.process.is_modest(most);
    }
}

fn last_goaway(mut bytes: &[u8]) -> Option<u32> {
    let mut code = None;
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        if *kind == GOAWAY {
            code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        bytes = rest;
    }
    code
}

/// CVE-2023-44487: the client opens and resets streams as fast as it can write.
#[tokio::test]
async fn rapid_reset_ends_after_a_few_calls() {
    let child = Child::start().await;
    let before = child.calls().await;
    let peer = Peer::connect(child.address).await;
    let pairs: Vec<u8> = (0..20_000)
        .map(|at| 2 * at + 1)
        .flat_map(|id| [get(id, "/never"), reset(id)].concat())
        .collect();
    assert_eq!(child.flood(peer, pairs, 1).await, Some(ENHANCE_YOUR_CALM));
    assert!(child.calls().await - before < 100, "{} calls", child.calls().await - before);
    child.is_well(8 * MIB).await;
}

/// The rapid reset again, slowly enough that each call has begun.
#[tokio::test]
async fn resets_after_the_call_are_counted_too() {
    let child = Child::start().await;
    let before = child.calls().await;
    let mut peer = Peer::connect(child.address).await;
    for at in 0..1_000 {
        peer.send([get(2 * at + 1, "/never"), ping()].concat()).await;
        peer.until(|frame| frame.kind == PING).await.unwrap();
        peer.send(reset(2 * at + 1)).await;
    }
    assert_eq!(child.calls().await - before, 1_000);
    peer.send([get(2001, "/never"), reset(2001)].concat()).await;
    assert_eq!(peer.goaway().await, Some(ENHANCE_YOUR_CALM));
    child.is_well(8 * MIB).await;
}

/// CVE-2024-27316 and its siblings: a header block without an end.
#[tokio::test]
async fn an_endless_header_block_ends_the_connection() {
    for piece in [block(&[("x-filler", &"y".repeat(8_000))]), field("a", "b"), Vec::new()] {
        let child = Child::start().await;
        let mut peer = Peer::connect(child.address).await;
        peer.send(frame(HEADERS, 0, 1, block(&peer::request("GET", "/hello")))).await;
        let code = child.flood(peer, frame(CONTINUATION, 0, 1, &piece), 50_000).await;
        assert!(
            matches!(code, Some(ENHANCE_YOUR_CALM | COMPRESSION_ERROR)),
            "{code:?} of {} bytes",
            piece.len()
        );
        child.is_well(8 * MIB).await;
    }
}

/// A large field is added to the table once, and each later reference to it takes one byte (RFC
/// 7541, 7.3).
#[tokio::test]
async fn a_header_block_that_decodes_to_much_is_refused() {
    let child = Child::start().await;
    let mut peer = Peer::connect(child.address).await;
    // A literal with indexing: 4,000 bytes in the table, with index 62 from then on.
    let mut bomb = field("x-bomb", &"y".repeat(4_000));
    bomb[0] = 0x40;
    let mut fields = block(&peer::request("GET", "/hello"));
    fields.extend(bomb);
    fields.extend([0x80 | 62; 8_000]);
    peer.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields)).await;
    let answer = peer.answer(1).await;
    assert!(answer.status == Some(431) || answer.goaway == Some(ENHANCE_YOUR_CALM), "{answer:?}");
    // The table has the size that the server announced, whatever the client asks for.
    let mut peer = Peer::connect(child.address).await;
    let mut larger = vec![0x3f, 0xe1, 0xff, 0x03];
    larger.extend(block(&peer::request("GET", "/hello")));
    peer.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, larger)).await;
    assert!(matches!(peer.goaway().await, Some(COMPRESSION_ERROR | PROTOCOL_ERROR)));
    child.is_well(8 * MIB).await;
}

/// CVE-2019-9512, 9515, 9513, 9516, 9518: frames that carry nothing, and that each require work or
/// a reply.
#[tokio::test]
async fn floods_of_frames_that_carry_nothing_end_the_connection() {
    let open = || [post(1, "/never"), get(3, "/never")].concat();
    let floods: [(&str, Vec<u8>); 7] = [
        ("SETTINGS", settings(&[])),
        ("PING", ping()),
        ("PRIORITY", frame(PRIORITY, 0, 1, [0, 0, 0, 3, 7])),
        ("WINDOW_UPDATE", window_update(3, 1)),
        ("empty DATA", frame(DATA, 0, 1, [])),
        ("padded DATA of nothing", frame(DATA, PADDED, 1, [1, 0])),
        ("unknown", frame(200, 0, 0, [])),
    ];
    for (name, piece) in floods {
        let child = Child::start().await;
        let mut peer = Peer::connect(child.address).await;
        peer.send(open()).await;
        assert_eq!(child.flood(peer, piece, 200_000).await, Some(ENHANCE_YOUR_CALM), "{name}");
        child.is_well(8 * MIB).await;
    }
}

/// Replies that the client does not read must not accumulate, here the acknowledgements of pings.
#[tokio::test]
async fn a_client_that_pings_and_does_not_read_is_not_read_either() {
    let child = Child::start().await;
    let mut peer = Peer::connect(child.address).await;
    let pings = ping().repeat(1_000);
    let sending = async {
        for _ in 0..100_000 {
            if !peer.try_send(&pings).await {
                break;
            }
        }
    };
    // Either the write blocks, or the server has ended the connection.
    let _ = tokio::time::timeout(Duration::from_secs(2), sending).await;
    child.is_well(8 * MIB).await;
}

/// Windows that never open (CVE-2019-9511, 9517). The server produces only as much of a response as
/// the client accepts.
#[tokio::test]
async fn endless_responses_with_closed_windows_cost_a_buffer_each() {
    let child = Child::start().await;
    let mut peer = Peer::with(child.address, &[(4, 0)]).await;
    for at in 0..128 {
        peer.send(get(2 * at + 1, "/endless")).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    child.is_well(16 * MIB).await;
    // One byte at a time.
    for at in 0..128 {
        peer.send(window_update(2 * at + 1, 1)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    child.is_well(16 * MIB).await;
    // All windows are as large as possible, and the client reads nothing.
    for at in 0..128 {
        peer.send(window_update(2 * at + 1, 1 << 30)).await;
    }
    peer.send(window_update(0, 1 << 30)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    child.is_well(24 * MIB).await;
}

/// A body that the handler does not read fills its window and no more.
#[tokio::test]
async fn unread_bodies_are_bounded_by_the_connection_window() {
    let child = Child::start().await;
    let mut peer = Peer::connect(child.address).await;
    let mut sent = 0;
    for at in 0..64 {
        peer.send(post(2 * at + 1, "/never")).await;
    }
    // The window of the connection is 1 MiB, and 16 KiB of each body do not count. To send more is
    // an error.
    let most = (64 + 1) * 16 * 1024 + 1024 * 1024;
    for at in (0..64).cycle() {
        if sent > most
            || !peer.try_send(frame(DATA, 0, 2 * at + 1, vec![b'x'; 16 * 1024 - 1])).await
        {
            break;
        }
        sent += 16 * 1024 - 1;
    }
    assert_eq!(peer.goaway().await, Some(FLOW_CONTROL_ERROR));
    child.is_well(8 * MIB).await;
    // Many small frames use more memory than the data that they carry.
    let mut peer = Peer::connect(child.address).await;
    peer.send(post(1, "/never")).await;
    assert_eq!(child.flood(peer, frame(DATA, 0, 1, "x"), 400_000).await, Some(ENHANCE_YOUR_CALM));
    child.is_well(16 * MIB).await;
}

/// More streams than are allowed, and streams that must be reset. The server refuses a limited
/// number of them before it ends the connection.
#[tokio::test]
async fn streams_that_must_be_refused_again_and_again_end_the_connection() {
    let child = Child::start().await;
    let mut peer = Peer::connect(child.address).await;
    let many: Vec<u8> = (0..129).flat_map(|at| get(2 * at + 1, "/never")).collect();
    peer.send(many).await;
    assert_eq!(peer.answer(2 * 128 + 1).await.reset, Some(REFUSED_STREAM));
    let more: Vec<u8> = (129..10_000).flat_map(|at| get(2 * at + 1, "/never")).collect();
    assert_eq!(child.flood(peer, more, 1).await, Some(ENHANCE_YOUR_CALM));

    let peer = Peer::connect(child.address).await;
    let mut wrong = peer::request("GET", "/hello");
    wrong.push(("connection", "close"));
    let all: Vec<u8> = (0..1_000)
        .flat_map(|at| frame(HEADERS, END_STREAM | END_HEADERS, 2 * at + 1, block(&wrong)))
        .collect();
    assert_eq!(child.flood(peer, all, 1).await, Some(ENHANCE_YOUR_CALM));
    child.is_well(8 * MIB).await;
}
