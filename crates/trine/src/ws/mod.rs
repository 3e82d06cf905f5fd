//! WebSockets: an extractor, and the open socket. Feature `ws`.
//!
//! [`WebSocket`] is the extractor, [`Socket`] what its function gets, [`Ws`] the same with types of
//! your own. What a connection may use, and how long it waits, stands in [`WebSocketConfig`].
//!
//! # Layout
//! `upgrade` (the handshake in a handler, with `origin`), `run` (the task of a socket), `driver`
//! (its bytes, with `clock` for its one timer, `queue` for what is to be written, `buffer` for what
//! the thread lends), `forward` (streams that flow out by themselves), `shared` (what the driver
//! and the handles share), `socket` (the handles), `typed`. [`Messages`] (those of a topic) come from
//! `trine-realtime`.

mod buffer;
mod clock;
mod closed;
mod driver;
mod forward;
mod origin;
mod queue;
mod run;
mod shared;
mod socket;
mod typed;
mod upgrade;

pub use self::closed::Closed;
pub use self::run::Outcome;
pub use self::socket::{Receiver, Sender, Socket, TrySendError};
pub use self::typed::{JsonText, MessageFormat, TypedSocket, Ws};
pub use self::upgrade::WebSocket;
pub use trine_realtime::ws::Messages;
pub use trine_websocket::{
    CloseCode, CloseFrame, Compression, Message, Prepared, ProtocolError, WebSocketConfig,
};

/// For the client of tests.
pub(crate) mod client {
    use std::sync::Arc;

    use tokio::sync::oneshot;
    use trine_server::upgrade::OnUpgrade;
    use trine_websocket::{Codec, Negotiated, Role, WebSocketConfig};

    use super::Socket;
    use super::run::run;
    use super::shared::Shared;

    /// The client's end of an open connection, driven by a task until `done` is dropped.
    pub(crate) async fn open<I>(
        stream: I,
        config: WebSocketConfig,
        agreed: (Option<String>, Option<Negotiated>),
    ) -> Option<(Socket, oneshot::Sender<()>)>
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let stream = OnUpgrade::ready(stream).await.ok()?;
        let (protocol, compression) = agreed;
        let codec = Codec::new(Role::Client, &config, compression);
        let shared = Shared::new(Arc::new(config), protocol.map(Into::into), codec);
        let (opened, open) = oneshot::channel();
        let (done, end) = oneshot::channel::<()>();
        tokio::spawn(run(stream, &shared, async move |socket| {
            // Whoever waits for it may be gone.
            if opened.send(socket).is_ok() {
                let _ = end.await;
            }
        }));
        Some((open.await.ok()?, done))
    }
}
