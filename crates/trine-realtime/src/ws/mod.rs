//! WebSockets: an extractor, and the open socket. Feature `ws`.
//!
//! [`WebSocket`] is the extractor, [`Socket`] the open socket that its function gets. [`Ws`] does
//! the same with typed messages. [`WebSocketConfig`] has the limits and timeouts.
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
//! - `socket`: the handles; `typed`: handles with typed messages; `closed`: why a socket is closed
//! - `messages`: the messages of a topic
//! - `client`: the client of `trine::testing`

mod buffer;
#[doc(hidden)]
pub mod client;
mod closed;
mod driver;
mod forward;
mod messages;
mod origin;
mod queue;
mod socket;
mod state;
mod task;
mod timer;
mod typed;
mod upgrade;

pub use self::closed::Closed;
pub use self::messages::Messages;
pub use self::socket::{Receiver, Sender, Socket, TrySendError};
pub use self::task::Outcome;
pub use self::typed::{JsonText, MessageFormat, TypedSocket, Ws};
pub use self::upgrade::WebSocket;

pub use trine_websocket::{
    CloseCode, CloseFrame, Compression, Message, Prepared, ProtocolError, WebSocketConfig,
};
