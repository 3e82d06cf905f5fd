//! The fields that concern one connection of HTTP/1.

use http::HeaderName;
use http::header::{CONNECTION, TRANSFER_ENCODING, UPGRADE};

/// HTTP/2 and HTTP/3 do not have these fields, and messages must not contain them (RFC 9113, 8.2.2;
/// RFC 9114, 4.2).
pub(crate) static CONNECTION_FIELDS: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

pub(crate) fn is_connection_field(name: &HeaderName) -> bool {
    CONNECTION_FIELDS.contains(name)
}
