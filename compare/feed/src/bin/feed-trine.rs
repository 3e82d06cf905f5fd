//! The framework: a topic and `Sse`, one worker.

use compare_feed::{EVERY, MESSAGE, QUEUE};
use trine::config::Config;
use trine::prelude::*;
use trine::sse::{Event, Sse};
use trine::topic::{Topic, TopicConfig};

#[get("/feed")]
async fn feed(topic: State<Topic<String>>) -> impl IntoResponse {
    Sse::new(topic.subscribe().events_by(|text| Ok(Event::text(text))))
}

#[trine::main]
async fn main() -> trine::Result {
    let topic = Topic::<String>::with(TopicConfig { queue: QUEUE, ..TopicConfig::default() });
    let mut config = Config::default();
    config.server.port = compare_common::port();
    config.server.workers = 1;
    config.server.max_connections = 25_000;
    let app = App::new().config(config).state(topic.clone()).routes(routes![feed]);
    app.task("publisher", move |cx| async move {
        let mut every = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = every.tick() => topic.publish(MESSAGE.to_owned()),
                () = cx.shutdown() => return Ok(()),
            };
        }
    })
    .serve()
    .await
}
