//! Serves connections of HTTP/1.1 and HTTP/1.0 (RFC 9112). Read the files in this order:
//!
//! - [`codec`]: the protocol without I/O
//! - [`connection`]: the loop, over [`wire`], the socket with its buffers
//! - [`request`]: reads the head of a request; [`upload`]: its body
//! - [`call`]: calls the service, and [`drive`] keeps the connection moving meanwhile
//! - [`respond`]: sends the response
//! - [`end`], [`linger`]: how a connection ends
//! - `fuzzing`: the fuzz targets

pub(crate) mod call;
pub(crate) mod codec;
pub(crate) mod connection;
pub(crate) mod drive;
pub(crate) mod end;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(crate) mod linger;
pub(crate) mod request;
pub(crate) mod respond;
pub(crate) mod upload;
pub(crate) mod wire;

pub(crate) use self::connection::serve;
