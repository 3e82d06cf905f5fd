//! A reverse proxy for production: `cargo run -p gateway` in the folder of a `trine.toml`.
//!
//! - `settings`: the settings in `trine.toml`
//! - `table`: the route of each request
//! - `gateway`: the service, whose table is replaced on SIGHUP
//! - this file: the application around it, with the access log and `/-/health`

mod gateway;
mod settings;
mod table;

use std::time::Instant;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use trine::config::Config;
use trine::prelude::*;

use crate::gateway::Gateway;
use crate::settings::Settings;
use crate::table::Table;

#[trine::main]
async fn main() -> trine::Result {
    // Must come before anything listens: without this handler, SIGHUP ends the process.
    let hangup = signal(SignalKind::hangup())?;
    let mut config = Config::load()?;
    let settings = Settings::read(&mut config)?;
    let access_log = settings.gateway.access_log;
    let gateway = Gateway::new(Table::new(&settings)?);
    let watched = gateway.clone();
    let app = App::new()
        .config(config)
        .state(gateway.clone())
        .task("gateway", move |cx| gateway::watch(watched, hangup, cx))
        .route("/-/health", get(health))
        .mount("/", gateway);
    let app = if access_log { app.layer(middleware(log)) } else { app };
    app.serve().await
}

/// Logs one line per response as soon as its head is ready. The body may take as long as it likes.
async fn log(conn: Option<ConnInfo>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let client = conn.and_then(|conn| conn.peer).map(|peer| peer.ip().to_string());
    tracing::info!(
        target: "access",
        client = client.as_deref().unwrap_or("-"),
        %method,
        path,
        status = response.status().as_u16(),
        millis = start.elapsed().as_secs_f64() * 1e3,
    );
    response
}

/// The health check for a load balancer in front. It reports numbers and no addresses of upstreams.
#[derive(Serialize)]
struct Health {
    routes: Vec<RouteHealth>,
}

#[derive(Serialize)]
struct RouteHealth {
    name: String,
    upstreams: usize,
    healthy: usize,
}

async fn health(gateway: State<Gateway>) -> (StatusCode, Json<Health>) {
    let table = gateway.table();
    let routes: Vec<RouteHealth> = table
        .routes()
        .iter()
        .map(|route| {
            let status = route.proxy.status();
            let healthy = status.iter().filter(|upstream| upstream.healthy).count();
            RouteHealth { name: route.name.clone(), upstreams: status.len(), healthy }
        })
        .collect();
    let well = routes.iter().all(|route| route.healthy > 0);
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health { routes }))
}
