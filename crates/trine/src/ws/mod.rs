//! WebSockets: an extractor, and the open socket. Feature `ws`.
//!
//! [`WebSocket`] is the extractor, [`Socket`] the open socket that its function gets. [`Ws`] does the
//! same with typed messages. [`WebSocketConfig`] has the limits and timeouts.
//!
//! ```
//! use trine::prelude::*;
//! use trine::ws::{Closed, Message};
//!
//! #[get("/shout")]
//! async fn shout(ws: WebSocket) -> Response {
//!     ws.on_upgrade(async |mut socket| {
//!         while let Some(Message::Text(text)) = socket.recv().await {
//!             socket.send(text.to_uppercase()).await?;
//!         }
//!         Ok::<(), Closed>(())
//!     })
//! }
//!
//! # #[trine::main]
//! # async fn main() {
//! let client = App::new().routes(routes![shout]).test().await;
//! let mut socket = client.websocket("/shout").await;
//! socket.send("hello").await;
//! assert_eq!(socket.text().await, "HELLO");
//! # }
//! ```
//!
//! # Layout
//! - `upgrade`: the extractor and its response; `origin` checks the origin of the page
//! - `task`: the task of a socket, which polls the function and the driver
//! - `driver`: reads and writes the bytes; `timer` is its only timer, `queue` holds the frames to
//!   write, `buffer` lends buffers, `forward` polls forwarded streams
//! - `state`: what the driver and the handles share
//! - `socket`: the handles; `typed`: handles with typed messages
//!
//! [`Messages`], the messages of a topic, come from `trine-realtime`.

mod buffer;
mod closed;
mod driver;
mod forward;
mod origin;
mod queue;
mod socket;
mod state;
mod task;
mod timer;
mod typed;
mod upgrade;

pub use self::closed::Closed;
pub use self::socket::{Receiver, Sender, Socket, TrySendError};
pub use self::task::Outcome;
pub use self::typed::{JsonText, MessageFormat, TypedSocket, Ws};
pub use self::upgrade::WebSocket;
pub use trine_realtime::ws::Messages;
pub use trine_websocket::{
    CloseCode, CloseFrame, Compression, Message, Prepared, ProtocolError, WebSocketConfig,
};

/// The client of [`testing`](crate::testing).
pub(crate) mod client {
    use std::sync::Arc;

    use tokio::sync::oneshot;
    use trine_server::upgrade::OnUpgrade;
    use trine_websocket::{Codec, Negotiated, Role, WebSocketConfig};

    use super::Socket;
    use super::state::SharedSocket;
    use super::task::run;

    /// The client's end of an open connection, driven by a task until the returned sender is dropped.
    pub(crate) async fn open<I>(
        stream: I,
        config: WebSocketConfig,
        negotiated: (Option<String>, Option<Negotiated>),
    ) -> Option<(Socket, oneshot::Sender<()>)>
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
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
}
