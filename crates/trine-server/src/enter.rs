//! What a connection must do between its accept and its first request, as its listener says.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use trine_core::ConnInfo;

use crate::config::ServerConfig;
use crate::conn::conn;
use crate::error::ServerError;
use crate::io::Io;
use crate::listen::Listen;
use crate::seam::MakeConnection;
use crate::shutdown::Place;
#[cfg(feature = "tls-core")]
use crate::tls::Secured;

/// The settings of a listener, made ready once for all of its connections.
#[derive(Debug)]
pub(crate) struct Door {
    #[cfg(feature = "tls-core")]
    tls: Option<crate::tls::Gate>,
    #[cfg(feature = "http3")]
    http3: Option<crate::h3::Port>,
}

impl Door {
    #[cfg_attr(
        not(feature = "tls-core"),
        expect(unused_variables, clippy::unnecessary_wraps, reason = "plain HTTP asks for nothing")
    )]
    pub(crate) fn new(
        listen: &Listen,
        address: SocketAddr,
        config: &ServerConfig,
    ) -> Result<Door, ServerError> {
        #[cfg(feature = "tls-core")]
        let tls = match &listen.tls {
            Some(tls) => Some(crate::tls::Gate::new(tls, config).map_err(ServerError::Tls)?),
            None => None,
        };
        #[cfg(feature = "http3")]
        let http3 = match &tls {
            Some(gate) if listen.http3 => Some(
                crate::h3::Port::bind(address, gate, config)
                    .map_err(|source| ServerError::Bind { address, source })?,
            ),
            None if listen.http3 => {
                let what = format!("the listener at {address} speaks HTTP/3, which needs TLS: it has none");
                return Err(ServerError::Config(what));
            }
            _ => None,
        };
        Ok(Door {
            #[cfg(feature = "tls-core")]
            tls,
            #[cfg(feature = "http3")]
            http3,
        })
    }

    /// The gate and the UDP port of a place that speaks HTTP/3.
    #[cfg(feature = "http3")]
    pub(crate) fn http3(&self) -> Option<(&crate::tls::Gate, &crate::h3::Port)> {
        self.tls.as_ref().zip(self.http3.as_ref())
    }
}

/// Brings a connection through the door and serves it to its end.
///
/// What only some listeners ask for is boxed: the task of a plain connection must not be as large as that of the
/// largest protocol.
pub(crate) async fn enter<I, M>(
    io: I,
    info: ConnInfo,
    door: Arc<Door>,
    make: impl Deref<Target = M> + 'static,
    config: Arc<ServerConfig>,
    place: Place,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    #[cfg(feature = "tls-core")]
    if door.tls.is_some() {
        return Box::pin(secured(io, info, door, make, config, place)).await;
    }
    drop(door);
    conn(io, info, make, config, place).await;
}

#[cfg(feature = "tls-core")]
async fn secured<I, M>(
    io: I,
    info: ConnInfo,
    door: Arc<Door>,
    make: impl Deref<Target = M> + 'static,
    config: Arc<ServerConfig>,
    place: Place,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    let Some(gate) = &door.tls else { return };
    let Some(Secured { stream, info: tls }) = gate.secure(io, &config, &place).await else { return };
    let info = info.with_tls(tls);
    #[cfg(feature = "http3")]
    if let (Some(_), Some(local)) = (&door.http3, info.local) {
        let make = Box::new(crate::h3::Advertise::new(make, local.port()));
        return Box::pin(conn(stream, info, make, config, place)).await;
    }
    Box::pin(conn(stream, info, make, config, place)).await;
}
