//! The start of a connection: what its listener requires before the first request.

use std::ops::Deref;
use std::sync::Arc;

#[cfg(all(feature = "http2", feature = "tls-core"))]
use bytes::BytesMut;
use trine_core::ConnInfo;

use crate::config::limits::Limits;
use crate::listen::proxy_protocol;
use crate::seam::MakeConnection;
use crate::seam::connection::Connection;
use crate::semantics::https::Redirecting;
use crate::server::setup::ListenerSetup;
use crate::server::shutdown::ConnectionGuard;
#[cfg(feature = "tls-core")]
use crate::tls::TlsConnection;
use crate::transport::io::Io;

/// Serves a connection from its accept to its end.
///
/// Steps that only some listeners need are boxed, so that the task of a plain connection is not as
/// large as a task of the largest protocol.
pub(crate) async fn serve_connection<I, M>(
    mut io: I,
    mut info: ConnInfo,
    setup: Arc<ListenerSetup>,
    make: impl Deref<Target = M> + 'static,
    limits: Arc<Limits>,
    guard: ConnectionGuard,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    if !setup.proxies.is_empty() {
        let header =
            guard.wait_with_grace(proxy_protocol::read(&mut io, info, &setup.proxies, &limits));
        let Some(Some(stated)) = Box::pin(header).await else { return };
        info = stated;
    }
    #[cfg(feature = "tls-core")]
    if setup.tls.is_some() {
        return Box::pin(serve_tls(Connection { io, info, make, limits, guard }, setup)).await;
    }
    #[cfg(feature = "acme")]
    if let Some(states) = setup.challenges.get() {
        let make = crate::tls::acme::AnswerChallenges {
            inner: make,
            states: Arc::clone(states),
            redirect: setup.redirect.clone().map(|redirect| (redirect, setup.origin(&info))),
        };
        let make = Box::new(make);
        return Box::pin(crate::h1::serve(Connection { io, info, make, limits, guard })).await;
    }
    if let Some(redirect) = setup.redirect.clone() {
        let make = Redirecting { inner: make, redirect, origin: setup.origin(&info) };
        let make = &make;
        return Box::pin(crate::h1::serve(Connection { io, info, make, limits, guard })).await;
    }
    drop(setup);
    crate::h1::serve(Connection { io, info, make, limits, guard }).await;
}

#[cfg(feature = "tls-core")]
async fn serve_tls<I, D, M>(connection: Connection<I, D>, setup: Arc<ListenerSetup>)
where
    I: Io + Send + 'static,
    D: Deref<Target = M> + 'static,
    M: MakeConnection,
{
    let Connection { io, info, make, limits, guard } = connection;
    let Some(acceptor) = &setup.tls else { return };
    // The memory of the handshake is freed before the first request.
    let accepted = Box::pin(acceptor.accept(io, &limits, &guard)).await;
    let Some(TlsConnection { stream: io, info: tls }) = accepted else { return };
    let info = info.with_tls(tls);
    #[cfg(feature = "http3")]
    if let Some(port) = &setup.http3 {
        let make = Box::new(crate::h3::Advertise::new(make, port.port()));
        return serve_negotiated(Connection { io, info, make, limits, guard }).await;
    }
    serve_negotiated(Connection { io, info, make, limits, guard }).await;
}

#[cfg(all(feature = "http2", feature = "tls-core"))]
fn is_http2(info: &ConnInfo) -> bool {
    info.tls.as_ref().is_some_and(|tls| tls.protocol.as_deref() == Some(b"h2"))
}

/// Serves the protocol that the handshake has negotiated.
#[cfg(feature = "tls-core")]
async fn serve_negotiated<I, D, M>(connection: Connection<crate::tls::TlsStream<I>, D>)
where
    I: Io + Send + 'static,
    D: Deref<Target = M> + 'static,
    M: MakeConnection,
{
    #[cfg(feature = "http2")]
    if is_http2(&connection.info) {
        let service = connection.make.connection(&connection.info);
        return Box::pin(crate::h2::serve(connection, service, BytesMut::new())).await;
    }
    Box::pin(crate::h1::serve(connection)).await;
}
