//! The kitchen service, with slow and endless responses and with tunnels.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Method, Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine_core::{Body, BoxError};
use trine_server::upgrade::OnUpgrade;

use crate::common::kitchen;

pub async fn answer(mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
    if request.method() == Method::CONNECT {
        if let Some(upgrade) = OnUpgrade::take(&mut request) {
            tokio::spawn(echo(upgrade));
        }
        return Ok(Response::new(Body::empty()));
    }
    let pause = Duration::from_millis(50);
    Ok(match request.uri().path() {
        "/slower" => {
            tokio::time::sleep(20 * pause).await;
            Response::new(Body::from("slower"))
        }
        "/drip" => {
            let drops = futures_util::stream::iter(0..10).then(move |_| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, Infallible>("x")
            });
            Response::new(Body::stream(drops))
        }
        "/endless" => {
            let pieces =
                std::iter::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 16 * 1024])));
            Response::new(Body::stream(futures_util::stream::iter(pieces)))
        }
        _ => return kitchen(request).await,
    })
}

/// Echoes what it reads. After `wait`, it sends `bye` when the server shuts down.
async fn echo(upgrade: OnUpgrade) -> Result<(), BoxError> {
    let mut stream = upgrade.await?;
    let mut bytes = [0; 64];
    loop {
        let read = stream.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&bytes[..read]).await?;
        if bytes.starts_with(b"wait") {
            stream.draining().await;
            stream.write_all(b"bye").await?;
            return Ok(());
        }
    }
}
