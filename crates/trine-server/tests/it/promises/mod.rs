//! What a server promises about the ends of connections, requests and tunnels in every protocol:
//! one list of tests, which runs over each. HTTP/3 has no tunnels here, as it answers CONNECT with
//! 501.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod http1;
mod http2;
mod http3;
mod protocol;
mod service;

use std::time::{Duration, Instant};

use protocol::{Answer, Client, Exchange, Protocol, Server};
use trine_server::ServerConfig;

use crate::common;
use crate::common::within;

const SHORT: Duration = Duration::from_millis(300);
/// The bound for something that ends at once, even on a busy machine. Timeouts that a test must not
/// wait for are longer.
const SOON: Duration = Duration::from_secs(8);
const LONG: Duration = Duration::from_secs(60);

fn config() -> ServerConfig {
    ServerConfig { discard_timeout: SHORT, shutdown_timeout: LONG, ..common::config() }
}

/// Makes a test of every promise for each protocol.
macro_rules! promises {
    ($($module:ident: $protocol:ident)* => $names:tt) => {
        $(promises!(@ $module $protocol $names);)*
    };
    (@ $module:ident $protocol:ident { $($name:ident)* }) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $name() {
                    $crate::promises::$name::<$crate::promises::protocol::$protocol>().await;
                }
            )*
        }
    };
}

promises!(over_http1: Http1 over_http2: Http2 over_http3: Http3 => {
    a_shutdown_ends_idle_connections_at_once
    a_shutdown_waits_for_an_open_request
    a_shutdown_waits_for_a_response_that_is_being_sent
    a_shutdown_waits_for_a_body_that_is_being_read
    a_shutdown_aborts_requests_at_its_timeout
    a_shutdown_aborts_a_response_that_is_not_read
    an_abort_during_a_shutdown_ends_everything_at_once
    a_shutdown_accepts_no_new_connections
    an_unread_body_does_not_delay_a_shutdown
    a_connection_without_requests_ends_at_its_timeout
    a_request_keeps_its_connection_however_long_it_takes
    a_head_has_a_timeout
    a_stalled_body_is_an_error_for_its_reader
    an_unread_response_is_aborted
});

promises!(tunnels_over_http1: Http1 tunnels_over_http2: Http2 => {
    a_tunnel_outlives_every_timeout_of_a_client
    a_shutdown_waits_for_tunnels
    tunnels_learn_of_a_shutdown
    a_shutdown_aborts_tunnels_at_its_timeout
    an_abort_during_a_shutdown_ends_tunnels_at_once
});

async fn a_shutdown_ends_idle_connections_at_once<P: Protocol>() {
    let server = P::start(config()).await;
    let mut client = P::connect(&server).await;
    assert_eq!(client.ask("GET", "/hello").await, Answer::whole(200, "hello"));
    let begun = Instant::now();
    server.handle().shutdown();
    client.ended().await;
    server.ended().await;
    assert!(begun.elapsed() < SOON);
}

async fn a_shutdown_waits_for_an_open_request<P: Protocol>() {
    let server = P::start(config()).await;
    let mut client = P::connect(&server).await;
    let mut request = client.begin("GET", "/slow").await;
    tokio::time::sleep(SHORT / 3).await;
    server.handle().shutdown();
    assert_eq!(request.answer().await, Answer::whole(200, "slow"));
    ends_soon(server).await;
}

async fn a_shutdown_waits_for_a_response_that_is_being_sent<P: Protocol>() {
    let server = P::start(config()).await;
    let mut client = P::connect(&server).await;
    let mut request = client.begin("GET", "/drip").await;
    assert_eq!(request.head().await, Some(200));
    server.handle().shutdown();
    assert_eq!(request.answer().await, Answer::whole(200, "xxxxxxxxxx"));
    ends_soon(server).await;
}

async fn a_shutdown_waits_for_a_body_that_is_being_read<P: Protocol>() {
    let server = P::start(config()).await;
    let mut client = P::connect(&server).await;
    let mut request = client.begin("POST", "/length").await;
    request.send("ten bytes!").await;
    tokio::time::sleep(SHORT / 3).await;
    server.handle().shutdown();
    tokio::time::sleep(SHORT).await;
    request.send("ten bytes!").await;
    request.end().await;
    assert_eq!(request.answer().await, Answer::whole(200, "20"));
    ends_soon(server).await;
}

