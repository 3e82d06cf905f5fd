//! HTTP/1.1 and HTTP/1.0 (RFC 9112): [`codec`] is the protocol without I/O, [`connection`] the loop
//! that reads a head, calls the service and writes the answer, with [`upload`] for the request
//! body, [`respond`] for the answer, and [`linger`] for the end.

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
