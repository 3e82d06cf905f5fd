//! axum as its documentation says: `axum::serve` on the multi-thread runtime, here with one worker.

use axum::serve::ListenerExt;

fn main() -> std::io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(compare_common::listen()?)?;
        // Without this an answer may wait for the client's delayed acknowledgement; the
        // documentation advises it.
        let listener = listener.tap_io(|stream| {
            // A connection that is gone already is no event here.
            let _ = stream.set_nodelay(true);
        });
        // `axum::serve` itself runs on the caller's thread, the connections on the worker.
        axum::serve(listener, compare_axum_routes::router()).await
    })
}
