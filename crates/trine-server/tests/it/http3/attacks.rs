//! Attacks by clients. The server is a separate process, so that its memory and CPU time can be
//! measured. It runs with every limit at its default.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quinn::{ClientConfig, Connection, TransportConfig};
use rustls::pki_types::CertificateDer;
use trine_server::{HyperUpgrades, Server, ServerConfig};

use super::limits::Relay;
use super::peer::{self, *};
use crate::common::child::{Attacked, MIB, service};
use crate::common::{config, within};

const EXCESSIVE_LOAD: u64 = 0x107;

/// The program of the process that [`Child::start`] starts.
#[tokio::test]
#[ignore = "not a test: the server of the other tests"]
async fn the_server_itself() {
    let (place, certificate) = peer::place(&config());
    let config = ServerConfig { workers: 1, listeners: vec![place], ..config() };
    let bound = Server::new(config).bind().unwrap();
    let certificate: String = certificate.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("\nlistening on {} {certificate}", bound.local_addr());
    bound.serve(HyperUpgrades(tower::service_fn(service))).await.unwrap();
}

pub struct Child {
    process: Attacked,
    address: SocketAddr,
    certificate: CertificateDer<'static>,
}

impl Child {
    pub async fn start() -> Child {
        let (process, said) = Attacked::start("http3::attacks::the_server_itself");
        let (address, certificate) = said.split_once(' ').unwrap();
        let byte = |at: usize| u8::from_str_radix(&certificate[at..at + 2], 16).unwrap();
        let certificate: Vec<u8> = (0..certificate.len()).step_by(2).map(byte).collect();
        let mut child =
            Child { process, address: address.parse().unwrap(), certificate: certificate.into() };
        // Allocations for the first connections and requests do not count as growth.
        for _ in 0..3 {
            child.calls().await;
        }
        child.process.note_memory();
        child
    }

    pub fn cpu_time(&self) -> Duration {
        self.process.cpu_time()
    }

    fn client_config(&self) -> ClientConfig {
        peer::client_config(&self.certificate, b"h3")
    }

    async fn quic_with(&self, transport: TransportConfig) -> Connection {
        let mut config = self.client_config();
        config.transport_config(Arc::new(transport));
        within(endpoint().connect_with(config, self.address, "localhost").unwrap()).await.unwrap()
    }

    pub async fn raw(&self) -> Raw {
        Raw::over(self.quic_with(TransportConfig::default()).await).await
    }

    async fn calls(&self) -> usize {
        let mut client = peer::Client::over(self.quic_with(TransportConfig::default()).await).await;
        client.get("/calls").await.text().parse().unwrap()
    }

    /// Asserts that the server still serves others, has not grown by more than `most` bytes, and
    /// has used little CPU time.
    async fn is_well(&self, most: u64) {
        self.calls().await;
        self.process.is_modest(most);
    }
}

/// Opens streams with these bytes and drops both of their sides at once, until the server ends the
/// connection.
async fn flood(client: &Raw, bytes: &[u8], most: usize) -> usize {
    for sent in 0..most {
        let Ok((mut send, mut receive)) = within(client.quic.open_bi()).await else { return sent };
        if send.write_all(bytes).await.is_err() {
            return sent;
        }
        let _ = send.reset(0x10c_u32.into());
        let _ = receive.stop(0x10c_u32.into());
    }
    panic!("the connection is still open after {most} streams");
}

/// CVE-2023-44487: the client opens and resets streams as fast as it can write.
#[tokio::test]
async fn rapid_reset_ends_after_a_few_calls() {
    let child = Child::start().await;
    let before = child.calls().await;
    let client = child.raw().await;
    flood(&client, &head("GET", "/never", &[]), 20_000).await;
    assert_eq!(client.closed().await, EXCESSIVE_LOAD);
    let calls = child.calls().await - before;
    // The client may reset 200 requests, and 128 more can be open by then.
    assert!(calls <= 328, "{calls} calls");
    child.is_well(8 * MIB).await;
}

