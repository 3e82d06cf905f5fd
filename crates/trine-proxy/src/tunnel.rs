//! Other protocols through the proxy, such as WebSockets. After a 101 the proxy copies bytes and
//! does not interpret them.

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
use trine_core::upgrade::OnUpgrade;

use crate::config::settings::Settings;
use crate::connection::{Boxed, Http1};
use crate::upstream::permit::UpstreamPermit;

/// The upgrade of the client, in the type of the server that runs the proxy.
#[derive(Debug)]
pub(crate) enum ClientUpgrade {
    Native(OnUpgrade),
    Hyper(hyper::upgrade::OnUpgrade),
}

impl ClientUpgrade {
    pub(crate) fn take(extensions: &mut Extensions) -> Option<ClientUpgrade> {
        match OnUpgrade::take_from(extensions) {
            Some(native) => Some(ClientUpgrade::Native(native)),
            None => extensions.remove().map(ClientUpgrade::Hyper),
        }
    }
}

/// Spawns the task that joins both sides as soon as the client's server has sent the 101.
pub(crate) fn spawn(
    client: ClientUpgrade,
    conn: Http1,
    permit: UpstreamPermit,
    settings: &Arc<Settings>,
) {
    let idle = settings.limits.tunnel_timeout;
    tokio::spawn(async move {
        let parts = conn.io.into_parts();
        let upstream = parts.io.into_inner();
        let ended = match client {
            ClientUpgrade::Native(client) => match client.await {
                Ok(client) => {
                    let draining: Boxed<()> = Box::pin(client.draining());
                    tunnel(client, upstream, &parts.read_buf, idle, draining)
                        .await
                        .map_err(BoxError::from)
                }
                Err(error) => Err(error.into()),
            },
            ClientUpgrade::Hyper(client) => match client.await {
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
            tracing::debug!(upstream = permit.node().name, %error, "an upgraded connection failed");
        }
        drop(permit);
    });
}

/// Copies in both directions until both have ended, nothing is carried for the time `idle`, or the
/// server shuts down.
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
    let activity = LastActivity::new();
    let both = async {
        // The bytes that the upstream sent directly after its 101.
        client_out.write_all(early).await?;
        client_out.flush().await?;
        tokio::try_join!(
            copy(&mut client_in, &mut upstream_out, &activity),
            copy(&mut upstream_in, &mut client_out, &activity),
        )
    };
    let ended = tokio::select! {
        ended = both => ended.map(|_| ()),
        () = activity.expired(idle) => Err(io::Error::new(io::ErrorKind::TimedOut, "the tunnel was idle for too long")),
        () = draining => Ok(()),
    };
    // Both sides see the end, whatever its reason.
    let closing = async {
        let _ = client_out.shutdown().await;
        let _ = upstream_out.shutdown().await;
    };
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, closing).await;
    ended
}

/// The maximum time to send the last bytes of a tunnel.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The buffer of one direction, which is written before more is read.
const BUFFER: usize = 8 * 1024;

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    activity: &LastActivity,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        to.flush().await?;
        activity.record();
    }
}

/// The time at which bytes were last carried.
struct LastActivity {
    start: Instant,
    millis: AtomicU64,
}

impl LastActivity {
    fn new() -> LastActivity {
        LastActivity { start: Instant::now(), millis: AtomicU64::new(0) }
    }

    fn record(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::Relaxed);
    }

    async fn expired(&self, idle: Duration) {
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
