//! axum's WebSockets and event streams on `axum::serve`, with one worker.
//!
//! The feed is tokio's broadcast channel, as in axum's example `chat`. Each socket has one loop
//! with a `select`, where the example has two tasks, because that needs less memory and less work.
//! The text is reference-counted, so it is not copied for each subscriber.

use std::convert::Infallible;

use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocketUpgrade};
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{any, get, post};
use axum::serve::ListenerExt;
use axum::{Router, serve};
use compare_common::{MAX_MESSAGE, QUEUE};
use tokio::sync::broadcast::Sender;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt as _};

async fn echo(ws: WebSocketUpgrade) -> Response {
    ws.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            // axum answers pings itself, but also passes them to the application.
            if matches!(message, Message::Text(_) | Message::Binary(_))
                && socket.send(message).await.is_err()
            {
                return;
            }
        }
    })
}

async fn feed(State(feed): State<Sender<Utf8Bytes>>, ws: WebSocketUpgrade) -> Response {
    let mut messages = feed.subscribe();
    ws.on_upgrade(async move |mut socket| {
        loop {
            tokio::select! {
                message = messages.recv() => {
                    let Ok(text) = message else { return };
                    if socket.send(Message::Text(text)).await.is_err() {
                        return;
                    }
                }
                said = socket.recv() => {
                    let Some(Ok(_)) = said else { return };
                }
            }
        }
    })
}

async fn events(
    State(feed): State<Sender<Utf8Bytes>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let messages = BroadcastStream::new(feed.subscribe()).filter_map(Result::ok);
    Sse::new(messages.map(|text| Ok(Event::default().data(text.as_str()))))
        .keep_alive(KeepAlive::default())
}

async fn publish(State(feed): State<Sender<Utf8Bytes>>, text: String) -> &'static str {
    // There may be no listener.
    let _ = feed.send(text.into());
    "published"
}

fn main() -> std::io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let router = Router::new()
            .route("/ws", any(echo))
            .route("/feed", any(feed))
            .route("/events", get(events))
            .route("/publish", post(publish))
            .with_state(Sender::<Utf8Bytes>::new(QUEUE));
        let listener = tokio::net::TcpListener::from_std(compare_common::listen()?)?;
        // The same setting as in `axum-serve`.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        serve(listener, router).await
    })
}
