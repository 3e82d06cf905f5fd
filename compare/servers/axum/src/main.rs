//! axum's `Router` on hyper's HTTP/1, on one thread and without timers: axum at its best, dearer through `axum::serve`.

use axum::Router;
use axum::extract::{Json, Path};
use axum::routing::{get, post};
use compare_common::{Item, MESSAGE, Message, PLAINTEXT};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;

fn main() -> std::io::Result<()> {
    let router = Router::new()
        .route("/plaintext", get(plaintext))
        .route("/json", get(json))
        .route("/users/{id}", get(user))
        .route("/echo", post(echo));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(compare_common::listen()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let connection = http1::Builder::new()
                    .pipeline_flush(true)
                    .serve_connection(TokioIo::new(stream), service);
                // A client that goes away is no event here.
                let _ = connection.await;
            });
        }
    })
}

async fn plaintext() -> &'static str {
    PLAINTEXT
}

async fn json() -> Json<Message> {
    Json(MESSAGE)
}

async fn user(Path(id): Path<u64>) -> String {
    id.to_string()
}

async fn echo(Json(item): Json<Item>) -> Json<Item> {
    Json(item)
}
