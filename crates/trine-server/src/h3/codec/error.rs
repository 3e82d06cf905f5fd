//! Error codes and errors (RFC 9114, 8.1; RFC 9204, 6).

use quinn::VarInt;

/// The reason for the end of a stream or a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Code {
    NoError = 0x100,
    GeneralProtocol = 0x101,
    InternalError = 0x102,
    StreamCreation = 0x103,
    ClosedCriticalStream = 0x104,
    FrameUnexpected = 0x105,
    Frame = 0x106,
    ExcessiveLoad = 0x107,
    Id = 0x108,
    Settings = 0x109,
    MissingSettings = 0x10a,
    RequestRejected = 0x10b,
    RequestCancelled = 0x10c,
    RequestIncomplete = 0x10d,
    Message = 0x10e,
    QpackDecompression = 0x200,
    QpackEncoderStream = 0x201,
    QpackDecoderStream = 0x202,
}

impl From<Code> for VarInt {
    fn from(code: Code) -> VarInt {
        VarInt::from_u32(code as u32)
    }
}

/// An error of the client, and what it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It ends one request.
    Stream(Code, &'static str),
    /// It ends the connection, because the two sides no longer agree on its state.
    Connection(Code, &'static str),
}
