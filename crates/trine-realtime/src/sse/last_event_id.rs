//! The event after which a client resumes.

use http::HeaderName;
use trine_core::extract::Head;
use trine_core::param::ParamLocation;
use trine_core::{Cx, FromRequest, Rejection};

use crate::topic::Since;

/// The id of the last event that the client received, from the header field `Last-Event-ID`, which
/// browsers send when they reconnect.
///
/// `Option<LastEventId>` is `None` on the first visit. As an argument of
/// [`Topic::subscribe_since`](crate::topic::Topic::subscribe_since) it selects where to begin: with
/// the oldest message of the history, or after the message with this id.
///
/// ```
/// use trine::prelude::*;
/// use trine::sse::{LastEventId, Sse};
///
/// #[get("/news")]
/// async fn news(
///     topic: State<trine::Topic<String>>,
///     last: Option<LastEventId>,
/// ) -> impl IntoResponse {
///     Sse::new(topic.subscribe_since(last).events())
/// }
/// ```
///
/// # Errors
/// 400 when the field is missing or not UTF-8. `Option` is `None` when it is missing.
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
    use std::sync::Arc;

    use trine_core::route::AppCx;
    use trine_core::{Request, RouteCx};

    use super::*;

    fn cx(last_event_id: Option<&str>) -> Cx {
        let mut request = Request::new(().into());
        if let Some(id) = last_event_id {
            request.headers_mut().insert("last-event-id", id.parse().unwrap());
        }
        Cx::new(request, RouteCx::new(Arc::new(AppCx::default()), None))
    }

    #[tokio::test]
    async fn is_the_value_of_its_field() {
        let mut present = cx(Some("ä-7"));
        assert_eq!(LastEventId::from_request(&mut present).await.unwrap().0, "ä-7");
        let mut absent = cx(None);
        assert_eq!(Option::<LastEventId>::from_request(&mut absent).await.unwrap(), None);
        match LastEventId::from_request(&mut absent).await {
            Err(Rejection::Problem(problem)) => assert_eq!(problem.status(), 400),
            other => panic!("expected a problem, got {other:?}"),
        }
    }
}
