//! What the handshake agreed on for `permessage-deflate`.

use crate::role::Role;

/// What both sides have agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    /// Whether each message of the server begins anew.
    pub server_no_context_takeover: bool,
    /// Whether each message of the client begins anew.
    pub client_no_context_takeover: bool,
    /// How far back messages of the server refer, as a power of two.
    pub server_max_window_bits: u8,
    /// How far back messages of the client refer.
    pub client_max_window_bits: u8,
}

impl Negotiated {
    /// Whether messages of the peer refer to earlier ones, and how far back.
    pub(crate) fn of_peer(self, us: Role) -> (bool, u8) {
        match us {
            Role::Server => (!self.client_no_context_takeover, self.client_max_window_bits),
            Role::Client => (!self.server_no_context_takeover, self.server_max_window_bits),
        }
    }

    pub(crate) fn of_us(self, us: Role) -> (bool, u8) {
        match us {
            Role::Server => self.of_peer(Role::Client),
            Role::Client => self.of_peer(Role::Server),
        }
    }
}
