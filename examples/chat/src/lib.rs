//! A chat: rooms by name, who is in them, and what was said while you were away.
//!
//! # Layout
//! - here: the application, and a visit to a room
//! - `words`: what may be called a room, a name, a text, and what travels
//! - `guests`: how many visits one client may pay at once
//! - `pace`: how quickly one may talk
//! - `page`: what the browser loads: `chat.html`, `chat.js`, `chat.css`

mod guests;
mod pace;
mod page;
mod words;

use std::time::Duration;

use futures_util::StreamExt as _;
use trine::prelude::*;
use trine::topic::{Overflow, Presence, RoomsFull, Since, TopicConfig, Topics};
use trine::ws::{JsonText, MessageFormat as _, WebSocketConfig};

use crate::guests::{Guests, Seat};
use crate::pace::Pace;
use crate::words::{Name, Room, Said, Say};

type Rooms = Topics<Room, Said>;
type People = Presence<Room, Name>;

/// The whole application.
#[must_use]
pub fn app() -> App {
    let rooms = TopicConfig {
        // What somebody who comes late, or comes back, gets to read.
        history: 100,
        linger: Duration::from_secs(60 * 60),
        rooms: 1000,
        // Who cannot keep up comes back and reads the history: no message is missing in the middle.
        overflow: Overflow::Disconnect,
        ..TopicConfig::default()
    };
    let sockets = WebSocketConfig { max_message_size: 8 * 1024, ..WebSocketConfig::default() };
    App::new()
        .state(Rooms::with(rooms))
        .state(People::new())
        .state(Guests::default())
        .state(sockets)
        .routes(routes![page::lobby, page::room, page::asset, visit])
        .layer(middleware(page::secured))
}

/// A visit to a room. What is said, and who comes and goes, flows out by itself; what the visitor
/// says is published.
#[get("/rooms/{room}/socket?{name}&{after}")]
async fn visit(
    room: Room,
    name: Name,
    after: Option<String>,
    seat: Seat,
    rooms: State<Rooms>,
    people: State<People>,
    ws: Ws<Say, ()>,
) -> Result<Response, RoomsFull> {
    // Who comes back says which message was the last.
    let said = rooms.subscribe_since(&room, after.map_or(Since::Oldest, Since::After))?;
    Ok(ws.on_upgrade(async move |mut socket| {
        let _here = people.enter(room.clone(), name.clone());
        // Free before others are told that the visitor is gone.
        let _seat = seat;
        socket.forward(said.messages_by(words::said));
        socket.forward(people.watch(room.clone()).map(|change| JsonText::write(&change)));
        let mut pace = Pace::default();
        while let Some(Say { text }) = socket.recv().await {
            // While it waits, nothing more is read from this visitor, and everything else goes on.
            pace.wait().await;
            rooms.publish(&room, Said::now(&name, text));
        }
    }))
}
