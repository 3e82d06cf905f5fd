//! axum as its documentation says: `Sse` over a `tokio::sync::broadcast`, with its keep-alive, on a runtime of one worker.

use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use compare_feed::{EVERY, MESSAGE, QUEUE};
use tokio::sync::broadcast::{self, Sender};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt as _};

async fn feed(State(sender): State<Sender<String>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let messages = BroadcastStream::new(sender.subscribe()).filter_map(Result::ok);
    Sse::new(messages.map(|text| Ok(Event::default().data(text)))).keep_alive(KeepAlive::default())
}

#[tokio::main(worker_threads = 1)]
async fn main() -> std::io::Result<()> {
    let (sender, _) = broadcast::channel(QUEUE);
    let publisher = sender.clone();
    tokio::spawn(async move {
        let mut every = tokio::time::interval(EVERY);
        loop {
            every.tick().await;
            // Nobody may listen yet.
            let _ = publisher.send(MESSAGE.to_owned());
        }
    });
    let listener = tokio::net::TcpListener::from_std(compare_common::listen()?)?;
    axum::serve(listener, Router::new().route("/feed", get(feed)).with_state(sender)).await
}
