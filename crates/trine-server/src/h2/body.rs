//! The body of a request on its way from h2 to whoever reads it, on demand: what nobody asks for stays within the windows
//! that the client was given.

use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use http::{HeaderMap, Request};
use http_body::Frame;
use trine_core::incoming::{self, Filler, Want};
use trine_core::{Body, BodyError};

use super::clock::Patience;
use crate::config::ServerConfig;

/// What there is of a body when it must be said before its reader asks: see [`Upload::poll_move`].
#[derive(Debug)]
pub(super) enum Upload {
    /// All of it was handed on, or nobody wants the rest.
    Done,
    Feeding(Box<Feed>),
}

#[derive(Debug)]
pub(super) struct Feed {
    filler: Filler,
    body: RecvStream,
    patience: Patience,
    /// Bytes that the reader got last: the client may send as many again when it asks for more.
    held: usize,
    /// The data has ended, and trailers may come.
    trailing: bool,
    /// The client waits for `100 Continue` before it sends anything (RFC 9110, 10.1.1).
    pub(super) awaits_continue: bool,
}

impl Upload {
    /// Gives the request its body: whole if it is there already, else one that is filled on demand.
    pub(super) fn attach(
        request: Request<RecvStream>,
        cx: &mut Context<'_>,
        config: &ServerConfig,
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
        if let Some(data) = &first
            && body.is_end_stream()
        {
            return (Request::from_parts(head, Body::whole(data.clone())), Upload::Done);
        }
        let held = first.as_ref().map_or(0, Bytes::len);
        let (filler, incoming) = incoming::channel(length);
        let awaits_continue = first.is_none() && expects_continue(&head.headers);
        if let Some(data) = first.filter(|data| !data.is_empty()) {
            filler.fill(Frame::data(data));
        }
        let patience = Patience::new(config.body_timeout);
        let feed = Feed { filler, body, patience, held, trailing: false, awaits_continue };
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

    /// Moves the body on. `true` when its reader was given something, so that it is worth asking again.
    pub(super) fn poll_move(&mut self, cx: &mut Context<'_>, config: &ServerConfig) -> bool {
        let Upload::Feeding(feed) = self else { return false };
        match feed.filler.poll_wanted(cx) {
            Poll::Pending => false,
            Poll::Ready(Want::Gone) => {
                // h2 gives its share of the connection's window back.
                *self = Upload::Done;
                false
            }
            Poll::Ready(Want::Frame) => match feed.poll_frame(cx, config) {
                Poll::Pending => {
                    feed.patience.wait();
                    false
                }
                Poll::Ready(Ok(Some(frame))) => {
                    feed.filler.fill(frame);
                    if feed.trailing && feed.body.is_end_stream() {
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
        config: &ServerConfig,
    ) -> Poll<Result<Option<Frame<Bytes>>, BodyError>> {
        // A stream that is gone has no window.
        let _ = self.body.flow_control().release_capacity(std::mem::take(&mut self.held));
        while !self.trailing {
            let Poll::Ready(data) = self.body.poll_data(cx) else { return Poll::Pending };
            match data {
                Some(Ok(data)) => {
                    self.held = data.len();
                    self.patience.go_on(data.len(), config.min_body_rate, config.body_timeout);
                    self.trailing = self.body.is_end_stream();
                    if !data.is_empty() {
                        return Poll::Ready(Ok(Some(Frame::data(data))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(&error))),
                None => self.trailing = true,
            }
        }
        match self.body.poll_trailers(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(Some(trailers))) if trailers.len() > config.max_headers => {
                Poll::Ready(Err(BodyError::Malformed("too many trailers")))
            }
            Poll::Ready(Ok(trailers)) => Poll::Ready(Ok(trailers.map(Frame::trailers))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(broken(&error))),
        }
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
