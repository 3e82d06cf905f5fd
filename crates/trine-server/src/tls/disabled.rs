//! TLS needs the feature `tls`, which is off.

/// The TLS settings of a listener. Without the feature `tls` this type has no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {}
