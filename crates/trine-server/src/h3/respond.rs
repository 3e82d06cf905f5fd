//! Sends the response of a request: its head, its body, and the end of its stream.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use trine_core::BoxError;

use super::codec::error::{Code, Fault};
use super::codec::{encode, frame};
use super::exchange::{Exchange, stalled};
use super::stream::StreamEnd;
use super::upload::Upload;
use crate::h1::codec::encode::Payload;
use crate::semantics::refusal;
use crate::transport::timer::Direction;

impl Exchange<'_> {
    pub(super) async fn respond<B>(&mut self, response: Response<B>) -> Result<(), StreamEnd>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
    {
        let status = response.status();
        if status.is_informational() {
            tracing::error!(%status, "a service returned an interim status; a 500 was sent instead");
            return self
                .refuse(StatusCode::INTERNAL_SERVER_ERROR, "the service returned no final response")
                .await;
        }
        self.before_response(status.is_success()).await;
        let (parts, body) = response.into_parts();
        let exact = body.size_hint().exact();
        let payload = self.push_head(status, &parts.headers, exact);
        if payload != Payload::Nothing {
            self.stream(body, payload).await?;
        }
        self.finish().await
    }

    /// Sends `100 Continue` if the client still waits for it: it cannot follow the head of the
    /// response.
    async fn before_response(&mut self, success: bool) {
        let Some(upload) = &mut self.upload else { return };
        if poll_fn(|cx| Poll::Ready(upload.before_response(cx, success))).await {
            self.push_fields(&encode::interim());
        }
    }

    /// Sends a response of the engine itself.
    pub(super) async fn refuse(
        &mut self,
        status: StatusCode,
        detail: &str,
    ) -> Result<(), StreamEnd> {
        let body = refusal::problem(status, detail);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, refusal::PROBLEM_JSON);
        if self.push_head(status, &headers, Some(body.len() as u64)) != Payload::Nothing {
            self.push_data(body.into());
        }
        self.finish().await
    }

    fn push_head(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        exact: Option<u64>,
    ) -> Payload {
        let (fields, payload) = encode::head(status, headers, exact, self.head);
        self.responding = true;
        self.push_fields(&fields);
        payload
    }

    async fn stream<B>(&mut self, body: B, mut payload: Payload) -> Result<(), StreamEnd>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
    {
        let mut body = pin!(body);
        while payload != Payload::Sized(0) {
            // The next frame is asked for only when QUIC has taken this one.
            let next = self
                .drive(|cx, exchange| {
                    if exchange.writer.is_empty() {
                        body.as_mut().poll_frame(cx)
                    } else {
                        Poll::Pending
                    }
                })
                .await?;
            match next {
                Some(Ok(frame)) => {
                    if self.push_frame(frame, &mut payload)? {
                        return Ok(());
                    }
                }
                Some(Err(error)) => {
                    let error: BoxError = error.into();
                    tracing::error!(%error, "the body of a response failed; the stream is reset");
                    let why = "the body of the response failed";
                    return Err(Fault::Stream(Code::InternalError, why).into());
                }
                None => return end(payload),
            }
        }
        // A body that is longer than its length has more data now. A body that is pending is not
        // waited for.
        match poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await {
            Poll::Ready(Some(Ok(frame)))
                if frame.data_ref().is_some_and(|data| !data.is_empty()) =>
            {
                Err(too_long())
            }
            _ => Ok(()),
        }
    }

    /// Queues a frame of the body. Returns whether it was the last one.
    fn push_frame(
        &mut self,
        frame: Frame<Bytes>,
        payload: &mut Payload,
    ) -> Result<bool, StreamEnd> {
        match frame.into_data() {
            Ok(data) => {
                if let Payload::Sized(left) = payload {
                    *left = left.checked_sub(data.len() as u64).ok_or_else(too_long)?;
                }
                self.push_data(data);
                Ok(false)
            }
            Err(frame) => {
                let Ok(trailers) = frame.into_trailers() else { return Ok(false) };
                if let Payload::Sized(1..) = payload {
                    return end(*payload).map(|()| true);
                }
                let fields = encode::trailers(&trailers);
                self.push_fields(&fields);
                Ok(true)
            }
        }
    }

    pub(super) fn push_fields(&mut self, fields: &[u8]) {
        let mut out = BytesMut::with_capacity(fields.len() + 16);
        frame::headers(&mut out, fields);
        self.writer.push(out.freeze());
    }

    fn push_data(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        let mut start = BytesMut::with_capacity(16);
        frame::data(&mut start, data.len() as u64);
        self.writer.push(start.freeze());
        self.writer.push(data);
    }

    /// Ends the response, delivers the rest of the request body to a task that still reads it, and
    /// waits until the client has acknowledged everything.
    async fn finish(&mut self) -> Result<(), StreamEnd> {
        self.drive(
            |_, exchange| if exchange.writer.is_empty() { Poll::Ready(()) } else { Poll::Pending },
        )
        .await?;
        self.writer.finish();
        if self.upload.is_none() {
            self.reader.stop(Code::NoError);
        }
        self.timer.set(Direction::Write, self.limits.write_timeout);
        let mut sent = self.sent();
        let mut acknowledged = false;
        poll_fn(|cx| {
            loop {
                if !acknowledged && self.stopped.as_mut().poll(cx).is_ready() {
                    acknowledged = true;
                    self.timer.clear(Direction::Write);
                }
                match self.poll_upload(cx) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(end)) => return Poll::Ready(Err(end)),
                    Poll::Pending => {}
                }
                if acknowledged && self.upload.as_ref().is_none_or(Upload::is_done) {
                    return Poll::Ready(Ok(()));
                }
                match ready!(self.timer.poll(cx)) {
                    Direction::Read => self.upload_timed_out(),
                    Direction::Write if self.is_fast_enough(&mut sent) => {
                        self.timer.set(Direction::Write, self.limits.write_timeout);
                    }
                    Direction::Write => {
                        self.writer.cancel(Code::RequestCancelled);
                        return Poll::Ready(Err(stalled()));
                    }
                }
            }
        })
        .await
    }

    /// Whether the client took its responses at the minimum rate since `before`.
    ///
    /// QUIC counts bytes per connection and not per stream. A stream that is read therefore keeps
    /// the other streams of its connection alive.
    fn is_fast_enough(&self, before: &mut (u64, u64)) -> bool {
        const LARGEST_PACKET: u64 = 1472;
        let (bytes, frames) = std::mem::replace(before, self.sent());
        let millis = u64::try_from(self.limits.write_timeout.as_millis()).unwrap_or(u64::MAX);
        let least = self.limits.min_write_rate.saturating_mul(millis) / 1000;
        // Packets that probe the limits of the path are counted as bytes, but hold no frame of a
        // stream.
        before.0 - bytes >= least && before.1 - frames >= least.div_ceil(LARGEST_PACKET)
    }

    /// The bytes that were sent on this connection so far, and the stream frames in them.
    fn sent(&self) -> (u64, u64) {
        let stats = self.connection.stats();
        (stats.udp_tx.bytes, stats.frame_tx.stream)
    }
}

/// Called when the body has ended. A response that is incomplete must not look complete.
fn end(payload: Payload) -> Result<(), StreamEnd> {
    let Payload::Sized(missing) = payload else { return Ok(()) };
    tracing::error!(missing, "a body was shorter than its Content-Length; the stream is reset");
    let why = "the response is shorter than its Content-Length";
    Err(Fault::Stream(Code::InternalError, why).into())
}

#[cold]
fn too_long() -> StreamEnd {
    tracing::error!("a body was longer than its Content-Length; the stream is reset");
    Fault::Stream(Code::InternalError, "the response is longer than its Content-Length").into()
}
