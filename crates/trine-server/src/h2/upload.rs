//! The body of a request, on its way from h2 to its reader, on demand.
//!
//! Data that the reader has not asked for stays within the flow-control windows of the client,
//! except for the first `early_bytes`: these are taken at once, and the client gets its credit
//! back. All streams of a connection share one window, and the small bodies of requests that wait
//! must not exhaust it. The rest of the credit is returned as the body is read. [`BodyStream`]
//! returns what is left, however the body ends.

use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::{HeaderMap, Request};
use http_body::Frame;
use trine_core::incoming::{self, Filler, Want};
use trine_core::{Body, BodyError};

use crate::config::limits::Limits;
use crate::semantics::budget::WaitBudget;

/// The sending end of a request body.
#[derive(Debug)]
pub(super) enum Upload {
    /// The reader has all of the body, or does not want the rest.
    Done,
    Feeding(Box<Feed>),
}

/// A body that is not complete.
#[derive(Debug)]
pub(super) struct Feed {
    filler: Filler,
    stream: BodyStream,
    /// Data that was taken before the reader asked for it. It is a copy, because a small piece
    /// keeps the buffer of a whole read alive.
    early: BytesMut,
    /// The length of the last frame that the reader was given.
    handed: usize,
    /// How long the client may still keep the reader waiting.
    budget: WaitBudget,
    /// The data has ended. Trailers may follow.
    trailing: bool,
    /// The client waits for `100 Continue` before it sends anything (RFC 9110, 10.1.1).
    pub(super) awaits_continue: bool,
}

/// A body of h2, and the flow-control credit that the client has to get back for it.
#[derive(Debug)]
pub(super) struct BodyStream {
    body: RecvStream,
    /// The bytes for which the client has not got its credit back (RFC 9113, 6.9).
    owed: usize,
}

impl Upload {
    /// Gives the request its body. A small body that has already arrived is handed over as a whole;
    /// any other body is filled on demand.
    pub(super) fn attach(
        request: Request<RecvStream>,
        cx: &mut Context<'_>,
        limits: &Limits,
    ) -> (Request<Body>, Upload) {
        let (head, mut body) = request.into_parts();
        if body.is_end_stream() {
            return (Request::from_parts(head, Body::empty()), Upload::Done);
        }
        let length = content_length(&head.headers);
        // Most small bodies arrive together with their head.
        let first = match body.poll_data(cx) {
            Poll::Ready(Some(Ok(data))) => Some(data),
            // h2 reports an error again at the next poll.
            _ => None,
        };
        let handed = first.as_ref().map_or(0, Bytes::len);
        let trailing = first.is_some() && body.is_end_stream();
        let stream = BodyStream { body, owed: handed };
        if let Some(data) = &first
            && trailing
            && handed <= limits.http2.early_bytes
        {
            let mut body = Body::whole(data.clone());
            body.mark_request();
            return (Request::from_parts(head, body), Upload::Done);
        }
        let (filler, incoming) = incoming::channel(length);
        let awaits_continue = first.is_none() && expects_continue(&head.headers);
        if let Some(data) = first.filter(|data| !data.is_empty()) {
            filler.fill(Frame::data(data));
        }
        let (early, budget) = (BytesMut::new(), WaitBudget::default());
        let mut feed = Feed { filler, stream, early, handed, budget, trailing, awaits_continue };
        feed.release_credit(limits);
        (Request::from_parts(head, Body::incoming(incoming)), Upload::Feeding(Box::new(feed)))
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Upload::Done)
    }

    pub(super) fn awaits_continue(&self) -> bool {
        matches!(self, Upload::Feeding(feed) if feed.awaits_continue)
    }

    /// Whether `100 Continue` has to be sent: the reader waits for the client, and the client waits
    /// for us.
    pub(super) fn wants_continue(&mut self, cx: &mut Context<'_>) -> bool {
        let Upload::Feeding(feed) = self else { return false };
        let wants = feed.awaits_continue && feed.filler.poll_wanted(cx) == Poll::Ready(Want::Frame);
        feed.awaits_continue &= !wants;
        wants
    }

    /// Moves the body towards its reader. Returns whether the reader was given something, so that
    /// it is worth polling again.
    pub(super) fn poll_move(&mut self, cx: &mut Context<'_>, limits: &Limits) -> bool {
        let Upload::Feeding(feed) = self else { return false };
        match feed.filler.poll_wanted(cx) {
            Poll::Pending => {
                feed.take_early(cx, limits);
                false
            }
            Poll::Ready(Want::Gone) => {
                *self = Upload::Done;
                false
            }
            Poll::Ready(Want::Frame) => match feed.poll_frame(cx, limits) {
                Poll::Pending => {
                    feed.budget.wait(limits.body_timeout);
                    false
                }
                Poll::Ready(Ok(Some(frame))) => {
                    feed.filler.fill(frame);
                    if feed.is_complete() {
                        self.end(Ok(()));
                    }
                    true
                }
                Poll::Ready(Ok(None)) => self.end(Ok(())),
                Poll::Ready(Err(error)) => self.end(Err(error)),
            },
        }
    }

    /// The point in time by which the client must send more bytes.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<tokio::time::Instant> {
        match self {
            Upload::Feeding(feed) => feed.budget.deadline(limits.body_timeout),
            Upload::Done => None,
        }
    }

    /// Ends the body with an error, so that the reader does not wait for it.
    pub(super) fn fail(&mut self, error: BodyError) {
        self.end(Err(error));
    }

    fn end(&mut self, how: Result<(), BodyError>) -> bool {
        let Upload::Feeding(feed) = std::mem::replace(self, Upload::Done) else { return false };
        match how {
            Ok(()) => feed.filler.finish(),
            Err(error) => {
                tracing::debug!(%error, "a request body was cut short");
                feed.filler.fail(error);
            }
        }
        true
    }
}