async fn a_shutdown_aborts_requests_at_its_timeout<P: Protocol>() {
    let server = P::start(ServerConfig { shutdown_timeout: SHORT, ..config() }).await;
    let mut client = P::connect(&server).await;
    let mut request = client.begin("GET", "/never").await;
    tokio::time::sleep(SHORT / 3).await;
    let begun = Instant::now();
    server.handle().shutdown();
    assert!(!request.answer().await.whole);
    assert!(begun.elapsed() >= SHORT);
    ends_soon(server).await;
}

async fn a_shutdown_aborts_a_response_that_is_not_read<P: Protocol>() {
    let server = P::start(ServerConfig { shutdown_timeout: SHORT, ..config() }).await;
    let mut client = P::connect(&server).await;
    let mut request = client.begin("GET", "/endless").await;
    assert_eq!(request.head().await, Some(200));
    server.handle().shutdown();
    ends_soon(server).await;
    assert!(!request.answer().await.whole);
}

async fn an_abort_during_a_shutdown_ends_everything_at_once<P: Protocol>() {
    let server = P::start(config()).await;
    let mut client = P::connect(&server).await;
    let mut request = client.begin("GET", "/never").await;
    tokio::time::sleep(SHORT / 3).await;
    let begun = Instant::now();
    server.handle().shutdown();
    server.handle().abort();
    assert!(!request.answer().await.whole);
    server.ended().await;
    assert!(begun.elapsed() < SOON);
}

async fn a_shutdown_accepts_no_new_connections<P: Protocol>() {
    let server = P::start(config()).await;
    let mut client = P::connect(&server).await;
    assert!(P::is_served(&server).await);
    let mut request = client.begin("POST", "/length").await;
    tokio::time::sleep(SHORT / 3).await;
    server.handle().shutdown();
    tokio::time::sleep(SHORT).await;
    assert!(!P::is_served(&server).await);
    request.end().await;
    assert_eq!(request.answer().await, Answer::whole(200, "0"));
    ends_soon(server).await;
}

async fn an_unread_body_does_not_delay_a_shutdown<P: Protocol>() {
    let server = P::start(ServerConfig { discard_timeout: SHORT, ..config() }).await;
    let mut client = P::connect(&server).await;
    let mut request = client.begin("POST", "/ignore").await;
    request.send("the beginning").await;
    assert_eq!(request.head().await, Some(200));
    server.handle().shutdown();
    ends_soon(server).await;
}

async fn a_connection_without_requests_ends_at_its_timeout<P: Protocol>() {
    let server = P::start(ServerConfig { keep_alive_timeout: SHORT, ..config() }).await;
    let mut client = P::connect(&server).await;
    assert_eq!(client.ask("GET", "/hello").await, Answer::whole(200, "hello"));
    let begun = Instant::now();
    client.ended().await;
    // The server sent the response some time before it arrived here.
    assert!(begun.elapsed() >= SHORT / 2 && begun.elapsed() < SOON, "{:?}", begun.elapsed());
    server.stop().await;
}

/// The timeouts of the client do not run while it waits for the service.
async fn a_request_keeps_its_connection_however_long_it_takes<P: Protocol>() {
    let server = P::start(all_times(SHORT / 3)).await;
    let mut client = P::connect(&server).await;
    assert_eq!(client.ask("GET", "/slower").await, Answer::whole(200, "slower"));
    server.stop().await;
}

async fn a_head_has_a_timeout<P: Protocol>() {
    let server = P::start(ServerConfig { head_timeout: SHORT, ..config() }).await;
    let begun = Instant::now();
    P::half_a_head(&server).await;
    assert!(begun.elapsed() >= SHORT && begun.elapsed() < SOON, "{:?}", begun.elapsed());
    server.stop().await;
}

