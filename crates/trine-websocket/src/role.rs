//! The two ends of a connection.

/// The end of the connection for which a codec works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads masked frames and writes unmasked ones.
    Server,
    /// Writes masked frames and reads unmasked ones.
    Client,
}