impl Feed {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        limits: &Limits,
    ) -> Poll<Result<Option<Frame<Bytes>>, BodyError>> {
        self.handed = 0;
        self.release_credit(limits);
        if !self.early.is_empty() {
            let early = std::mem::take(&mut self.early).freeze();
            return Poll::Ready(Ok(Some(self.hand(early, limits))));
        }
        while !self.trailing {
            let Poll::Ready(data) = self.stream.poll_data(cx) else { return Poll::Pending };
            match data {
                Some(Ok(data)) => {
                    self.trailing = self.stream.body.is_end_stream();
                    if !data.is_empty() {
                        return Poll::Ready(Ok(Some(self.hand(data, limits))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(&error))),
                None => self.trailing = true,
            }
        }
        match self.stream.body.poll_trailers(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(Some(trailers))) if trailers.len() > limits.head.headers => {
                Poll::Ready(Err(BodyError::Malformed("too many trailers")))
            }
            Poll::Ready(Ok(trailers)) => Poll::Ready(Ok(trailers.map(Frame::trailers))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(broken(&error))),
        }
    }

    fn hand(&mut self, data: Bytes, limits: &Limits) -> Frame<Bytes> {
        self.handed = data.len();
        self.budget.progress(data.len(), limits.min_body_rate);
        self.release_credit(limits);
        Frame::data(data)
    }

    /// Takes data before the reader asks for it, up to the limit.
    fn take_early(&mut self, cx: &mut Context<'_>, limits: &Limits) {
        while !self.trailing && self.handed + self.early.len() < limits.http2.early_bytes {
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) => {
                    self.early.extend_from_slice(&data);
                    self.trailing = self.stream.body.is_end_stream();
                    self.awaits_continue = false;
                }
                Poll::Ready(None) => self.trailing = true,
                // h2 reports an error again at the next poll.
                Poll::Ready(Some(Err(_))) | Poll::Pending => break,
            }
        }
        self.release_credit(limits);
    }

    /// Whether the reader was given the whole body, and the client has its credit back.
    fn is_complete(&self) -> bool {
        self.trailing
            && self.early.is_empty()
            && self.stream.owed == 0
            && self.stream.body.is_end_stream()
    }

    /// Returns the credit of the client, except for unread bytes beyond the limit.
    fn release_credit(&mut self, limits: &Limits) {
        let unread = self.handed + self.early.len();
        self.stream.release_except(unread.saturating_sub(limits.http2.early_bytes));
    }
}

impl BodyStream {
    pub(super) fn new(body: RecvStream) -> BodyStream {
        BodyStream { body, owed: 0 }
    }

    pub(super) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, h2::Error>>> {
        let polled = self.body.poll_data(cx);
        if let Poll::Ready(Some(Ok(data))) = &polled {
            self.owed += data.len();
        }
        polled
    }

    /// Returns the credit of the client, except for `unread` bytes.
    pub(super) fn release_except(&mut self, unread: usize) {
        if let Some(released @ 1..) = self.owed.checked_sub(unread) {
            self.owed = unread;
            // This fails if the stream is gone, which has no window.
            let _ = self.body.flow_control().release_capacity(released);
        }
    }
}

/// The window of the connection belongs to the other streams too, however this body ended.
impl Drop for BodyStream {
    fn drop(&mut self) {
        self.release_except(0);
    }
}

fn broken(error: &h2::Error) -> BodyError {
    if error.is_remote() || error.is_io() {
        BodyError::Incomplete
    } else {
        BodyError::Malformed(
            "its length is not its Content-Length, or its frames are invalid (RFC 9113, 8.1.1)",
        )
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
