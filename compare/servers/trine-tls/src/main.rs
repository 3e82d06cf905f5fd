//! The framework over TLS, on one worker, with every limit and timeout at its default.

use compare_common::{MESSAGE, Message};
use trine::prelude::*;
use trine_server::tls::Tls;
use trine_server::{Listener, Server, ServerConfig};

#[get("/json")]
async fn json() -> Json<Message> {
    Json(MESSAGE)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = App::new().routes(routes![json]).build().await?;
    let (chain, key) = compare_common::certificate();
    let address = ([127, 0, 0, 1], compare_common::port()).into();
    let config = ServerConfig {
        listeners: vec![Listener::tls(address, Tls::from_files(chain, key))],
        workers: 1,
        ..ServerConfig::default()
    };
    let bound = Server::new(config).bind()?;
    compare_common::announce(bound.local_addr())?;
    Ok(bound.serve(app).await?)
}
