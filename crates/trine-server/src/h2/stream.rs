//! One stream: a request, its answer, and the bodies of both.
//!
//! ```text
//!   Free --head--> Waiting --ready, called--> Called --answered--> Sending --sent--> Reading --read--> Free
//! ```
//! `Waiting`: the service is not ready. `Reading`: the answer is complete, and somebody still reads
//! the request.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::{Request, Response, StatusCode};
use tokio::time::Instant;
use trine_core::{Body, BodyError};

use super::answer::{self, Lost, Sent, Terms};
use super::body::Upload;
use super::download::Download;
use super::tunnel::Offered;
use crate::config::limits::{Cancel, Limits};
use crate::error::RequestError;
use crate::seam::HttpService;
use crate::seam::call::Failure;

pub(super) struct Stream<S: HttpService> {
    pub(super) state: State<S>,
    /// The future of the service, in a place that goes on to the next stream.
    pub(super) call: Pin<Box<Option<S::Future>>>,
    pub(super) respond: Option<SendResponse<Bytes>>,
    pub(super) upload: Upload,
    pub(super) terms: Terms,
    pub(super) offered: Option<Offered>,
}

pub(super) enum State<S: HttpService> {
    Free,
    Waiting(Box<Request<Body>>),
    Called,
    Sending(Box<Download<S::ResponseBody>>),
    Reading,
}

/// What the connection is told of a stream that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Pending,
    Over,
    /// It is over, since the service gave an error.
    Failed,
}

impl<S: HttpService> Stream<S> {
    pub(super) fn free() -> Stream<S> {
        Stream {
            state: State::Free,
            call: Box::pin(None),
            respond: None,
            upload: Upload::Done,
            terms: Terms::default(),
            offered: None,
        }
    }

