//! The rules for room names, visitor names and texts, and the messages on the socket.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use trine::BoxError;
use trine::prelude::*;
use trine::topic;
use trine::ws::{self, JsonText, MessageFormat as _};

/// The name of a room, as written in the path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Room(String);

impl FromParam for Room {
    async fn from_param(param: Param<'_>, _: &Cx) -> Result<Self, Rejection> {
        let fits = |room: &str| (1..=32).contains(&room.len()) && room.bytes().all(is_of_room);
        if fits(&param.value) {
            return Ok(Room(param.value.into_owned()));
        }
        Err(param.expected("1 to 32 of a-z, 0-9 and -"))
    }
}

fn is_of_room(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// The display name of a visitor. It is not unique and proves no identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Name(String);

impl FromParam for Name {
    async fn from_param(param: Param<'_>, _: &Cx) -> Result<Self, Rejection> {
        let name = param.value.trim();
        if (1..=24).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
            return Ok(Name(name.to_owned()));
        }
        Err(param.expected("a name of 1 to 24 characters"))
    }
}

/// A message from a visitor. Any other message closes the socket with code 1007 and a reason.
#[derive(Debug, Deserialize)]
pub(crate) struct Say {
    pub(crate) text: Text,
}

/// The text of one message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text(String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Text, &'static str> {
        let text = text.trim();
        match text.chars().count() {
            1..=1000 => Ok(Text(text.to_owned())),
            _ => Err("expected 1 to 1000 characters"),
        }
    }
}

/// A message as the room stores it.
#[derive(Debug, Serialize)]
pub(crate) struct Said {
    who: Name,
    text: Text,
    /// Milliseconds since 1970, as in JavaScript.
    at: u64,
}

impl Said {
    pub(crate) fn now(who: &Name, text: Text) -> Said {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Said { who: who.clone(), text, at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// The message for everyone in the room. It is encoded once, however many visitors there are.
pub(crate) fn said(message: &topic::Message<Said>) -> Result<ws::Message, BoxError> {
    #[derive(Serialize)]
    struct WithId<'a> {
        id: String,
        #[serde(flatten)]
        said: &'a Said,
    }
    Ok(JsonText::write(&WithId { id: message.id().to_string(), said: message.value() })?)
}
