//! The framework's WebSockets, topic and event streams, on one worker, with every limit and timeout
//! at its default.

use compare_common::MAX_MESSAGE;
use trine::Topic;
use trine::prelude::*;
use trine::sse::{Event, Sse};
use trine::ws::{Closed, Message, WebSocketConfig};
use trine_server::{Server, ServerConfig};

#[get("/ws")]
async fn echo(ws: WebSocket) -> Response {
    ws.on_upgrade(async |mut socket| {
        while let Some(message) = socket.recv().await {
            socket.send(message).await?;
        }
        Ok::<(), Closed>(())
    })
}

#[get("/feed")]
async fn feed(topic: State<Topic<String>>, ws: WebSocket) -> Response {
    let messages = topic.subscribe().messages_by(|text| Ok(Message::from(text.as_str())));
    ws.on_upgrade(async move |mut socket| {
        socket.forward(messages);
        while socket.recv().await.is_some() {}
    })
}

#[get("/events")]
async fn events(topic: State<Topic<String>>) -> impl IntoResponse {
    Sse::new(topic.subscribe().events_by(|text| Ok(Event::text(text))))
}

#[post("/publish")]
async fn publish(topic: State<Topic<String>>, text: String) -> &'static str {
    topic.publish(text);
    "published"
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = WebSocketConfig {
        max_message_size: MAX_MESSAGE,
        max_frame_size: MAX_MESSAGE,
        ..WebSocketConfig::default()
    };
    let app = App::new().state(limits).state(Topic::<String>::new());
    let app = app.routes(routes![echo, feed, events, publish]).build().await?;
    let config = ServerConfig {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port: compare_common::port(),
        workers: 1,
        ..ServerConfig::default()
    };
    let bound = Server::new(config).bind()?;
    compare_common::announce(bound.local_addr())?;
    Ok(bound.serve(app).await?)
}
