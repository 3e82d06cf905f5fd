//! A price feed. One task publishes quotes, and every client gets each of them.

mod market;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use trine::prelude::*;
use trine::sse::{LastEventId, Sse};
use trine::topic::{Since, Topic, TopicConfig};

use crate::market::Market;

/// One price of one stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// The symbol of the stock.
    pub symbol: String,
    /// The price in cents.
    pub price: u64,
}

/// `[ticker]` in `trine.toml`, `TRINE_TICKER_…` in the environment.
#[derive(Debug, trine::Config)]
pub struct Settings {
    /// The interval between two quotes.
    #[config(default = "200ms")]
    every: Duration,
}

/// The page.
#[get("/")]
async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}

/// Streams the latest quotes and then every new one. A browser that reconnects gets the quotes that
/// it missed instead.
#[get("/quotes")]
async fn quotes(quotes: State<Topic<Quote>>, last: Option<LastEventId>) -> impl IntoResponse {
    Sse::new(quotes.subscribe_since(last).events()).retry(Duration::from_secs(1))
}

/// Sends the same quotes on a WebSocket, for clients without `EventSource`. Messages from the
/// client are ignored.
#[get("/quotes/socket")]
async fn socket(quotes: State<Topic<Quote>>, ws: WebSocket) -> Response {
    ws.any_origin().on_upgrade(async move |mut socket| {
        socket.forward(quotes.subscribe_since(Since::Oldest).messages());
        while socket.recv().await.is_some() {}
    })
}

/// The number of subscribers.
#[get("/watching")]
async fn watching(quotes: State<Topic<Quote>>) -> Json<usize> {
    Json(quotes.subscribers())
}

/// The application.
pub fn app() -> App {
    let quotes = Topic::<Quote>::with(TopicConfig { history: 200, ..TopicConfig::default() });
    App::new()
        .state(quotes)
        .config_section::<Settings>("ticker")
        .routes(routes![page, quotes, socket, watching])
        .task("market", |cx| async move {
            let (quotes, settings) = (cx.state::<Topic<Quote>>()?, cx.state::<Settings>()?);
            let mut every = tokio::time::interval(settings.every);
            let mut market = Market::open();
            loop {
                tokio::select! {
                    _ = every.tick() => quotes.publish(market.next()),
                    () = cx.shutdown() => return Ok(()),
                };
            }
        })
}
