//! The two ends of a connection.

/// Which end of the connection we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads masked frames and writes plain ones.
    Server,
    /// Writes masked frames and reads plain ones.
    Client,
}
