//! What a handshake negotiated, without types of rustls.

use bytes::Bytes;
use rustls::{ProtocolVersion, ServerConnection};
use trine_core::{TlsInfo, TlsVersion};

pub(super) fn info(tls: &ServerConnection) -> TlsInfo {
    let version = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
        _ => TlsVersion::Tls13,
    };
    let suite = tls.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let mut info = TlsInfo::new(version, suite.unwrap_or("unknown"));
    info.server_name = tls.server_name().map(Into::into);
    info.protocol = tls.alpn_protocol().map(Bytes::copy_from_slice);
    let certificates = tls.peer_certificates().unwrap_or_default();
    info.client_certificates = certificates.iter().map(|der| Bytes::copy_from_slice(der)).collect();
    info
}
