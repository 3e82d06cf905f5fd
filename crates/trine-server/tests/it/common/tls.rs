//! Certificates of the test kit, in the types of the server.

use trine_server::tls::Tls;
use trine_testkit::pki::Signed;

pub trait SignedExt {
    /// The TLS configuration of a server with this certificate.
    fn tls(&self) -> Tls;
}

impl SignedExt for Signed {
    fn tls(&self) -> Tls {
        Tls::from_pem(self.chain.clone(), self.key.clone())
    }
}