async fn a_stalled_body_is_an_error_for_its_reader<P: Protocol>() {
    let server = P::start(ServerConfig { body_timeout: SHORT, ..config() }).await;
    let mut client = P::connect(&server).await;
    let mut request = client.begin("POST", "/length").await;
    request.send("the beginning").await;
    let begun = Instant::now();
    assert_eq!(request.answer().await, Answer::whole(400, "the body stalled for too long"));
    assert!(begun.elapsed() >= SHORT / 2 && begun.elapsed() < SOON, "{:?}", begun.elapsed());
    server.stop_by_force().await;
}

async fn an_unread_response_is_aborted<P: Protocol>() {
    let server = P::start(ServerConfig { write_timeout: SHORT, ..config() }).await;
    let mut client = P::connect(&server).await;
    let mut request = client.begin("GET", "/endless").await;
    assert_eq!(request.head().await, Some(200));
    tokio::time::sleep(SHORT * 5).await;
    assert!(!request.answer().await.whole);
    server.stop_by_force().await;
}

async fn a_tunnel_outlives_every_timeout_of_a_client<P: Protocol>() {
    let server = P::start(all_times(SHORT / 3)).await;
    let mut client = P::connect(&server).await;
    let mut tunnel = tunnel(&mut client).await;
    tokio::time::sleep(SHORT * 4).await;
    echoes(&mut tunnel).await;
    server.stop_by_force().await;
}

// HTTP/2 once ended its tunnels after `discard_timeout`.
async fn a_shutdown_waits_for_tunnels<P: Protocol>() {
    let server = P::start(ServerConfig { discard_timeout: SHORT / 3, ..config() }).await;
    let mut client = P::connect(&server).await;
    let mut tunnel = tunnel(&mut client).await;
    server.handle().shutdown();
    tokio::time::sleep(SHORT * 4).await;
    echoes(&mut tunnel).await;
    assert!(!server.is_over());
    drop((tunnel, client));
    ends_soon(server).await;
}

async fn tunnels_learn_of_a_shutdown<P: Protocol>() {
    let server = P::start(config()).await;
    let mut client = P::connect(&server).await;
    let mut tunnel = tunnel(&mut client).await;
    tunnel.send("wait").await;
    assert_eq!(tunnel.read(4).await, b"wait");
    server.handle().shutdown();
    assert_eq!(tunnel.read(3).await, b"bye");
    ends_soon(server).await;
}

async fn a_shutdown_aborts_tunnels_at_its_timeout<P: Protocol>() {
    let server = P::start(ServerConfig { shutdown_timeout: SHORT, ..config() }).await;
    let mut client = P::connect(&server).await;
    let mut tunnel = tunnel(&mut client).await;
    let begun = Instant::now();
    server.handle().shutdown();
    ends_soon(server).await;
    assert!(begun.elapsed() >= SHORT);
    assert_eq!(tunnel.read(1).await, b"");
}

async fn an_abort_during_a_shutdown_ends_tunnels_at_once<P: Protocol>() {
    let server = P::start(config()).await;
    let mut client = P::connect(&server).await;
    let mut tunnel = tunnel(&mut client).await;
    server.handle().shutdown();
    server.handle().abort();
    ends_soon(server).await;
    assert_eq!(tunnel.read(1).await, b"");
}

/// Sets every timeout that applies to an established client, and none that applies to the server.
fn all_times(time: Duration) -> ServerConfig {
    ServerConfig {
        handshake_timeout: LONG,
        head_timeout: time,
        keep_alive_timeout: time,
        body_timeout: time,
        write_timeout: time,
        discard_timeout: time,
        ..config()
    }
}

async fn tunnel<C: Client>(client: &mut C) -> C::Exchange {
    let mut tunnel = client.begin("CONNECT", "tunnel:1").await;
    assert_eq!(tunnel.head().await, Some(200));
    echoes(&mut tunnel).await;
    tunnel
}

async fn echoes(tunnel: &mut impl Exchange) {
    tunnel.send("echo").await;
    assert_eq!(tunnel.read(4).await, b"echo");
}

/// Asserts that the server ends without waiting for one of the long timeouts.
async fn ends_soon(server: Server) {
    let begun = Instant::now();
    within(server.ended()).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}
