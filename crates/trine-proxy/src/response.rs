//! The body of an answer on its way from an upstream to the client.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use trine_core::Body;

use crate::config::settings::Settings;
use crate::connection::pool::Pool;
use crate::connection::timer::{Clock, Over};
use crate::connection::{H1, Share};
use crate::error::{Fault, ProxyError};
use crate::request::body::without_framing;
use crate::upstream::permit::Place;

/// Pulls from the upstream only what the client takes; dropped early, it ends the request at the
/// upstream too.
pub(crate) struct Answer {
    body: Incoming,
    from: From,
    /// What was there when the head came.
    first: Option<Option<Result<Frame<Bytes>, hyper::Error>>>,
    settings: Arc<Settings>,
    place: Option<Place>,
}

/// What brings the body.
pub(crate) enum From {
    H1(Option<H1>),
    H2 {
        _share: Share,
        clock: Clock,
        /// The request had no body.
        alone: bool,
    },
}

impl Answer {
    /// The body. One that is there as a whole, as small ones are, is not streamed: its connection
    /// is free at once.
    pub(crate) async fn body(
        body: Incoming,
        mut from: From,
        place: Place,
        settings: &Arc<Settings>,
    ) -> Body {
        if let From::H1(Some(conn)) = &mut from {
            conn.clock.clear();
        }
        let mut answer =
            Answer { body, from, first: None, settings: Arc::clone(settings), place: Some(place) };
        if answer.body.is_end_stream() {
            answer.end();
            return Body::empty();
        }
        let first = poll_fn(|cx| Poll::Ready(answer.poll_incoming(cx))).await;
        match first {
            Poll::Ready(Some(Ok(frame))) if answer.body.is_end_stream() && frame.is_data() => {
                answer.end();
                Body::from(frame.into_data().unwrap_or_default())
            }
            Poll::Ready(first) => {
                answer.first = Some(first);
                Body::new(answer)
            }
            Poll::Pending => Body::new(answer),
        }
    }

    /// The upstream has said everything.
    fn end(&mut self) {
        let place = self.place.take();
        if let (From::H1(conn), Some(place)) = (&mut self.from, place)
            && let Some(conn) = conn.take()
        {
            Pool::put(place.node(), conn, &self.settings.config);
        }
    }

    /// What is there; moves the connection where nothing is.
    fn poll_incoming(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(first);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        if let From::H1(Some(conn)) = &mut self.from {
            conn.poll_io(cx);
            return Pin::new(&mut self.body).poll_frame(cx);
        }
        Poll::Pending
    }

    /// Whether a body that seems to be over is not. hyper takes RST_STREAM with NO_ERROR for the
    /// end: so an upstream ends what it does not want of a request, after its answer (RFC 9113,
    /// 8.1). But one that owes bytes, or whose request was over, was cut.
    fn is_cut(&self) -> bool {
        let owes = self.body.size_hint().exact().is_some_and(|rest| rest > 0);
        let alone = matches!(self.from, From::H2 { alone: true, .. });
        (owes || alone) && !self.body.is_end_stream()
    }

    fn fail(&mut self, error: ProxyError) -> ProxyError {
        let Some(place) = self.place.take() else { return error };
        let error = error.at(&place.node().name);
        if error.fault().is_upstreams() {
            place.node().health.failed(&place.node().name, &self.settings.config);
        }
        // The connection is in the middle of something.
        self.from = From::H1(None);
        error
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = ProxyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        let this = &mut *self;
        if this.place.is_none() {
            return Poll::Ready(None);
        }
        let frame = this.poll_incoming(cx);
        let cut = matches!(frame, Poll::Ready(None)) && this.is_cut();
        let read_timeout = this.settings.config.read_timeout;
        let clock = match &mut this.from {
            From::H1(Some(conn)) => &mut conn.clock,
            From::H2 { clock, .. } => clock,
            From::H1(None) => return Poll::Ready(None),
        };
        match frame {
            Poll::Ready(Some(Ok(frame))) => {
                // HTTP/2 has frames of nothing, which buy no time.
                if frame.data_ref().is_none_or(|data| !data.is_empty()) {
                    clock.clear();
                }
                let frame = without_framing(frame);
                if this.body.is_end_stream() || frame.is_trailers() {
                    this.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                let fault = if error.is_parse() { Fault::Malformed } else { Fault::Closed };
                Poll::Ready(Some(Err(this.fail(ProxyError::because(fault, error)))))
            }
            Poll::Ready(None) if cut => {
                Poll::Ready(Some(Err(this.fail(ProxyError::new(Fault::Closed)))))
            }
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                clock.go_on(read_timeout);
                match clock.poll(cx) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(over) => {
                        let fault = if over == Over::Total {
                            Fault::TotalTimeout
                        } else {
                            Fault::ReadTimeout
                        };
                        Poll::Ready(Some(Err(this.fail(ProxyError::new(fault)))))
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.place.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.size_hint();
        let first = match &self.first {
            Some(Some(Ok(frame))) => frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => 0,
        };
        // What lies here is taken out of what is to come.
        match hint.exact() {
            Some(rest) => SizeHint::with_exact(rest + first),
            None => hint,
        }
    }
}
