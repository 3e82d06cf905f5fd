//! The UDP side of a listener: one socket and one QUIC endpoint for all workers.
//!
//! With one socket per worker, the system would distribute packets by their addresses. A client
//! whose address changes (a phone that leaves the Wi-Fi) would then reach a worker that does not
//! know its connection. One endpoint therefore assigns packets to connections, and every worker
//! accepts new connections from it. The expensive work, cryptography and requests, happens on the
//! worker that accepted the connection.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, TransportConfig, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use trine_core::later::NEVER;

use crate::config::limits::{AtCapacity, Limits};
use crate::error::ServerError;
use crate::listen::address::Address;
use crate::server::shutdown::{Phase, reached};

/// The protocol that TLS negotiates (RFC 9114, 3.1).
const ALPN: &[u8] = b"h3";

/// The UDP socket of a listener, and the settings of its connections.
#[derive(Debug)]
pub(crate) struct QuicListener {
    socket: UdpSocket,
    /// The TLS settings, which may be reloaded, and the QUIC settings that were made from them.
    current: Mutex<(Arc<rustls::ServerConfig>, Arc<quinn::ServerConfig>)>,
    /// Created by the first worker on its runtime, which lives until all workers have drained.
    endpoint: Mutex<Option<Endpoint>>,
    handshakes: Arc<Semaphore>,
    max_unproven: usize,
    max_handshakes: usize,
}

/// A connection whose handshake has not begun.
#[derive(Debug)]
pub(crate) struct IncomingConnection {
    pub(super) incoming: Incoming,
    pub(super) settings: Arc<quinn::ServerConfig>,
    /// Its share of `max_handshakes`.
    pub(super) handshake: OwnedSemaphorePermit,
    /// The address of the listener.
    pub(super) local: Option<SocketAddr>,
}

impl QuicListener {
    /// Binds the UDP port of the listener at `address`. `proxied` says whether the listener expects
    /// PROXY headers.
    pub(crate) fn new(
        address: &Address,
        proxied: bool,
        tls: Option<Arc<rustls::ServerConfig>>,
        limits: &Limits,
    ) -> Result<QuicListener, ServerError> {
        let problem = match (address, tls) {
            (Address::Tcp(_), Some(_)) if proxied => {
                "expects PROXY headers, which UDP cannot carry: clients could bypass the balancer"
            }
            (Address::Tcp(udp), Some(tls)) => {
                return QuicListener::bind(*udp, tls, limits)
                    .map_err(|source| ServerError::Bind { address: address.clone(), source });
            }
            (_, None) => "has no TLS, which HTTP/3 needs",
            _ => "is not an IP address, which HTTP/3 needs",
        };
        Err(ServerError::Config(format!("the listener at {address} speaks HTTP/3, and {problem}")))
    }

    pub(crate) fn port(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }

