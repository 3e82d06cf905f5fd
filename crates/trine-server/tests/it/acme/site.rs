//! A server that orders its certificate from the authority of the tests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::{Request, Response};
use trine_core::Body;
use trine_server::tls::Tls;
use trine_server::{Acme, Listener, NativeUpgrades, ServerConfig, ServerHandle};

use super::authority::Test;
use crate::common::pki::{connect, shown};
use crate::common::{Running, bind, config, within};

pub(crate) struct Site {
    pub(crate) tls: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) calls: Arc<AtomicUsize>,
    pub(crate) handle: ServerHandle,
    running: Running,
}

pub(crate) const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

impl Site {
    pub(crate) fn start(authority: &Test, acme: Acme) -> Site {
        Site::with(authority, Tls::acme(acme), Listener::tcp(ANYWHERE.into()))
    }

    /// Starts a listener for TLS and one for plain HTTP, and configures the authority to validate
    /// there.
    pub(crate) fn with(authority: &Test, tls: Tls, plain: Listener) -> Site {
        let listeners = vec![Listener::tls(ANYWHERE.into(), tls), plain];
        let bound = bind(ServerConfig { listeners, ..config() });
        let places: Vec<SocketAddr> =
            bound.local_addrs().map(|address| address.tcp().unwrap()).collect();
        let (tls, http) = (places[0], places[1]);
        {
            let mut desk = authority.desk();
            (desk.tls, desk.http) = (Some(tls), Some(http));
        }
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let service = tower::service_fn(move |_: Request<Body>| {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok::<_, Infallible>(Response::new(Body::from("served"))))
        });
        let handle = bound.handle();
        let running = Running {
            address: tls,
            handle: handle.clone(),
            task: tokio::spawn(bound.serve(NativeUpgrades(service))),
        };
        Site { tls, http, calls, handle, running }
    }

    /// The certificate that a client sees now, if it trusts the authority.
    pub(crate) async fn certificate(
        &self,
        authority: &Test,
        name: &str,
    ) -> std::io::Result<Vec<u8>> {
        let stream = connect(self.tls, name, &authority.trusted()).await?;
        Ok(shown(&stream))
    }

    /// Waits for a certificate that is not `old`.
    pub(crate) async fn next(&self, authority: &Test, name: &str, old: &[u8]) -> Vec<u8> {
        let waiting = async {
            loop {
                match self.certificate(authority, name).await {
                    Ok(new) if new != old => break new,
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        within(waiting).await
    }

    pub(crate) async fn stop(self) {
        let began = Instant::now();
        self.running.stop().await;
        assert!(began.elapsed() < Duration::from_secs(5), "the ACME task must end with the server");
    }
}
