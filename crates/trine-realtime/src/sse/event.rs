//! One event, as the bytes that are sent.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Serialize;

/// One event of a stream: a text, often JSON, with an optional name and id.
///
/// ```
/// use trine::sse::Event;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let event = Event::json(&["EUR", "USD"])?.name("price").id("7");
/// assert_eq!(event.into_bytes(), "data: [\"EUR\",\"USD\"]\nevent: price\nid: 7\n\n");
/// # Ok(())
/// # }
/// ```
///
/// No text can break out of its field: a line break in data starts another line of `data`, and a
/// line break in a name, an id or a comment becomes a space. The browser reads every kind of line
/// break in data as `\n`.
///
/// The browser does not pass events without data to the page, such as those of [`Event::comment`]
/// and [`Event::retry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(Buffer);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Buffer {
    /// Lines of an event, without the empty line that ends it.
    Unfinished(BytesMut),
    /// A complete event, which many streams may share.
    Finished(Bytes),
}

impl Event {
    /// An event with this text as its data.
    ///
    /// ```
    /// use trine::sse::Event;
    ///
    /// assert_eq!(Event::text("two\nlines").into_bytes(), "data: two\ndata: lines\n\n");
    /// ```
    #[must_use]
    pub fn text(data: impl AsRef<str>) -> Event {
        let mut rest = data.as_ref();
        let mut event = Event::unfinished();
        loop {
            let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
            event = event.line("data", &rest[..end]);
            let after =
                rest[end..].strip_prefix("\r\n").or_else(|| rest[end..].strip_prefix(['\r', '\n']));
            let Some(after) = after else { return event };
            rest = after;
        }
    }

    /// An event with this value as JSON in its data.
    ///
    /// ```
    /// # use trine::sse::Event;
    /// let event = Event::json(&["EUR", "USD"]).unwrap();
    /// assert_eq!(event.into_bytes(), "data: [\"EUR\",\"USD\"]\n\n");
    /// ```
    ///
    /// # Errors
    /// When the value cannot be serialized as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Event, serde_json::Error> {
        // JSON escapes line breaks, so it is one line.
        Ok(Event::unfinished().line("data", &serde_json::to_string(value)?))
    }

    /// A comment, which the browser ignores.
    ///
    /// ```
    /// use trine::sse::Event;
    ///
    /// assert_eq!(Event::comment("warming up").into_bytes(), ": warming up\n\n");
    /// ```
    #[must_use]
    pub fn comment(text: impl AsRef<str>) -> Event {
        Event::unfinished().line("", &one_line(text.as_ref()))
    }

    /// Sets the time that the browser waits before it reconnects. [`Sse::retry`](super::Sse::retry)
    /// sends this once, at the beginning of the stream.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use trine::sse::Event;
    /// assert_eq!(Event::retry(Duration::from_secs(2)).into_bytes(), "retry: 2000\n\n");
    /// ```
    #[must_use]
    pub fn retry(after: Duration) -> Event {
        Event::unfinished().line("retry", &after.as_millis().to_string())
    }

    /// Names the event: the page receives it by `addEventListener(name, …)` instead of `onmessage`.
    ///
    /// ```
    /// # use trine::sse::Event;
    /// assert_eq!(Event::text("1.5").name("price").into_bytes(), "data: 1.5\nevent: price\n\n");
    /// ```
    #[must_use]
    pub fn name(self, name: impl AsRef<str>) -> Event {
        self.line("event", &one_line(name.as_ref()))
    }

    /// Sets the id of the event, which the browser sends as [`LastEventId`](super::LastEventId)
    /// when it reconnects.
    ///
    /// ```
    /// # use trine::sse::Event;
    /// assert_eq!(Event::text("1.5").id("7").into_bytes(), "data: 1.5\nid: 7\n\n");
    /// ```
    #[must_use]
    pub fn id(self, id: impl AsRef<str>) -> Event {
        // Browsers ignore an id that contains a NUL character.
        self.line("id", &one_line(id.as_ref()).replace('\0', " "))
    }

    /// The bytes that are sent.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Buffer::Finished(bytes) => bytes,
            Buffer::Unfinished(mut lines) => {
                lines.put_u8(b'\n');
                lines.freeze()
            }
        }
    }

    /// An event from the bytes that [`Event::into_bytes`] returned.
    pub(super) fn from_finished(bytes: Bytes) -> Event {
        Event(Buffer::Finished(bytes))
    }

    fn unfinished() -> Event {
        Event(Buffer::Unfinished(BytesMut::new()))
    }

    /// Adds a line. `value` must not contain a line break.
    fn line(self, field: &str, value: &str) -> Event {
        let mut lines = match self.0 {
            Buffer::Unfinished(lines) => lines,
            Buffer::Finished(bytes) => BytesMut::from(bytes.strip_suffix(b"\n").unwrap_or(&bytes)),
        };
        lines.reserve(field.len() + 2 + value.len() + 2);
        lines.put_slice(field.as_bytes());
        // The browser removes one space.
        lines.put_slice(b": ");
        lines.put_slice(value.as_bytes());
        lines.put_u8(b'\n');
        Event(Buffer::Unfinished(lines))
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads the bytes as a browser does (WHATWG HTML, 9.2.6).
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
    fn comments_and_retries_have_no_data() {
        assert_eq!(Event::retry(Duration::from_secs(2)).into_bytes(), "retry: 2000\n\n");
        assert_eq!(Event::comment("here\r\ndata: x").into_bytes(), ": here  data: x\n\n");
    }

    #[test]
    fn a_finished_event_can_be_named() {
        let sent = Event::from_finished(Event::text("a").into_bytes());
        assert_eq!(sent.name("b").into_bytes(), "data: a\nevent: b\n\n");
    }
}
