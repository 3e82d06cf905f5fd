//! axum as documented: `axum::serve` on the multi-thread runtime, here with one worker.

use axum::serve::ListenerExt;

fn main() -> std::io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(compare_common::listen()?)?;
        // Without this, a response may wait for the client's delayed acknowledgement. The
        // documentation recommends it.
        let listener = listener.tap_io(|stream| {
            // A connection that is already closed is not an error here.
            let _ = stream.set_nodelay(true);
        });
        // `axum::serve` itself runs on the caller's thread, and the connections run on the worker.
        axum::serve(listener, compare_axum_routes::router()).await
    })
}
