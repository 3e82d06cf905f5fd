//! The unchanged `Router` of the axum contenders on our server, with one worker and every limit and
//! timeout at its default.

use trine_server::{HyperUpgrades, Server, ServerConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = ServerConfig {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port: compare_common::port(),
        workers: 1,
        ..ServerConfig::default()
    };
    let bound = Server::new(config).bind()?;
    compare_common::announce(bound.local_addr())?;
    Ok(bound.serve(HyperUpgrades(compare_axum_routes::router())).await?)
}
