//! The validation of challenges by the authority.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::jws::sha256;
use crate::common::pki::{anything, connect, shown};
use crate::common::{Client, body, status};

/// Validates a `tls-alpn-01` challenge (RFC 8737, 3).
pub(crate) async fn by_tls(address: SocketAddr, name: &str, expected: &str) -> Result<(), String> {
    let mut config = ClientConfig::clone(&anything());
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let mut stream = connect(address, name, &Arc::new(config))
        .await
        .map_err(|error| format!("handshake: {error}"))?;
    if stream.get_ref().1.alpn_protocol() != Some(b"acme-tls/1") {
        return Err("another protocol was agreed on".to_owned());
    }
    let certificate = Certificate::from_der(&shown(&stream)).map_err(|error| error.to_string())?;
    let tbs = certificate.tbs_certificate();
    let (_, names) = tbs.get_extension::<SubjectAltName>().unwrap().ok_or("no names")?;
    match &*names.0 {
        [GeneralName::DnsName(dns)] if dns.as_str() == name => {}
        other => return Err(format!("names {other:?}")),
    }
    let identifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");
    let extensions = tbs.extensions().ok_or("no extensions")?;
    let extension = extensions.iter().find(|extension| extension.extn_id == identifier);
    let extension = extension.ok_or("no acmeIdentifier")?;
    // An octet string within an octet string: tag, length, digest.
    let digest = [vec![0x04, 0x20], sha256(expected)].concat();
    if !extension.critical || extension.extn_value.as_bytes() != digest {
        return Err("the digest is another one".to_owned());
    }
    // The authority sends no application data, and the server closes the connection properly.
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest).await {
        Ok(0) => {}
        other => return Err(format!("after the handshake: {other:?}")),
    }
    let _ = stream.shutdown().await;
    Ok(())
}

/// Validates an `http-01` challenge (RFC 8555, 8.3).
pub(crate) async fn by_http(
    address: SocketAddr,
    name: &str,
    token: &str,
    expected: &str,
) -> Result<(), String> {
    let mut client = Client::connect(address).await;
    client
        .send(format!("GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: {name}\r\n\r\n"))
        .await;
    let answer = client.answer().await;
    if status(&answer) == 200 && body(&answer).trim_end() == expected {
        Ok(())
    } else {
        Err(answer)
    }
}
