//! HTTP/3 as bytes in, bytes out: no socket, no runtime, no clock (RFC 9114, RFC 9204).

pub(crate) mod control;
pub(crate) mod encode;
pub(crate) mod error;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod qpack;
pub(crate) mod varint;
