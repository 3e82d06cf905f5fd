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

/// The settings of a listener, made ready once for all of its connections.
#[derive(Debug)]
pub(crate) struct Door {}

impl Door {
    pub(crate) fn new(_listen: &Listen) -> Result<Door, ServerError> {
        Ok(Door {})
    }
}

/// Brings a connection through the door and serves it to its end.
///
/// What only some listeners ask for is boxed: the task of a plain connection must not be as large as that of the
/// largest protocol.
pub(crate) async fn enter<I, M>(
    io: I,
    info: ConnInfo,
    _door: Arc<Door>,
    make: impl Deref<Target = M>,
    config: Arc<ServerConfig>,
    place: Place,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    conn(io, info, make, config, place).await;
}