    fn bind(
        address: SocketAddr,
        tls: Arc<rustls::ServerConfig>,
        limits: &Limits,
    ) -> io::Result<QuicListener> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let quic = Arc::new(server(&tls, limits)?);
        let current = (tls, quic);
        Ok(QuicListener {
            socket: socket.into(),
            current: Mutex::new(current),
            endpoint: Mutex::new(None),
            handshakes: Arc::new(Semaphore::new(limits.max_handshakes)),
            max_unproven: limits.http3.max_unproven,
            max_handshakes: limits.max_handshakes,
        })
    }

    /// The endpoint. The first call creates it, on the runtime of the caller.
    pub(crate) fn endpoint(&self) -> io::Result<Endpoint> {
        let mut slot = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(endpoint) = &*slot {
            return Ok(endpoint.clone());
        }
        let socket = self.socket.try_clone()?;
        let mut config = EndpointConfig::default();
        // The MTU of Ethernet without the headers of IPv6 and UDP. Larger packets are found by
        // probing only.
        config.max_udp_payload_size(1472).map_err(io::Error::other)?;
        let server = self.lock().1.as_ref().clone();
        let endpoint = Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime))?;
        *slot = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// Accepts connections until the server drains. `current_tls` returns the TLS settings, which
    /// may be reloaded, and `permits` limits the open connections.
    pub(crate) async fn accept(
        &self,
        endpoint: &Endpoint,
        current_tls: impl Fn() -> Arc<rustls::ServerConfig>,
        (permits, mut phase): (&Arc<Semaphore>, watch::Receiver<Phase>),
        limits: &Limits,
        serve: impl Fn(IncomingConnection, OwnedSemaphorePermit),
    ) {
        let local = endpoint.local_addr().ok();
        let accepting = async {
            loop {
                let Some(incoming) = endpoint.accept().await else { return };
                let Some(incoming) = self.validate_address(incoming) else { continue };
                // The permit is acquired only now, because another listener may need the last one.
                let permit = match limits.at_capacity {
                    AtCapacity::Wait => Arc::clone(permits).acquire_owned().await.ok(),
                    AtCapacity::Shed => Arc::clone(permits).try_acquire_owned().ok(),
                };
                let handshake = Arc::clone(&self.handshakes).try_acquire_owned().ok();
                match handshake.zip(permit) {
                    Some((handshake, permit)) => {
                        let settings = self.settings(current_tls(), limits);
                        serve(IncomingConnection { incoming, settings, handshake, local }, permit);
                    }
                    // The client learns at once that it has to try elsewhere (CONNECTION_REFUSED).
                    None => incoming.refuse(),
                }
            }
        };
        tokio::select! {
            biased;
            () = reached(&mut phase, Phase::Leaving) => {}
            () = accepting => {}
        }
        endpoint.set_server_config(None);
    }

    /// The QUIC settings that belong to these TLS settings.
    fn settings(
        &self,
        tls: Arc<rustls::ServerConfig>,
        limits: &Limits,
    ) -> Arc<quinn::ServerConfig> {
        let mut current = self.lock();
        if !Arc::ptr_eq(&current.0, &tls) {
            match server(&tls, limits) {
                Ok(made) => *current = (tls, Arc::new(made)),
                Err(error) => {
                    tracing::error!(%error, "the reloaded TLS settings do not fit QUIC; the old ones stay");
                }
            }
        }
        Arc::clone(&current.1)
    }

    fn lock(&self) -> MutexGuard<'_, (Arc<rustls::ServerConfig>, Arc<quinn::ServerConfig>)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the client prove its address if many handshakes are under way already.
    fn validate_address(&self, incoming: Incoming) -> Option<Incoming> {
        let under_way =
            self.max_handshakes - self.handshakes.available_permits().min(self.max_handshakes);
        if under_way < self.max_unproven || incoming.remote_address_validated() {
            return Some(incoming);
        }
        // This fails only for a client that has proved its address, which was excluded above.
        incoming.retry().err().map(quinn::RetryError::into_incoming)
    }
}

/// Waits for a short time until the close frames of connections are sent.
pub(crate) async fn flush_close_frames(endpoint: &Endpoint) {
    const TIMEOUT: Duration = Duration::from_millis(300);
    let _ = tokio::time::timeout(TIMEOUT, endpoint.wait_idle()).await;
}

fn server(tls: &rustls::ServerConfig, limits: &Limits) -> io::Result<quinn::ServerConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // Early data can be replayed by anyone who recorded it (RFC 8446, 8).
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    server.transport_config(Arc::new(transport(limits)?));
    // Buffers only the first packets of a handshake that has not begun.
    const BUFFER: u64 = 16 * 1024;
    server.max_incoming(limits.max_handshakes);
    server.incoming_buffer_size(BUFFER);
    server.incoming_buffer_size_total(BUFFER.saturating_mul(limits.max_handshakes as u64));
    Ok(server)
}

/// The control stream, the two of QPACK, and a few of unknown types (RFC 9114, 6.2).
const UNI_STREAMS: u32 = 8;

fn transport(limits: &Limits) -> io::Result<TransportConfig> {
    let http3 = &limits.http3;
    let mut transport = TransportConfig::default();
    let idle_timeout = http3.idle_timeout.min(NEVER);
    let idle = idle_timeout.try_into().map_err(io::Error::other)?;
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(http3.max_concurrent_streams))
        .max_concurrent_uni_streams(VarInt::from_u32(UNI_STREAMS))
        .stream_receive_window(VarInt::from_u32(http3.stream_window))
        .receive_window(VarInt::from_u32(http3.connection_window))
        .send_window(http3.send_window.into())
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(idle_timeout / 3))
        .datagram_receive_buffer_size(None);
    Ok(transport)
}
