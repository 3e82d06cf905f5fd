//! An application on a real socket, for tests that connect to it as any client would.

use std::net::SocketAddr;

use tokio::task::JoinHandle;
use trine::{App, Topic};
use trine_server::{MakeWorker, Server, ServerConfig, ServerError, ServerHandle};
use trine_testkit::wait::until;

pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    handle: ServerHandle,
    served: JoinHandle<Result<(), ServerError>>,
}

pub(crate) async fn start(app: App) -> Running {
    let service = app.build().await.unwrap_or_else(|audit| panic!("{audit}"));
    serve(service)
}

pub(crate) fn serve<M>(make: M) -> Running
where
    M: MakeWorker,
    Server: Serves<M>,
{
    let config = ServerConfig { port: 0, workers: 1, signals: false, ..ServerConfig::default() };
    let bound = Server::new(config).bind().unwrap();
    let (addr, handle) = (bound.local_addr(), bound.handle());
    Running { addr, handle, served: Server::spawn(bound, make) }
}

/// Saves the tests from repeating the bounds of `Bound::serve`.
pub(crate) trait Serves<M> {
    fn spawn(bound: trine_server::Bound, make: M) -> JoinHandle<Result<(), ServerError>>;
}

macro_rules! serves {
    ($($ty:ty),*) => {$(
        impl Serves<$ty> for Server {
            fn spawn(bound: trine_server::Bound, make: $ty) -> JoinHandle<Result<(), ServerError>> {
                tokio::spawn(bound.serve(make))
            }
        }
    )*};
}
serves!(trine::AppService, trine_server::HyperUpgrades<axum::Router>);

impl Running {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Shuts the server down, and checks that it ends.
    pub(crate) async fn stop(self) {
        self.handle.shutdown();
        self.served.await.unwrap().unwrap();
    }
}

/// Waits until a topic has this many subscribers.
pub(crate) async fn subscribers(topic: &Topic<String>, count: usize) {
    until(format_args!("{count} subscribers"), || topic.subscribers() == count).await;
}
