//! A restart that loses no request: a new process takes over the listening sockets before the old
//! one stops accepting.
//!
//! ```text
//!   the old process                              the new one
//!   SIGUSR2, or `ServerHandle::restart`
//!   starts the program again       ------------> its standard input is a socket to the old one
//!   sends its listening sockets    ------------> `Server::bind` adopts the ones it needs
//!                                  <--- ready -- every worker could start
//!   stops accepting                ---- go ----> starts accepting
//!   serves its open connections to their end
//! ```
//! Both processes have the same sockets. A connection in the queue of a socket waits for whichever
//! process accepts next, and no socket is closed while connections wait on it. A new process that
//! does not become ready never accepts a connection, and the old one continues to serve.
//!
//! # Layout
//! - in the old process: `state` says whether it can hand over, `program` finds the program to
//!   start, `offer` starts it and sends the sockets
//! - in the new process: `inherited` receives the sockets, `activation` takes those of a service
//!   manager, `accept` waits until the old process lets it serve
//! - `frame`: one message between the two processes; `notify`: messages to the service manager;
//!   `error`: why a restart failed

mod accept;
mod activation;
mod error;
mod frame;
mod inherited;
mod notify;
mod offer;
mod program;
mod state;

pub(crate) use self::accept::ready;
pub use self::error::HandoverError;
pub(crate) use self::inherited::{Adopted, adopt};
pub(crate) use self::state::HandoverState;

/// The environment variable that is set if the standard input of a new process is a socket to the
/// old one. Its value is the process id of the old process.
///
/// A program cannot remove a variable from its environment safely, so processes that it starts see
/// this one too. They ignore it, because their parent is another process.
pub(crate) const VARIABLE: &str = "TRINE_HANDOVER";

/// In the message with a socket: the old process opened it.
const OWN: &str = "own";
/// In the message with a socket: the service manager opened it.
const MANAGER: &str = "lent";

/// The new process reports that every worker could start.
const READY: u8 = b'r';
/// The old process replies that the new one may accept connections.
const GO: u8 = b'g';
