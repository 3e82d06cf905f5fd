//! The client's TLS certificate.

use std::sync::Arc;

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Problem, Rejection, TlsInfo};

/// The certificate that the client presented in the TLS handshake (mTLS).
///
/// It was signed by one of the
/// [`Tls::client_authorities`](trine_server::tls::Tls::client_authorities) and was valid at the
/// time of the handshake. The application decides what its owner may do.
///
/// ```
/// use trine::extract::ClientCertificate;
///
/// async fn upload(client: ClientCertificate) -> String {
///     format!("a certificate of {} bytes", client.der().len())
/// }
/// ```
///
/// # Errors
/// A 403 if the client presented none, or if this server does not terminate TLS. It is not a 401,
/// which would have to name an HTTP authentication scheme (RFC 9110 section 15.5.2), and the client
/// cannot present a certificate later. `Option` is `None` instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate(Arc<TlsInfo>);

impl ClientCertificate {
    /// The certificate of the client: X.509, encoded as DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.0.client_certificates.first().map_or(&[], |der| &der[..])
    }

    /// All certificates that the client sent: its own first, then those of intermediate
    /// authorities.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.0.client_certificates.iter().map(|der| &der[..])
    }
}

impl FromRequest for ClientCertificate {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let tls = cx.conn().and_then(|conn| conn.tls.as_ref());
        match tls.filter(|tls| !tls.client_certificates.is_empty()) {
            Some(tls) => Ok(ClientCertificate(Arc::clone(tls))),
            None => Err(missing()),
        }
    }
}

#[cold]
fn missing() -> Rejection {
    Problem::forbidden("this needs a client certificate: present one in the TLS handshake")
        .absent()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::testkit::{cx, status_and_text};

    #[tokio::test]
    async fn is_absent_without_tls() {
        let mut cx = cx("GET", "/", &[], ());
        assert_eq!(Option::<ClientCertificate>::from_request(&mut cx).await.unwrap(), None);
        let (status, detail) = status_and_text(ClientCertificate::from_request(&mut cx).await);
        assert_eq!(status, 403);
        assert!(detail.contains("this needs a client certificate"), "{detail}");
    }
}
