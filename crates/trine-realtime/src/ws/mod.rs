//! The messages of a topic for WebSockets. Feature `ws`.

mod messages;

pub use self::messages::Messages;
