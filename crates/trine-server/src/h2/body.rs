//! The body of a request on its way from h2 to whoever reads it, on demand.
//!
//! What nobody asks for stays within the windows that the client was given, but for the first
//! `early_bytes` of it: these are taken, and the client gets its windows back for them. All streams
//! share one window of the connection, and small bodies of requests that wait must not use it up.
//! The rest of the credit comes back as the body is read, and all of it with [`Inflow`], however
//! the body ends.

use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::{HeaderMap, Request};
use http_body::Frame;
use trine_core::incoming::{self, Filler, Want};
use trine_core::{Body, BodyError};

use super::clock::Patience;
use crate::config::limits::Limits;

/// The connection's end of a body.
#[derive(Debug)]
pub(super) enum Upload {
    /// All of it was handed on, or nobody wants the rest.
    Done,
    Feeding(Box<Feed>),
}

#[derive(Debug)]
pub(super) struct Feed {
    filler: Filler,
    inflow: Inflow,
    /// What was taken before its reader asked for it. It is copied: a piece of a few bytes holds
    /// the buffer of a whole read.
    early: BytesMut,
    /// Bytes that the reader got last, or that wait for it alone.
    handed: usize,
    patience: Patience,
    /// The data has ended, and trailers may come.
    trailing: bool,
    /// The client waits for `100 Continue` before it sends anything (RFC 9110, 10.1.1).
    pub(super) awaits_continue: bool,
}

/// A body as h2 has it, and what its client is owed for it.
#[derive(Debug)]
pub(super) struct Inflow {
    body: RecvStream,
    /// Bytes taken from h2 for which the client has not got its windows back (RFC 9113, 6.9).
    owed: usize,
}

impl Upload {
    /// Gives the request its body: whole if it is there already, else one that is filled on demand.
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
        // A small body has most often come with its head: then nobody needs to wait for it.
        let first = match body.poll_data(cx) {
            Poll::Ready(Some(Ok(data))) => Some(data),
            // An error comes again when somebody asks.
            _ => None,
        };
        let handed = first.as_ref().map_or(0, Bytes::len);
        let trailing = first.is_some() && body.is_end_stream();
        let inflow = Inflow { body, owed: handed };
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
        let patience = Patience::new(limits.body_timeout);
        let early = BytesMut::new();
        let mut feed = Feed { filler, inflow, early, handed, patience, trailing, awaits_continue };
        feed.settle(limits);
        (Request::from_parts(head, Body::incoming(incoming)), Upload::Feeding(Box::new(feed)))
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Upload::Done)
    }

    pub(super) fn awaits_continue(&self) -> bool {
        matches!(self, Upload::Feeding(feed) if feed.awaits_continue)
    }

    /// The reader waits, and the client waits for a word before it sends.
    pub(super) fn wants_continue(&mut self, cx: &mut Context<'_>) -> bool {
        let Upload::Feeding(feed) = self else { return false };
        let wants = feed.awaits_continue && feed.filler.poll_wanted(cx) == Poll::Ready(Want::Frame);
        feed.awaits_continue &= !wants;
        wants
    }

    /// Moves the body on. `true` when its reader was given something, so that it is worth asking
    /// again.
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
                    feed.patience.wait();
                    false
                }
                Poll::Ready(Ok(Some(frame))) => {
                    feed.filler.fill(frame);
                    if feed.is_through() {
                        self.end(Ok(()));
                    }
                    true
                }
                Poll::Ready(Ok(None)) => self.end(Ok(())),
                Poll::Ready(Err(error)) => self.end(Err(error)),
            },
        }
    }

    /// When the client's time is over.
    pub(super) fn deadline(&self) -> Option<tokio::time::Instant> {
        if let Upload::Feeding(feed) = self { feed.patience.end() } else { None }
    }

    /// Ends the body before its end: its reader must not wait for it.
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
        self.settle(limits);
        if !self.early.is_empty() {
            let early = std::mem::take(&mut self.early).freeze();
            return Poll::Ready(Ok(Some(self.hand(early, limits))));
        }
        while !self.trailing {
            let Poll::Ready(data) = self.inflow.poll_data(cx) else { return Poll::Pending };
            match data {
                Some(Ok(data)) => {
                    self.trailing = self.inflow.body.is_end_stream();
                    if !data.is_empty() {
                        return Poll::Ready(Ok(Some(self.hand(data, limits))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(&error))),
                None => self.trailing = true,
            }
        }
        match self.inflow.body.poll_trailers(cx) {
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
        self.patience.go_on(data.len(), limits.min_body_rate, limits.body_timeout);
        self.settle(limits);
        Frame::data(data)
    }

    /// Nobody asks. What comes is taken all the same, up to the limit.
    fn take_early(&mut self, cx: &mut Context<'_>, limits: &Limits) {
        while !self.trailing && self.handed + self.early.len() < limits.http2.early_bytes {
            match self.inflow.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) => {
                    self.early.extend_from_slice(&data);
                    self.trailing = self.inflow.body.is_end_stream();
                    self.awaits_continue = false;
                }
                Poll::Ready(None) => self.trailing = true,
                // An error comes again when somebody asks.
                Poll::Ready(Some(Err(_))) | Poll::Pending => break,
            }
        }
        self.settle(limits);
    }

    /// Whether the reader has all of it, or will have with what waits for it, and the client its
    /// credit.
    fn is_through(&self) -> bool {
        self.trailing
            && self.early.is_empty()
            && self.inflow.owed == 0
            && self.inflow.body.is_end_stream()
    }

    /// Gives the client its windows back, but for what is unread beyond the limit.
    fn settle(&mut self, limits: &Limits) {
        let unread = self.handed + self.early.len();
        self.inflow.owe(unread.saturating_sub(limits.http2.early_bytes));
    }
}

impl Inflow {
    pub(super) fn new(body: RecvStream) -> Inflow {
        Inflow { body, owed: 0 }
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

    /// Gives back what is owed beyond `most` bytes.
    pub(super) fn owe(&mut self, most: usize) {
        if let Some(due @ 1..) = self.owed.checked_sub(most) {
            self.owed = most;
            // It fails where the stream is gone, which has no window.
            let _ = self.body.flow_control().release_capacity(due);
        }
    }
}

/// Whoever answered early, gave up, panicked or was reset: the connection's window belongs to the
/// other streams too.
impl Drop for Inflow {
    fn drop(&mut self) {
        self.owe(0);
    }
}

fn broken(error: &h2::Error) -> BodyError {
    if error.is_remote() || error.is_io() {
        BodyError::Incomplete
    } else {
        BodyError::Malformed(
            "it is not as long as its Content-Length, or breaks the framing of HTTP/2 (RFC 9113, 8.1.1)",
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
