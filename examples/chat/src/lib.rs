//! A chat with named rooms, a list of the people in each room, and the messages that you missed.
//!
//! # Layout
//! - this file: the application, and the handler of a visit to a room
//! - `words`: the rules for room names, visitor names and texts, and the messages on the socket
//! - `guests`: how many rooms one client can visit at the same time
//! - `pace`: how fast a visitor can send messages
//! - `page`: the files that the browser loads: `chat.html`, `chat.js`, `chat.css`

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
        // Visitors read these messages when they arrive late or come back.
        history: 100,
        linger: Duration::from_secs(60 * 60),
        rooms: 1000,
        // A visitor that cannot keep up is disconnected, comes back and reads the history. That way
        // no message is missing in the middle.
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

/// A visit to a room. Messages and the names of arriving and leaving visitors are forwarded to the
/// socket in the background. Messages from the visitor are published.
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
    // A returning client names the last message that it has seen.
    let said = rooms.subscribe_since(&room, after.map_or(Since::Oldest, Since::After))?;
    Ok(ws.on_upgrade(async move |mut socket| {
        let _here = people.enter(room.clone(), name.clone());
        // Dropped first, so the seat is free before the other visitors see that this one has left.
        let _seat = seat;
        socket.forward(said.messages_by(words::said));
        socket.forward(people.watch(room.clone()).map(|change| JsonText::write(&change)));
        let mut pace = Pace::default();
        while let Some(Say { text }) = socket.recv().await {
            // Only reading from this visitor waits. Messages to the visitor are still forwarded.
            pace.wait().await;
            rooms.publish(&room, Said::now(&name, text));
        }
    }))
}
