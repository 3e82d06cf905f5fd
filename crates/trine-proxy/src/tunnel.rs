//! Other protocols through the proxy, WebSockets say: after a 101 it copies bytes and understands
//! none of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Extensions;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until};
use trine_core::BoxError;
use trine_core::later::later;

use crate::config::settings::Settings;
use crate::connection::{Boxed, H1};
use crate::upstream::permit::Place;

/// The client's side, from whichever server runs the proxy.
#[derive(Debug)]
pub(crate) enum OnClient {
    Ours(trine_server::upgrade::OnUpgrade),
    Hyper(hyper::upgrade::OnUpgrade),
}

impl OnClient {
    pub(crate) fn take(extensions: &mut Extensions) -> Option<OnClient> {
        match extensions.remove() {
            Some(ours) => Some(OnClient::Ours(ours)),
            None => extensions.remove().map(OnClient::Hyper),
        }
    }
}

/// Joins both sides as soon as the client's server has sent the 101, in a task of its own.
pub(crate) fn join(client: OnClient, conn: H1, place: Place, settings: &Arc<Settings>) {
    let idle = settings.config.tunnel_timeout;
    tokio::spawn(async move {
        let parts = conn.io.into_parts();
        let upstream = parts.io.into_inner();
        let ended = match client {
            OnClient::Ours(client) => match client.await {
                Ok(client) => {
                    let draining: Boxed<()> = Box::pin(client.draining());
                    tunnel(client, upstream, &parts.read_buf, idle, draining)
                        .await
                        .map_err(BoxError::from)
                }
                Err(error) => Err(error.into()),
            },
            OnClient::Hyper(client) => match client.await {
                Ok(client) => {
                    let draining: Boxed<()> = Box::pin(std::future::pending());
                    let client = TokioIo::new(client);
                    tunnel(client, upstream, &parts.read_buf, idle, draining)
                        .await
                        .map_err(BoxError::from)
                }
                Err(error) => Err(error.into()),
            },
        };
        if let Err(error) = ended {
            tracing::debug!(upstream = place.node().name, %error, "an upgraded connection ended");
        }
        drop(place);
    });
}

/// Copies both ways until both have ended, nothing comes for too long, or the server shuts down.
async fn tunnel<C, U>(
    client: C,
    upstream: U,
    early: &[u8],
    idle: Duration,
    draining: Boxed<()>,
) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let (mut client_in, mut client_out) = tokio::io::split(client);
    let (mut upstream_in, mut upstream_out) = tokio::io::split(upstream);
    let pulse = Pulse::new();
    let both = async {
        // What the upstream said directly behind its 101.
        client_out.write_all(early).await?;
        client_out.flush().await?;
        tokio::try_join!(
            copy(&mut client_in, &mut upstream_out, &pulse),
            copy(&mut upstream_in, &mut client_out, &pulse),
        )
    };
    let ended = tokio::select! {
        ended = both => ended.map(|_| ()),
        () = pulse.stopped(idle) => Err(io::Error::new(io::ErrorKind::TimedOut, "it carried nothing for too long")),
        () = draining => Ok(()),
    };
    // However it ends, both sides see that it did.
    let closing = async {
        let _ = client_out.shutdown().await;
        let _ = upstream_out.shutdown().await;
    };
    let _ = tokio::time::timeout(FAREWELL, closing).await;
    ended
}

/// How long the last bytes of a tunnel may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What one direction holds at most: it is not read on before that is written.
const BUFFER: usize = 8 * 1024;

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    pulse: &Pulse,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        to.flush().await?;
        pulse.beat();
    }
}

/// When something was last carried.
struct Pulse {
    start: Instant,
    millis: AtomicU64,
}

impl Pulse {
    fn new() -> Pulse {
        Pulse { start: Instant::now(), millis: AtomicU64::new(0) }
    }

    fn beat(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::Relaxed);
    }

    async fn stopped(&self, idle: Duration) {
        loop {
            let last = self.start + Duration::from_millis(self.millis.load(Ordering::Relaxed));
            let end = later(last, idle);
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }
}
