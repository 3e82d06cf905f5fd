//! Who the client is, by its certificate.

use std::sync::Arc;

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Problem, Rejection, TlsInfo};

/// The certificate that the client showed in the TLS handshake (mTLS). One of the authorities that
/// [`Tls::client_authorities`](trine_server::tls::Tls::client_authorities) names has signed it, and
/// its time is not over; what its holder may do, the application decides.
///
/// ```
/// use trine::extract::ClientCertificate;
///
/// async fn upload(client: ClientCertificate) -> String {
///     format!("a certificate of {} bytes, in a chain of {}", client.der().len(), client.chain().count())
/// }
/// ```
///
/// # Errors
/// A 403 where the client showed none, or the connection has no TLS of ours. It is no 401: that
/// would have to name a way to sign in by HTTP (RFC 9110, 15.5.2), and a certificate cannot be
/// given later. `Option` is `None` there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate(Arc<TlsInfo>);

impl ClientCertificate {
    /// The certificate itself (X.509, DER).
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.0.client_certificates.first().map_or(&[], |der| &der[..])
    }

    /// All that the client sent, its own first, then those of the authorities between.
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
    Problem::forbidden("this needs a certificate of the client, shown in the TLS handshake")
        .absent()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::testkit::{cx, told};

    #[tokio::test]
    async fn is_absent_without_tls() {
        let mut cx = cx("GET", "/", &[], ());
        assert_eq!(Option::<ClientCertificate>::from_request(&mut cx).await.unwrap(), None);
        let (status, detail) = told(ClientCertificate::from_request(&mut cx).await);
        assert_eq!(status, 403);
        assert!(detail.contains("certificate of the client"), "{detail}");
    }
}