/// CVE-2025-8671, in which the server resets the streams: each request is opened and then breaks a
/// rule, so that the server must reset it.
#[tokio::test]
async fn requests_that_must_be_reset_again_and_again_end_the_connection() {
    let child = Child::start().await;
    let head = head("POST", "/length", &[("content-length", "1")]);
    for bytes in [
        [&head[..], &frame(0, b"xx")].concat(),
        [&head[..], &frame(0x21, &[]).repeat(9_000)].concat(),
        peer::head("GET", "/hello", &[("connection", "close")]),
    ] {
        let client = child.raw().await;
        let mut sent = 0;
        while let Ok((mut send, mut receive)) = within(client.quic.open_bi()).await {
            let _ = send.write_all(&bytes).await;
            let _ = within(receive.read_to_end(10_000)).await;
            sent += 1;
            assert!(sent < 1_000, "the connection is still open");
        }
        assert_eq!(client.closed().await, EXCESSIVE_LOAD);
        assert!(sent >= 200, "{sent}");
    }
    child.is_well(8 * MIB).await;
}

/// Streams of unknown types, first one after the other and then all at once.
#[tokio::test]
async fn streams_of_unknown_types_without_end_end_the_connection() {
    let child = Child::start().await;
    let client = child.raw().await;
    for _ in 0..20_000 {
        let Ok(mut stream) = within(client.quic.open_uni()).await else { break };
        let _ = stream.write_all(&[0x21, 1, 2, 3]).await;
    }
    assert_eq!(client.closed().await, EXCESSIVE_LOAD);
    // Streams that never send their type use up the few unidirectional streams that are allowed.
    let client = child.raw().await;
    let mut held = Vec::new();
    let opening = async {
        loop {
            held.push(client.quic.open_uni().await.unwrap());
        }
    };
    assert!(tokio::time::timeout(Duration::from_millis(500), opening).await.is_err());
    child.is_well(8 * MIB).await;
}

