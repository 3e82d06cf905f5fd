//! The socket of a connection: [`io`] is its kind, [`wire`] its buffers ([`buffer`], [`out`]) and
//! its one [`timer`].

pub(crate) mod buffer;
pub(crate) mod io;
pub(crate) mod out;
pub(crate) mod reset;
pub(crate) mod timer;
