//! HTTP/2 in clear text, with the `h2` crate.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{RecvStream, client};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::wait::within;

/// Opens a connection. A spawned task drives it.
pub async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    connect_with(address, &mut client::Builder::new()).await.0
}

/// Like [`connect`], with the settings of this builder. The task ends with the connection. Aborting
/// it makes the client vanish.
pub async fn connect_with(
    address: SocketAddr,
    builder: &mut Builder,
) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let stream = within(TcpStream::connect(address)).await.unwrap();
    let (client, connection) = within(builder.handshake(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    (within(client.ready()).await.unwrap(), driver)
}

/// Reads a body to its end, as text.
pub async fn text(body: &mut RecvStream) -> Result<String, h2::Error> {
    let mut text = Vec::new();
    while let Some(data) = within(body.data()).await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        text.extend(data);
    }
    Ok(String::from_utf8(text).unwrap())
}
