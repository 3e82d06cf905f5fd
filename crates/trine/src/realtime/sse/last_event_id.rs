//! Where a client comes back.

use http::HeaderName;
use trine_core::extract::Head;
use trine_core::param::ParamLocation;
use trine_core::{Cx, FromRequest, Rejection};

use crate::realtime::topic::Since;

/// The id of the last event that the client has seen, from the field `Last-Event-ID`, which a
/// browser sends when it comes back.
///
/// `Option<LastEventId>` is `None` for a client that comes for the first time, and says to
/// [`Topic::subscribe_since`](crate::Topic::subscribe_since) where to begin: with the oldest
/// message of the history, or behind this one.
///
/// ```
/// use trine::prelude::*;
/// use trine::sse::{LastEventId, Sse};
///
/// #[get("/news")]
/// async fn news(topic: State<trine::Topic<String>>, last: Option<LastEventId>) -> impl IntoResponse {
///     Sse::new(topic.subscribe_since(last).events())
/// }
/// ```
///
/// # Errors
/// A 400 when it is absent, or not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEventId(pub String);

impl FromRequest for LastEventId {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        const NAME: HeaderName = HeaderName::from_static("last-event-id");
        let Some(value) = cx.headers().get(NAME) else {
            return Err(ParamLocation::Header
                .refuse("Last-Event-ID", "missing", "is missing")
                .absent()
                .into());
        };
        match std::str::from_utf8(value.as_bytes()) {
            Ok(id) => Ok(LastEventId(id.to_owned())),
            Err(_) => Err(ParamLocation::Header
                .refuse("Last-Event-ID", "encoding", "expected UTF-8")
                .into()),
        }
    }
}

impl From<Option<LastEventId>> for Since {
    fn from(last: Option<LastEventId>) -> Since {
        last.map_or(Since::Oldest, Since::from)
    }
}

impl From<LastEventId> for Since {
    fn from(last: LastEventId) -> Since {
        Since::After(last.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::testkit::{cx, status_and_text};

    #[tokio::test]
    async fn is_what_the_client_says() {
        let mut there = cx("GET", "/", &[("last-event-id", "ä-7")], ());
        assert_eq!(LastEventId::from_request(&mut there).await.unwrap().0, "ä-7");
        let mut absent = cx("GET", "/", &[], ());
        assert_eq!(Option::<LastEventId>::from_request(&mut absent).await.unwrap(), None);
        assert_eq!(status_and_text(LastEventId::from_request(&mut absent).await).0, 400);
    }
}
