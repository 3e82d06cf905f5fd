//! hyper's HTTP/2 alone, on one thread. It is the counterpart of `hyper` for HTTP/2 in clear text.

#[path = "../../hyper/src/answer.rs"]
mod answer;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(compare_common::listen()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let builder = http2::Builder::new(TokioExecutor::new());
                // A client that disconnects is not an error here.
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service_fn(answer::answer))
                    .await;
            });
        }
    })
}
