//! The service finds the route of each request in a table. The table can be replaced while requests
//! run.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use tokio::signal::unix::Signal;
use tower_service::Service;
use trine::config::Config;
use trine::prelude::*;

use crate::settings::Settings;
use crate::table::Table;

#[derive(Clone)]
pub(crate) struct Gateway(Arc<RwLock<Arc<Table>>>);

impl Gateway {
    pub(crate) fn new(table: Table) -> Gateway {
        Gateway(Arc::new(RwLock::new(Arc::new(table))))
    }

    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A running request keeps the table that it started with.
    fn replace(&self, table: Table) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }
}

/// Keeps the health checks running, and reads `trine.toml` again on SIGHUP. Errors in the file are
/// logged and change nothing.
pub(crate) async fn watch(
    gateway: Gateway,
    mut hangup: Signal,
    cx: trine::HookCx,
) -> trine::Result {
    let mut checks = gateway.table().checks();
    loop {
        tokio::select! {
            () = cx.shutdown() => return Ok(()),
            _ = hangup.recv() => {}
        }
        match load() {
            Ok(table) => {
                // The health checks of the old table end here.
                drop(std::mem::replace(&mut checks, table.checks()));
                gateway.replace(table);
                tracing::info!(
                    routes = gateway.table().routes().len(),
                    checks = checks.len(),
                    "routes were loaded again"
                );
            }
            Err(error) => tracing::error!("routes stay as they are: {error:#}"),
        }
    }
}

fn load() -> trine::Result<Table> {
    Table::new(&Settings::read(&mut Config::load()?)?)
}

impl Service<Request> for Gateway {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let table = self.table();
        let host = request.uri().host().or_else(|| host(&request));
        let Some(route) = table.find(host, request.uri().path()) else {
            let nowhere = Problem::not_found("no route is for this host and path");
            return Box::pin(async { Ok(nowhere.into_response()) });
        };
        Box::pin(route.proxy.clone().call(request))
    }
}

/// The host without its port.
fn host(request: &Request) -> Option<&str> {
    let host = request.headers().get("host")?.to_str().ok()?;
    let end = if host.starts_with('[') {
        host.find(']')? + 1
    } else {
        host.find(':').unwrap_or(host.len())
    };
    Some(&host[..end])
}
