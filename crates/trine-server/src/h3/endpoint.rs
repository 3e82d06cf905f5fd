//! The UDP side of a listener: one socket and one endpoint for all workers.
//!
//! With a socket per worker the system would spread packets by their addresses, and a client whose
//! address changes (a phone that leaves the house) would reach a worker that does not know its
//! connection. So one endpoint tells packets apart by their connection, and every worker takes new
//! connections from it; what costs, the cryptography and the requests, happens on the worker that
//! took it.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, TransportConfig, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trine_core::later::NEVER;

use crate::config::limits::{AtCapacity, Limits};
use crate::error::ServerError;
use crate::listen::address::Address;
use crate::listen::listener::Listener;
use crate::server::context::WorkerContext;
use crate::server::shutdown::{Phase, reached};
use crate::tls::TlsAcceptor;

/// What is spoken inside (RFC 9114, 3.1).
const ALPN: &[u8] = b"h3";

/// The UDP socket of a place, and what its connections are made of.
#[derive(Debug)]
pub(crate) struct Port {
    socket: UdpSocket,
    /// What new connections use, and what it was made of: certificates may be reloaded.
    current: Mutex<(Arc<rustls::ServerConfig>, Arc<quinn::ServerConfig>)>,
    /// Opened by the first worker, on its runtime, which lives until all have drained.
    endpoint: Mutex<Option<Endpoint>>,
    handshakes: Arc<Semaphore>,
    max_unproven: usize,
    most: usize,
}

/// A connection that knocks.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(super) incoming: Incoming,
    pub(super) settings: Arc<quinn::ServerConfig>,
    /// Its place among the handshakes.
    pub(super) handshake: OwnedSemaphorePermit,
    /// Where it knocks.
    pub(super) local: Option<SocketAddr>,
}

impl Port {
    /// The UDP port of a place, where it speaks HTTP/3.
    pub(crate) fn of(
        listener: &Listener,
        address: &Address,
        gate: Option<&TlsAcceptor>,
        limits: &Limits,
    ) -> Result<Option<Port>, ServerError> {
        if !listener.http3 {
            return Ok(None);
        }
        let what = match (address, gate) {
            (Address::Tcp(_), Some(_)) if !listener.proxy_protocol.is_empty() => {
                "expects PROXY headers, which UDP does not carry: whoever sends to that port would pass by the balancer"
            }
            (Address::Tcp(udp), Some(gate)) => {
                let bound = Port::bind(*udp, gate, limits);
                return match bound {
                    Ok(port) => Ok(Some(port)),
                    Err(source) => Err(ServerError::Bind { address: address.clone(), source }),
                };
            }
            (_, None) => "has no TLS, which HTTP/3 needs",
            _ => "is no address of IP, which HTTP/3 needs",
        };
        Err(ServerError::Config(format!("the listener at {address} speaks HTTP/3, and {what}")))
    }

    pub(crate) fn number(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }

    fn bind(address: SocketAddr, gate: &TlsAcceptor, limits: &Limits) -> io::Result<Port> {
        let tls = gate.current();
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(Port {
            socket: socket.into(),
            current: Mutex::new((Arc::clone(&tls), Arc::new(server(&tls, limits)?))),
            endpoint: Mutex::new(None),
            handshakes: Arc::new(Semaphore::new(limits.max_handshakes)),
            max_unproven: limits.http3.max_unproven,
            most: limits.max_handshakes,
        })
    }

