//! One event, as the bytes that are sent.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Serialize;

/// One event of a stream: a text, often JSON, with a name and an id where it has them.
///
/// ```
/// use trine::sse::Event;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let event = Event::json(&["EUR", "USD"])?.name("price").id("7");
/// assert_eq!(event.into_bytes(), "data: [\"EUR\",\"USD\"]\nevent: price\nid: 7\n\n");
/// assert_eq!(Event::text("two\nlines").into_bytes(), "data: two\ndata: lines\n\n");
/// # Ok(())
/// # }
/// ```
///
/// Whatever a text holds, it stays in its field: line breaks begin a new line of `data`, and are
/// spaces in names, ids and comments. The browser reads each kind of line break as `\n`.
///
/// An event without data, as [`Event::comment`] and [`Event::retry`] make, is not handed to the
/// page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(Lines);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lines {
    /// Without the empty line that ends it.
    Open(BytesMut),
    /// With it: what many streams send.
    Whole(Bytes),
}

impl Event {
    /// An event with this text as its data.
    #[must_use]
    pub fn text(data: impl AsRef<str>) -> Event {
        let mut rest = data.as_ref();
        let mut event = Event::open();
        loop {
            let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
            event = event.line("data", &rest[..end]);
            let after =
                rest[end..].strip_prefix("\r\n").or_else(|| rest[end..].strip_prefix(['\r', '\n']));
            let Some(after) = after else { return event };
            rest = after;
        }
    }

    /// An event with this value as JSON for its data.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Event, serde_json::Error> {
        // Line breaks are escaped in it: it is one line.
        Ok(Event::open().line("data", &serde_json::to_string(value)?))
    }

    /// A comment, which the browser ignores.
    #[must_use]
    pub fn comment(text: impl AsRef<str>) -> Event {
        Event::open().line("", &one_line(text.as_ref()))
    }

    /// Tells the browser how long it should wait before it comes back.
    /// [`Sse::retry`](crate::sse::Sse::retry) says it once, at the beginning.
    #[must_use]
    pub fn retry(after: Duration) -> Event {
        Event::open().line("retry", &after.as_millis().to_string())
    }

    /// The same event with a name: the page hears it by `addEventListener(name, …)`, and no more by
    /// `onmessage`.
    #[must_use]
    pub fn name(self, name: impl AsRef<str>) -> Event {
        self.line("event", &one_line(name.as_ref()))
    }

    /// The same event with an id, which the browser sends as
    /// [`LastEventId`](crate::sse::LastEventId) when it comes back.
    #[must_use]
    pub fn id(self, id: impl AsRef<str>) -> Event {
        // The browser ignores an id with a NUL.
        self.line("id", &one_line(id.as_ref()).replace('\0', " "))
    }

    /// The bytes that are sent.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Lines::Whole(bytes) => bytes,
            Lines::Open(mut lines) => {
                lines.put_u8(b'\n');
                lines.freeze()
            }
        }
    }

    /// What [`Event::into_bytes`] made, to be sent again.
    pub(super) fn whole(bytes: Bytes) -> Event {
        Event(Lines::Whole(bytes))
    }

    fn open() -> Event {
        Event(Lines::Open(BytesMut::new()))
    }

    /// Adds a line. `value` has no line break in it.
    fn line(self, field: &str, value: &str) -> Event {
        let mut lines = match self.0 {
            Lines::Open(lines) => lines,
            Lines::Whole(bytes) => BytesMut::from(bytes.strip_suffix(b"\n").unwrap_or(&bytes)),
        };
        lines.reserve(field.len() + 2 + value.len() + 2);
        lines.put_slice(field.as_bytes());
        // The browser takes one space off.
        lines.put_slice(b": ");
        lines.put_slice(value.as_bytes());
        lines.put_u8(b'\n');
        Event(Lines::Open(lines))
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a browser makes of the bytes: WHATWG HTML, 9.2.6.
    fn read(bytes: &[u8]) -> Vec<(String, String, String)> {
        let text =
            String::from_utf8(bytes.to_vec()).unwrap().replace("\r\n", "\n").replace('\r', "\n");
        let mut events = Vec::new();
        let (mut name, mut id, mut data) = (String::new(), String::new(), None::<String>);
        for line in text.split_terminator('\n') {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                _ if line.is_empty() => {
                    if let Some(data) = data.take() {
                        events.push((std::mem::take(&mut name), id.clone(), data));
                    }
                    name.clear();
                }
                "event" => name = value.into(),
                "id" if !value.contains('\0') => id = value.into(),
                "data" => match &mut data {
                    Some(data) => *data = format!("{data}\n{value}"),
                    none => *none = Some(value.into()),
                },
                _ => {}
            }
        }
        events
    }

    proptest! {
        #[test]
        fn whatever_a_text_holds_it_stays_in_its_field(
            data in "[a: \r\n\u{0}\u{85}\u{2028}]{0,12}",
            name in "[a: \r\n\u{0}]{0,8}",
            id in "[a: \r\n\u{0}]{0,8}",
            comment in "[a: \r\n]{0,8}",
        ) {
            let event = Event::text(&data).name(&name).id(&id);
            let bytes = [Event::comment(&comment).into_bytes(), event.into_bytes()].concat();
            let name = name.replace(['\r', '\n'], " ");
            let id = id.replace(['\r', '\n', '\0'], " ");
            let data = data.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(read(&bytes), [(name, id, data)]);
        }
    }

    #[test]
    fn what_is_no_event_is_not_handed_to_the_page() {
        assert_eq!(Event::retry(Duration::from_secs(2)).into_bytes(), "retry: 2000\n\n");
        assert_eq!(Event::comment("here\r\ndata: x").into_bytes(), ": here  data: x\n\n");
    }

    #[test]
    fn an_event_that_was_sent_can_be_named() {
        let sent = Event::whole(Event::text("a").into_bytes());
        assert_eq!(sent.name("b").into_bytes(), "data: a\nevent: b\n\n");
    }
}
