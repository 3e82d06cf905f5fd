//! The client's end of a socket, for `trine::testing`.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use trine_core::upgrade::OnUpgrade;
use trine_websocket::{Codec, Negotiated, Role, WebSocketConfig};

use super::socket::Socket;
use super::state::SharedSocket;
use super::task::run;

/// The client's end of an open connection. A task drives it until the returned sender is dropped.
/// `None` if that task ended at once.
pub async fn open<I>(
    stream: I,
    config: WebSocketConfig,
    negotiated: (Option<String>, Option<Negotiated>),
) -> Option<(Socket, oneshot::Sender<()>)>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = OnUpgrade::ready(stream).await.ok()?;
    let (protocol, compression) = negotiated;
    let codec = Codec::new(Role::Client, &config, compression);
    let shared = SharedSocket::new(Arc::new(config), protocol.map(Into::into), codec);
    let (opened, open) = oneshot::channel();
    let (done, end) = oneshot::channel::<()>();
    tokio::spawn(run(stream, &shared, async move |socket| {
        // The test may have given up waiting.
        if opened.send(socket).is_ok() {
            let _ = end.await;
        }
    }));
    Some((open.await.ok()?, done))
}