    /// Moves the stream on as far as it goes.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Turn {
        loop {
            let turn = match &mut self.state {
                State::Free => return Turn::Pending,
                State::Waiting(_) => return self.wait(cx, limits),
                State::Called => self.poll_call(cx, limits),
                State::Sending(download) => match download.poll_move(cx, limits) {
                    Poll::Ready(()) => {
                        self.state = State::Reading;
                        continue;
                    }
                    Poll::Pending => Turn::Pending,
                },
                State::Reading if self.upload.is_done() => return Turn::Over,
                State::Reading => Turn::Pending,
            };
            if turn != Turn::Pending {
                return turn;
            }
            if matches!(self.state, State::Called) || !self.upload.is_done() {
                if self.move_upload(cx, limits) {
                    continue;
                }
                if matches!(self.state, State::Reading) && self.upload.is_done() {
                    return Turn::Over;
                }
            }
            return Turn::Pending;
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Turn {
        if self.is_reset(cx) {
            return Turn::Over;
        }
        self.upload.poll_move(cx, limits);
        self.take_early(cx, limits);
        Turn::Pending
    }

    /// What comes behind a CONNECT that waits for its answer.
    fn take_early(&mut self, cx: &mut Context<'_>, limits: &Limits) {
        if let Some(offered) = &mut self.offered {
            offered.take_early(cx, limits);
        }
    }

    fn poll_call(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Turn {
        let Some(call) = self.call.as_mut().as_pin_mut() else { return Turn::Over };
        match call.poll(cx) {
            Poll::Ready(Ok(answer)) => {
                self.call.set(None);
                self.answer(answer, cx, limits)
            }
            Poll::Ready(Err(error)) => {
                self.call.set(None);
                self.refuse(&Failure::of(&error.into()));
                Turn::Failed
            }
            Poll::Pending if self.is_reset(cx) => self.lose(limits),
            Poll::Pending => Turn::Pending,
        }
    }

    /// Whether the client no longer waits for an answer.
    fn is_reset(&mut self, cx: &mut Context<'_>) -> bool {
        self.respond.as_mut().is_some_and(|respond| respond.poll_reset(cx).is_ready())
    }

    /// The client has reset the stream.
    fn lose(&mut self, limits: &Limits) -> Turn {
        self.upload.fail(BodyError::Incomplete);
        if limits.cancel == Cancel::Never {
            // The service ends what it began. Its answer is nobody's.
            self.respond = None;
            return Turn::Pending;
        }
        Turn::Over
    }

    fn answer(
        &mut self,
        answer: Response<S::ResponseBody>,
        cx: &mut Context<'_>,
        limits: &Limits,
    ) -> Turn {
        // A 2xx opens the tunnel, whatever it was meant for (RFC 9110, 9.3.6).
        let declined = self.offered.as_ref().is_some_and(Offered::is_declined);
        if declined && answer.status().is_success() {
            self.tell(StatusCode::NOT_IMPLEMENTED, crate::upgrade::NO_TUNNEL);
            return Turn::Over;
        }
        let Some(mut respond) = self.respond.take() else { return Turn::Over };
        if self.upload.awaits_continue() && !answer.status().is_success() {
            // The client reads a refusal and keeps its body.
            self.upload.fail(BodyError::Incomplete);
        }
        match answer::send(&mut respond, answer, self.terms, limits) {
            Ok(Sent::Whole) if self.upload.is_done() => Turn::Over,
            Ok(Sent::Whole) => {
                self.respond = Some(respond);
                self.state = State::Reading;
                self.poll(cx, limits)
            }
            Ok(Sent::Streams(download)) => {
                self.respond = Some(respond);
                self.state = State::Sending(Box::new(download));
                self.poll(cx, limits)
            }
            Ok(Sent::Switched(stream)) => {
                if let Some(offered) = self.offered.take() {
                    offered.accept(stream);
                }
                Turn::Over
            }
            Err(Lost) => Turn::Over,
        }
    }

    fn move_upload(&mut self, cx: &mut Context<'_>, limits: &Limits) -> bool {
        if self.upload.wants_continue(cx)
            && let (State::Called, Some(respond)) = (&self.state, &mut self.respond)
        {
            let mut interim = Response::new(());
            *interim.status_mut() = StatusCode::CONTINUE;
            // A stream that is gone says so when it is asked for data.
            let _ = respond.send_informational(interim);
        }
        self.take_early(cx, limits);
        self.upload.poll_move(cx, limits)
    }

    /// Answers with what a service that failed is worth.
    pub(super) fn refuse(&mut self, failure: &Failure) {
        self.tell(failure.status, failure.detail());
    }

    /// Answers a request that no service sees.
    pub(super) fn reject(&mut self, error: RequestError) {
        let (status, detail) = error.wire();
        tracing::debug!(?error, status = status.as_u16(), detail, "a request was refused");
        self.tell(status, detail);
    }

    fn tell(&mut self, status: StatusCode, detail: &str) {
        if let Some(mut respond) = self.respond.take() {
            // If the stream is gone, there is nobody to tell.
            let _ = answer::refuse(&mut respond, status, detail, self.terms);
        }
    }

    /// The service panicked. What can still be said depends on how far the answer was.
    #[cold]
    pub(super) fn after_panic(&mut self) {
        match &mut self.state {
            State::Sending(download) => download.reset(Reason::INTERNAL_ERROR),
            State::Free | State::Waiting(_) | State::Called | State::Reading => {
                self.tell(StatusCode::INTERNAL_SERVER_ERROR, crate::seam::call::FAILED);
            }
        }
    }

    /// When the client's time is over, whichever of its times is over first.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let sending =
            if let State::Sending(download) = &self.state { download.deadline() } else { None };
        match (sending, self.upload.deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        }
    }

    /// Ends what has waited for the client for too long. `true` when the stream is over.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        if self.upload.deadline().is_some_and(|at| at <= now) {
            self.upload.fail(BodyError::TimedOut);
        }
        if let State::Sending(download) = &mut self.state
            && download.deadline().is_some_and(|at| at <= now)
        {
            tracing::debug!("a client did not read its answer in time; its stream is reset");
            download.reset(Reason::CANCEL);
            return true;
        }
        false
    }

    /// Drops everything of the stream. What a service leaves behind may panic when it is dropped.
    pub(super) fn clear(&mut self) {
        self.respond = None;
        self.upload = Upload::Done;
        self.offered = None;
        self.state = State::Free;
        self.call.set(None);
    }
}

/// A stream in its place.
pub(super) struct Slot<S: HttpService> {
    pub(super) stream: Stream<S>,
    pub(super) waker: Waker,
    pub(super) mark: std::sync::Arc<super::wake::Mark>,
}
