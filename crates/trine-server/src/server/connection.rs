//! What a connection must do between its accept and its first request, as its listener says.

use std::ops::Deref;
use std::sync::Arc;

#[cfg(all(feature = "http2", feature = "tls-core"))]
use bytes::BytesMut;
use trine_core::ConnInfo;

use crate::config::limits::Limits;
use crate::error::ServerError;
use crate::forwarded::TrustedProxies;
use crate::forwarded::network::Network;
use crate::h1::connection::conn;
use crate::listen::Listen;
use crate::listen::address::Address;
use crate::listen::proxy_protocol;
use crate::seam::MakeConnection;
use crate::semantics::https::{Came, HttpsRedirect, Redirecting};
use crate::server::shutdown::ConnectionGuard;
#[cfg(feature = "tls-core")]
use crate::tls::Secured;
use crate::transport::io::Io;

/// The settings of a listener, made ready once for all of its connections.
#[derive(Debug)]
pub(crate) struct Door {
    #[cfg(feature = "tls-core")]
    tls: Option<crate::tls::Gate>,
    #[cfg(feature = "http3")]
    http3: Option<crate::h3::Port>,
    redirect: Option<HttpsRedirect>,
    /// Whose word counts that a request came over TLS: such a one is not redirected.
    trusted: Arc<TrustedProxies>,
    /// What authorities ask for over plain HTTP.
    #[cfg(feature = "acme")]
    proofs: std::sync::OnceLock<Arc<[Arc<crate::tls::acme::State>]>>,
    proxies: Vec<Network>,
}

impl Door {
    #[cfg_attr(
        not(feature = "http3"),
        allow(
            unused_variables,
            clippy::unnecessary_wraps,
            reason = "plain HTTP has nothing to make ready"
        )
    )]
    pub(crate) fn new(
        listen: &Listen,
        address: &Address,
        limits: &Limits,
        trusted: &Arc<TrustedProxies>,
    ) -> Result<Door, ServerError> {
        #[cfg(feature = "tls-core")]
        let tls = match &listen.tls {
            Some(tls) => Some(crate::tls::Gate::new(tls, limits).map_err(ServerError::Tls)?),
            None => None,
        };
        Ok(Door {
            #[cfg(feature = "http3")]
            http3: crate::h3::Port::of(listen, address, tls.as_ref(), limits)?,
            #[cfg(feature = "tls-core")]
            tls,
            redirect: listen.redirect.clone(),
            trusted: Arc::clone(trusted),
            #[cfg(feature = "acme")]
            proofs: std::sync::OnceLock::new(),
            proxies: listen.proxy_protocol.clone(),
        })
    }

    fn came(&self, info: &ConnInfo) -> Came {
        Came { conn: info.clone(), trusted: Arc::clone(&self.trusted) }
    }
}

#[cfg(feature = "tls-core")]
impl Door {
    pub(crate) fn tls(&self) -> Option<&crate::tls::Gate> {
        self.tls.as_ref()
    }

    /// From now on the proofs of these certificates are shown to who asks for them.
    #[cfg(feature = "acme")]
    pub(crate) fn show(&self, proofs: Arc<[Arc<crate::tls::acme::State>]>) {
        // It is told once, before the first connection.
        let _ = self.proofs.set(proofs);
    }

    /// The gate and the UDP port of a place that speaks HTTP/3.
    #[cfg(feature = "http3")]
    pub(crate) fn http3(&self) -> Option<(&crate::tls::Gate, &crate::h3::Port)> {
        self.tls.as_ref().zip(self.http3.as_ref())
    }
}

/// Brings a connection through the door and serves it to its end.
///
/// What only some listeners ask for is boxed: the task of a plain connection must not be as large
/// as that of the largest protocol.
pub(crate) async fn enter<I, M>(
    mut io: I,
    mut info: ConnInfo,
    door: Arc<Door>,
    make: impl Deref<Target = M> + 'static,
    limits: Arc<Limits>,
    guard: ConnectionGuard,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    if !door.proxies.is_empty() {
        let header =
            guard.wait_with_grace(proxy_protocol::read(&mut io, info, &door.proxies, &limits));
        let Some(Some(known)) = Box::pin(header).await else { return };
        info = known;
    }
    #[cfg(feature = "tls-core")]
    if door.tls.is_some() {
        return Box::pin(secured(io, info, door, make, limits, guard)).await;
    }
    #[cfg(feature = "acme")]
    if let Some(states) = door.proofs.get() {
        let make = crate::tls::acme::Proving {
            inner: make,
            states: Arc::clone(states),
            redirect: door.redirect.clone().map(|redirect| (redirect, door.came(&info))),
        };
        return Box::pin(conn(io, info, Box::new(make), limits, guard)).await;
    }
    if let Some(redirect) = door.redirect.clone() {
        let make = Redirecting { inner: make, redirect, came: door.came(&info) };
        return Box::pin(conn(io, info, &make, limits, guard)).await;
    }
    drop(door);
    conn(io, info, make, limits, guard).await;
}

#[cfg(feature = "tls-core")]
async fn secured<I, M>(
    io: I,
    info: ConnInfo,
    door: Arc<Door>,
    make: impl Deref<Target = M> + 'static,
    limits: Arc<Limits>,
    guard: ConnectionGuard,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    let Some(gate) = &door.tls else { return };
    // What the handshake needed is given back before the first request.
    let secured = Box::pin(gate.secure(io, &limits, &guard)).await;
    let Some(Secured { stream, info: tls }) = secured else { return };
    let info = info.with_tls(tls);
    #[cfg(feature = "http3")]
    if let Some(port) = &door.http3 {
        let make = Box::new(crate::h3::Advertise::new(make, port.number()));
        return protected(stream, info, make, limits, guard).await;
    }
    protected(stream, info, make, limits, guard).await;
}

#[cfg(all(feature = "http2", feature = "tls-core"))]
fn is_http2(info: &ConnInfo) -> bool {
    info.tls.as_ref().is_some_and(|tls| tls.protocol.as_deref() == Some(b"h2"))
}

/// Serves what was agreed on.
#[cfg(feature = "tls-core")]
async fn protected<I, M>(
    stream: crate::tls::TlsStream<I>,
    info: ConnInfo,
    make: impl Deref<Target = M> + 'static,
    limits: Arc<Limits>,
    guard: ConnectionGuard,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    #[cfg(feature = "http2")]
    if is_http2(&info) {
        let service = make.connection(&info);
        return Box::pin(crate::h2::serve(
            stream,
            BytesMut::new(),
            info,
            make,
            service,
            limits,
            guard,
        ))
        .await;
    }
    Box::pin(conn(stream, info, make, limits, guard)).await;
}
