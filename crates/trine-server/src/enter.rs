//! What a connection must do between its accept and its first request, as its listener says.

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
}

impl Door {
    #[cfg_attr(
        not(feature = "tls-core"),
        expect(unused_variables, clippy::unnecessary_wraps, reason = "plain HTTP asks for nothing")
    )]
    pub(crate) fn new(listen: &Listen, config: &ServerConfig) -> Result<Door, ServerError> {
        Ok(Door {
            #[cfg(feature = "tls-core")]
            tls: match &listen.tls {
                Some(tls) => Some(crate::tls::Gate::new(tls, config).map_err(ServerError::Tls)?),
                None => None,
            },
        })
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
    make: impl Deref<Target = M>,
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
    make: impl Deref<Target = M>,
    config: Arc<ServerConfig>,
    place: Place,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    let Some(gate) = &door.tls else { return };
    let Some(Secured { stream, info: tls }) = gate.secure(io, &config, &place).await else { return };
    Box::pin(conn(stream, info.with_tls(tls), make, config, place)).await;
}
