//! actix-web over rustls as documented, with one worker, and with a longer timeout for handshakes
//! under callgrind.

use std::time::Duration;

use actix_web::web::Json;
use actix_web::{App, HttpServer, get};
use compare_common::{MESSAGE, Message};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[get("/json")]
async fn json() -> Json<Message> {
    Json(MESSAGE)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (chain, key) = compare_common::certificate();
    let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<_, _>>()?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    let server = HttpServer::new(|| App::new().service(json))
        .workers(1)
        .tls_handshake_timeout(Duration::from_secs(30));
    Ok(server.listen_rustls_0_23(compare_common::listen()?, config)?.run().await?)
}
