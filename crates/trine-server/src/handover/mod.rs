//! A restart that loses nothing: a new process takes the listening sockets over, and only then the
//! old one leaves.
//!
//! ```text
//!   the old process                              the new one
//!   SIGUSR2, or `ServerHandle::restart`
//!   starts the program again       ------------> its standard input is a socket to the old one
//!   sends its listening sockets    ------------> `Server::bind` adopts those it is configured for
//!                                  <--- ready -- every worker could start
//!   accepts no more                ---- go ----> accepts
//!   ends its connections as they come to an end
//! ```
//! Both hold the same sockets: what waits in a socket's queue waits for whoever accepts next, and
//! no socket is closed that connections wait on. A new process that does not become ready changes
//! nothing, and never accepts a connection.

mod accept;
mod activation;
mod error;
mod frame;
mod inherited;
pub(crate) mod notify;
mod offer;
mod program;
mod state;

pub use self::error::HandoverError;
pub(crate) use self::state::Estate;
pub(crate) use self::state::on_signal;
pub(crate) use self::inherited::{Adopted, adopt};
pub(crate) use self::accept::ready;

/// The variable that tells a new process that its standard input is a socket to the old one: the
/// old one's process id.
///
/// A program cannot take a variable out of its environment safely, so that processes that it starts
/// see this one too. It means nothing to them: their parent is another one.
pub(crate) const VARIABLE: &str = "TRINE_HANDOVER";

/// In the message with a socket: whose it is.
const OWN: &str = "own";
const LENT: &str = "lent";

/// What the new process says when every worker could start.
const READY: u8 = b'r';
/// What the old one answers: from now on, connections are the new one's.
const GO: u8 = b'g';
