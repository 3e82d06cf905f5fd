//! The response body on its way from an upstream to the client.

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
use crate::connection::timer::{Expired, StageTimer};
use crate::connection::{Http1, StreamPermit};
use crate::error::{Fault, ProxyError};
use crate::request::body::sanitize_trailers;
use crate::upstream::permit::UpstreamPermit;

/// Reads from the upstream only what the client accepts. If it is dropped early, the request ends
/// at the upstream too.
pub(crate) struct ResponseBody {
    body: Incoming,
    connection: BodyConnection,
    /// The result of the first poll, right after the response head.
    first: Option<Option<Result<Frame<Bytes>, hyper::Error>>>,
    settings: Arc<Settings>,
    permit: Option<UpstreamPermit>,
}

/// The connection that the body is read from.
pub(crate) enum BodyConnection {
    Http1(Option<Http1>),
    Http2 {
        _stream: StreamPermit,
        timer: StageTimer,
        /// Whether the request had no body.
        no_request_body: bool,
    },
}

impl ResponseBody {
    /// The response body. A small body that is complete already is not streamed, and its connection
    /// is idle at once.
    pub(crate) async fn wrap(
        body: Incoming,
        mut connection: BodyConnection,
        permit: UpstreamPermit,
        settings: &Arc<Settings>,
    ) -> Body {
        if let BodyConnection::Http1(Some(conn)) = &mut connection {
            conn.timer.stop();
        }
        let mut response = ResponseBody {
            body,
            connection,
            first: None,
            settings: Arc::clone(settings),
            permit: Some(permit),
        };
        if response.body.is_end_stream() {
            response.end();
            return Body::empty();
        }
        let first = poll_fn(|cx| Poll::Ready(response.poll_incoming(cx))).await;
        match first {
            Poll::Ready(Some(Ok(frame))) if response.body.is_end_stream() && frame.is_data() => {
                response.end();
                Body::from(frame.into_data().unwrap_or_default())
            }
            Poll::Ready(first) => {
                response.first = Some(first);
                Body::new(response)
            }
            Poll::Pending => Body::new(response),
        }
    }

    /// The response is complete.
    fn end(&mut self) {
        let permit = self.permit.take();
        if let (BodyConnection::Http1(conn), Some(permit)) = (&mut self.connection, permit)
            && let Some(conn) = conn.take()
        {
            Pool::put(&permit.node().pool, conn, &self.settings.limits);
        }
    }

    /// Polls the body, and drives the connection if the body has no frame.
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
        if let BodyConnection::Http1(Some(conn)) = &mut self.connection {
            conn.poll_io(cx);
            return Pin::new(&mut self.body).poll_frame(cx);
        }
        Poll::Pending
    }

    /// Whether a body that seems complete was truncated. hyper treats RST_STREAM with NO_ERROR as
    /// the end, because an upstream may use it to refuse the rest of a request after a complete
    /// response (RFC 9113, 8.1). But the response is truncated if bytes of its declared length are
    /// missing, or if the request was complete.
    fn is_truncated(&self) -> bool {
        let missing = self.body.size_hint().exact().is_some_and(|rest| rest > 0);
        let complete_request =
            matches!(self.connection, BodyConnection::Http2 { no_request_body: true, .. });
        (missing || complete_request) && !self.body.is_end_stream()
    }

    fn fail(&mut self, error: ProxyError) -> ProxyError {
        let Some(permit) = self.permit.take() else { return error };
        let error = error.at(&permit.node().name);
        if error.fault().is_upstreams() {
            permit.node().health.failed(&permit.node().name, &self.settings.limits);
        }
        // The connection is in the middle of a response and cannot be reused.
        self.connection = BodyConnection::Http1(None);
        error
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = ProxyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ProxyError>>> {
        let this = &mut *self;
        if this.permit.is_none() {
            return Poll::Ready(None);
        }
        let frame = this.poll_incoming(cx);
        let truncated = matches!(frame, Poll::Ready(None)) && this.is_truncated();
        let read_timeout = this.settings.limits.read_timeout;
        let timer = match &mut this.connection {
            BodyConnection::Http1(Some(conn)) => &mut conn.timer,
            BodyConnection::Http2 { timer, .. } => timer,
            BodyConnection::Http1(None) => return Poll::Ready(None),
        };
        match frame {
            Poll::Ready(Some(Ok(frame))) => {
                // Empty frames of HTTP/2 do not extend the timeout.
                if frame.data_ref().is_none_or(|data| !data.is_empty()) {
                    timer.stop();
                }
                let frame = sanitize_trailers(frame);
                if this.body.is_end_stream() || frame.is_trailers() {
                    this.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                let fault = if error.is_parse() { Fault::Malformed } else { Fault::Closed };
                Poll::Ready(Some(Err(this.fail(ProxyError::with_source(fault, error)))))
            }
            Poll::Ready(None) if truncated => {
                Poll::Ready(Some(Err(this.fail(ProxyError::new(Fault::Closed)))))
            }
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                timer.start_once(read_timeout);
                match timer.poll(cx) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(expired) => {
                        let fault = if expired == Expired::Request {
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
        self.permit.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.size_hint();
        let first = match &self.first {
            Some(Some(Ok(frame))) => frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => 0,
        };
        // The first frame is no longer part of the size of the incoming body.
        match hint.exact() {
            Some(rest) => SizeHint::with_exact(rest + first),
            None => hint,
        }
    }
}
