//! The compression parameters that a handshake negotiated.

use crate::role::Role;

/// The parameters of `permessage-deflate` on which both sides have agreed (RFC 7692, 7.1).
///
/// [`Handshake::compression`](crate::handshake::Handshake::compression) chooses them;
/// [`Codec::new`](crate::Codec::new) takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    /// Whether each message of the server is compressed independently of earlier ones.
    pub server_no_context_takeover: bool,
    /// Whether each message of the client is compressed independently of earlier ones.
    pub client_no_context_takeover: bool,
    /// The window of messages of the server, as a power of two.
    pub server_max_window_bits: u8,
    /// The window of messages of the client, as a power of two.
    pub client_max_window_bits: u8,
}

impl Negotiated {
    /// Whether messages of the peer refer to earlier ones, and their window.
    pub(crate) fn for_receiving(self, role: Role) -> (bool, u8) {
        match role {
            Role::Server => (!self.client_no_context_takeover, self.client_max_window_bits),
            Role::Client => (!self.server_no_context_takeover, self.server_max_window_bits),
        }
    }

    /// Whether messages of this side refer to earlier ones, and their window.
    pub(crate) fn for_sending(self, role: Role) -> (bool, u8) {
        match role {
            Role::Server => self.for_receiving(Role::Client),
            Role::Client => self.for_receiving(Role::Server),
        }
    }
}
