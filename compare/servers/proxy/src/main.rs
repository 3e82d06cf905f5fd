//! The reverse proxy alone under our server, with one worker and every limit and timeout at its
//! default. It forwards to `UPSTREAM`.

use trine_proxy::Proxy;
use trine_server::{Server, ServerConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let upstream = std::env::var("UPSTREAM")
        .map_err(|_| "UPSTREAM must be a URL, as http://127.0.0.1:9000")?;
    let config = ServerConfig {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port: compare_common::port(),
        workers: 1,
        ..ServerConfig::default()
    };
    let bound = Server::new(config).bind()?;
    compare_common::announce(bound.local_addr())?;
    Ok(bound.serve(Proxy::to(upstream)?).await?)
}