    /// The endpoint; the first call opens it on the runtime that it runs on.
    pub(crate) fn open(&self) -> io::Result<Endpoint> {
        let mut place = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(endpoint) = &*place {
            return Ok(endpoint.clone());
        }
        let socket = self.socket.try_clone()?;
        let mut config = EndpointConfig::default();
        // Ethernet's, less what IPv6 and UDP take: larger packets are only ever found by probing.
        config.max_udp_payload_size(1472).map_err(io::Error::other)?;
        let server = self.lock().1.as_ref().clone();
        let endpoint = Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime))?;
        *place = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// Takes new connections until the server drains.
    pub(crate) async fn accept(
        &self,
        endpoint: &Endpoint,
        gate: &TlsAcceptor,
        common: &WorkerContext,
        serve: impl Fn(Arrival, OwnedSemaphorePermit),
    ) {
        let WorkerContext { limits, permits, .. } = common;
        let mut phase = common.phase.clone();
        let local = endpoint.local_addr().ok();
        let accepting = async {
            loop {
                let Some(incoming) = endpoint.accept().await else { return };
                let Some(incoming) = self.prove(incoming) else { continue };
                // Nothing is taken before somebody knocks: another entrance may need the last
                // place.
                let permit = match limits.at_capacity {
                    AtCapacity::Wait => Arc::clone(permits).acquire_owned().await.ok(),
                    AtCapacity::Shed => Arc::clone(permits).try_acquire_owned().ok(),
                };
                let handshake = Arc::clone(&self.handshakes).try_acquire_owned().ok();
                match handshake.zip(permit) {
                    Some((handshake, permit)) => {
                        let settings = self.settings(gate, limits);
                        serve(Arrival { incoming, settings, handshake, local }, permit);
                    }
                    // Its client learns at once that it is to go elsewhere (CONNECTION_REFUSED).
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

    fn settings(&self, gate: &TlsAcceptor, limits: &Limits) -> Arc<quinn::ServerConfig> {
        let tls = gate.current();
        let mut current = self.lock();
        if !Arc::ptr_eq(&current.0, &tls) {
            match server(&tls, limits) {
                Ok(made) => *current = (tls, Arc::new(made)),
                Err(error) => {
                    tracing::error!(%error, "new settings of TLS cannot be those of QUIC; the old ones stay");
                }
            }
        }
        Arc::clone(&current.1)
    }

    fn lock(&self) -> MutexGuard<'_, (Arc<rustls::ServerConfig>, Arc<quinn::ServerConfig>)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a client prove its address where many are under way already.
    fn prove(&self, incoming: Incoming) -> Option<Incoming> {
        let under_way = self.most - self.handshakes.available_permits().min(self.most);
        if under_way < self.max_unproven || incoming.remote_address_validated() {
            return Some(incoming);
        }
        // It fails for those that have proved it, which are not asked.
        incoming.retry().err().map(quinn::RetryError::into_incoming)
    }
}

/// Waits until the last words of connections are sent, though not for long.
pub(crate) async fn say_goodbye(endpoint: &Endpoint) {
    const PATIENCE: Duration = Duration::from_millis(300);
    let _ = tokio::time::timeout(PATIENCE, endpoint.wait_idle()).await;
}

fn server(tls: &rustls::ServerConfig, limits: &Limits) -> io::Result<quinn::ServerConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // Early data can be played again by anybody who saw it (RFC 8446, 8).
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    server.transport_config(Arc::new(transport(limits)?));
    // What waits to be looked at: the first packets of a handshake, and no more.
    const WAITING: u64 = 16 * 1024;
    server.max_incoming(limits.max_handshakes);
    server.incoming_buffer_size(WAITING);
    server.incoming_buffer_size_total(WAITING.saturating_mul(limits.max_handshakes as u64));
    Ok(server)
}

/// Control, QPACK's two, and a few of types that we do not know (RFC 9114, 6.2).
const UNI_STREAMS: u32 = 8;

fn transport(limits: &Limits) -> io::Result<TransportConfig> {
    let http3 = &limits.http3;
    let mut transport = TransportConfig::default();
    let silence = http3.idle_timeout.min(NEVER);
    let idle = silence.try_into().map_err(io::Error::other)?;
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(http3.max_concurrent_streams))
        .max_concurrent_uni_streams(VarInt::from_u32(UNI_STREAMS))
        .stream_receive_window(VarInt::from_u32(http3.stream_window))
        .receive_window(VarInt::from_u32(http3.connection_window))
        .send_window(http3.send_window.into())
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(silence / 3))
        .datagram_receive_buffer_size(None);
    Ok(transport)
}
