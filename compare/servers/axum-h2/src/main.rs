//! axum's `Router` on hyper's HTTP/2, on one thread. It is the counterpart of `axum` for HTTP/2 in
//! clear text.

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;

fn main() -> std::io::Result<()> {
    let router = compare_axum_routes::router();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(compare_common::listen()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let builder = http2::Builder::new(TokioExecutor::new());
                // A client that disconnects is not an error here.
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}