/// Frames and QPACK instructions that carry nothing, on each kind of stream that accepts them.
#[tokio::test]
async fn floods_of_frames_and_instructions_that_carry_nothing_end_the_connection() {
    let child = Child::start().await;
    let floods: [(&str, &[u8], Vec<u8>); 6] = [
        ("unknown frames", &[], frame(0x21, &[])),
        (
            "an unknown frame of 2^62 bytes",
            &[0x21, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            vec![0],
        ),
        ("MAX_PUSH_ID", &[], frame(0xd, &[5])),
        ("GOAWAY", &[], frame(7, &[0])),
        ("no bytes for the table", &[2], vec![0x20]),
        ("streams that were given up", &[3], vec![0x41]),
    ];
    for (name, start, piece) in floods {
        let client = child.raw().await;
        let own = start.len() == 1;
        let mut stream =
            if own { Some(within(client.quic.open_uni()).await.unwrap()) } else { None };
        let Raw { quic, mut control } = client;
        let stream = stream.as_mut().unwrap_or(control.as_mut().unwrap());
        let _ = stream.write_all(start).await;
        let many = piece.repeat(1_000);
        let mut sent = 0;
        while stream.write_all(&many).await.is_ok() {
            sent += 1;
            assert!(sent < 10_000, "{name}: the connection is still open");
        }
        let quinn::ConnectionError::ApplicationClosed(close) = within(quic.closed()).await else {
            panic!("{name}")
        };
        assert_eq!(close.error_code.into_inner(), EXCESSIVE_LOAD, "{name}");
    }
    // On a request stream, only the request ends.
    let client = child.raw().await;
    for piece in [frame(0x21, &[]), frame(0, &[])] {
        let (mut send, mut receive) = client.open(head("POST", "/length", &[])).await;
        while send.write_all(&piece.repeat(1_000)).await.is_ok() {}
        assert_eq!(reset(&mut receive).await, Some(EXCESSIVE_LOAD));
    }
    child.is_well(8 * MIB).await;
}

/// The server does not allocate memory for the length that a frame announces.
#[tokio::test]
async fn no_memory_is_allocated_for_the_announced_length_of_a_frame() {
    let child = Child::start().await;
    let client = child.raw().await;
    let giant = |kind: u8| [kind, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let (_send, mut receive) = client.open(giant(1)).await;
    assert_eq!(status(&within(receive.read_to_end(10_000)).await.unwrap()), 431);
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(client.open([&head("POST", "/never", &[])[..], &giant(0), b"x"].concat()).await);
    }
    child.is_well(8 * MIB).await;
    // Heads that are just below the limit and never complete. Each may stay in memory until its
    // timeout.
    let client = child.raw().await;
    for _ in 0..127 {
        let (mut send, receive) = client.open([1, 0x80, 0, 0xff, 0]).await;
        within(send.write_all(&[0; 60_000])).await.unwrap();
        open.push((send, receive));
    }
    child.is_well(20 * MIB).await;
}

/// Header fields that are large after decoding (RFC 9204, 7.1).
#[tokio::test]
async fn a_head_that_decodes_to_much_is_refused() {
    let child = Child::start().await;
    let client = child.raw().await;
    // `x-frame-options: sameorigin` takes two bytes, `:method: GET` one, and 50,000 bytes of
    // Huffman code decode to 80,000 zeros.
    let named = [&[0, 0][..], &[0xff, 35].repeat(6_000)].concat();
    let known = [&[0, 0][..], &[0xd1].repeat(15_000)].concat();
    let text = [&[0, 0, 0x51, 0xff, 0xd1, 0x85, 0x03][..], &[0; 50_000]].concat();
    for bomb in [named, known, text] {
        for _ in 0..300 {
            let (_send, mut receive) = client.open(frame(1, &bomb)).await;
            assert_eq!(status(&within(receive.read_to_end(10_000)).await.unwrap()), 431);
        }
    }
    child.is_well(8 * MIB).await;
    // There is no dynamic table to fill, and the client may not create one.
    for says in
        [&[2, 0x3f, 0xe1, 0x1f][..], &[2, 0xc0, 1, b'x'], &[2, 0x41, b'x', 1, b'y'], &[2, 0]]
    {
        let client = child.raw().await;
        let mut encoder = within(client.quic.open_uni()).await.unwrap();
        let _ = within(encoder.write_all(says)).await;
        assert_eq!(client.closed().await, 0x201, "{says:x?}");
    }
    child.is_well(8 * MIB).await;
}

/// The windows of the client never open, or hardly (CVE-2019-9511, 9517). The server produces only
/// as much of a response as the client accepts.
#[tokio::test]
async fn endless_responses_with_closed_windows_share_one_buffer() {
    let child = Child::start().await;
    for window in [0_u32, 1, 1 << 30] {
        let mut transport = TransportConfig::default();
        transport.stream_receive_window(window.into()).receive_window((1_u32 << 30).into());
        let client = Raw::over(child.quic_with(transport).await).await;
        let mut held = Vec::new();
        for _ in 0..128 {
            held.push(client.open(head("GET", "/endless", &[])).await);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        if window <= 1 {
            child.is_well(16 * MIB).await;
        }
        client.quic.close(0_u32.into(), b"");
        child.is_well(24 * MIB).await;
    }
}

/// Bodies that the handler does not read fill the window of the connection and no more.
#[tokio::test]
async fn unread_bodies_are_bounded_by_the_connection_window() {
    let child = Child::start().await;
    let client = child.raw().await;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(
            client.open([head("POST", "/never", &[]), frame(0, &[b'x'; 8_000])].concat()).await,
        );
    }
    let mut sent = 64 * 8_000;
    let more = frame(0, b"x").repeat(1_000);
    for (send, _) in &mut held {
        while let Ok(written) =
            tokio::time::timeout(Duration::from_millis(20), send.write(&more)).await
        {
            sent += written.unwrap();
        }
    }
    // In addition to the window, the server accepts 16 KiB of each body. Here each byte of a body
    // has three bytes of framing.
    assert!(sent <= 1_100_000 + 64 * 4 * 16 * 1024, "{sent}");
    child.is_well(8 * MIB).await;
}

/// Handshakes that are started and never continued, as from forged addresses. After the first
/// hundred, each costs the server one packet.
#[tokio::test]
async fn handshakes_from_forged_addresses_cost_a_retry() {
    let child = Child::start().await;
    let relay = Relay::start(child.address).await;
    relay.only_towards_server();
    let config = child.client_config();
    let mut begun = Vec::new();
    for _ in 0..2_000 {
        begun
            .push(relay.endpoint.connect_with(config.clone(), relay.address, "localhost").unwrap());
    }
    within(async {
        while relay.retries.load(Ordering::SeqCst) < 1_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    child.is_well(16 * MIB).await;
    assert!(child.cpu_time() < Duration::from_secs(3), "{:?}", child.cpu_time());
}
