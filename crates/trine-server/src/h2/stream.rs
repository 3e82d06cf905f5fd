//! One stream: a request, its response, and the bodies of both.
//!
//! ```text
//!   Free -head-> Waiting -ready-> Called -response-> Sending -sent-> Reading -read-> Free
//! ```
//! `Waiting`: the service is not ready. `Reading`: the response was sent, and a task still reads
//! the request body.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::{Request, Response, StatusCode};
use tokio::time::Instant;
use trine_core::{Body, BodyError};

use super::download::Download;
use super::respond::{self, ResponseTerms, Sent, StreamGone};
use super::tunnel::PendingTunnel;
use super::upload::Upload;
use crate::config::limits::{Cancel, Limits};
use crate::error::RequestError;
use crate::seam::HttpService;
use crate::seam::failure::Failure;

/// The state of one stream.
pub(super) struct Stream<S: HttpService> {
    pub(super) state: State<S>,
    /// The future of the service. The allocation is reused by the next stream of this slot.
    pub(super) call: Pin<Box<Option<S::Future>>>,
    pub(super) respond: Option<SendResponse<Bytes>>,
    pub(super) upload: Upload,
    pub(super) terms: ResponseTerms,
    /// The other end of a CONNECT that the service has not answered.
    pub(super) tunnel: Option<PendingTunnel>,
}

pub(super) enum State<S: HttpService> {
    Free,
    Waiting(Box<Request<Body>>),
    Called,
    Sending(Box<Download<S::ResponseBody>>),
    Reading,
}

/// The status of a stream after it was polled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StreamStatus {
    Pending,
    Finished,
    /// The stream is finished, because the service returned an error.
    Failed,
}

impl<S: HttpService> Stream<S> {
    pub(super) fn free() -> Stream<S> {
        Stream {
            state: State::Free,
            call: Box::pin(None),
            respond: None,
            upload: Upload::Done,
            terms: ResponseTerms::default(),
            tunnel: None,
        }
    }

    /// Moves the stream as far as possible.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, limits: &Limits) -> StreamStatus {
        loop {
            let status = match &mut self.state {
                State::Free => return StreamStatus::Pending,
                State::Waiting(_) => return self.wait(cx, limits),
                State::Called => self.poll_call(cx, limits),
                State::Sending(download) => match download.poll_move(cx, limits) {
                    Poll::Ready(()) => {
                        self.state = State::Reading;
                        continue;
                    }
                    Poll::Pending => StreamStatus::Pending,
                },
                State::Reading if self.upload.is_done() => return StreamStatus::Finished,
                State::Reading => StreamStatus::Pending,
            };
            if status != StreamStatus::Pending {
                return status;
            }
            if matches!(self.state, State::Called) || !self.upload.is_done() {
                if self.move_upload(cx, limits) {
                    continue;
                }
                if matches!(self.state, State::Reading) && self.upload.is_done() {
                    return StreamStatus::Finished;
                }
            }
            return StreamStatus::Pending;
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>, limits: &Limits) -> StreamStatus {
        if self.is_reset(cx) {
            return StreamStatus::Finished;
        }
        self.upload.poll_move(cx, limits);
        self.take_early(cx, limits);
        StreamStatus::Pending
    }

    /// Takes the bytes behind a CONNECT that the service has not answered.
    fn take_early(&mut self, cx: &mut Context<'_>, limits: &Limits) {
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.take_early(cx, limits);
        }
    }

    fn poll_call(&mut self, cx: &mut Context<'_>, limits: &Limits) -> StreamStatus {
        let Some(call) = self.call.as_mut().as_pin_mut() else { return StreamStatus::Finished };
        match call.poll(cx) {
            Poll::Ready(Ok(response)) => {
                self.call.set(None);
                self.send(response, cx, limits)
            }
            Poll::Ready(Err(error)) => {
                self.call.set(None);
                self.fail(&Failure::of(&error.into()));
                StreamStatus::Failed
            }
            Poll::Pending if self.is_reset(cx) => self.lose(limits),
            Poll::Pending => StreamStatus::Pending,
        }
    }

    /// Whether the client has reset the stream.
    fn is_reset(&mut self, cx: &mut Context<'_>) -> bool {
        self.respond.as_mut().is_some_and(|respond| respond.poll_reset(cx).is_ready())
    }

    /// Called when the client has reset the stream.
    fn lose(&mut self, limits: &Limits) -> StreamStatus {
        self.upload.fail(BodyError::Incomplete);
        if limits.cancel == Cancel::Never {
            // The service finishes, and its response is dropped.
            self.respond = None;
            return StreamStatus::Pending;
        }
        StreamStatus::Finished
    }

    fn send(
        &mut self,
        response: Response<S::ResponseBody>,
        cx: &mut Context<'_>,
        limits: &Limits,
    ) -> StreamStatus {
        // Any 2xx opens the tunnel, even if the service did not mean to (RFC 9110, 9.3.6).
        let declined = self.tunnel.as_ref().is_some_and(PendingTunnel::is_declined);
        if declined && response.status().is_success() {
            self.refuse(StatusCode::NOT_IMPLEMENTED, crate::upgrade::NO_TUNNEL);
            return StreamStatus::Finished;
        }
        let Some(mut respond) = self.respond.take() else { return StreamStatus::Finished };
        if self.upload.awaits_continue() && !response.status().is_success() {
            // The client reads the refusal and does not send its body.
            self.upload.fail(BodyError::Incomplete);
        }
        match respond::send(&mut respond, response, self.terms, limits) {
            Ok(Sent::Whole) if self.upload.is_done() => StreamStatus::Finished,
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
            Ok(Sent::Upgraded(stream)) => {
                if let Some(tunnel) = self.tunnel.take() {
                    tunnel.accept(stream);
                }
                StreamStatus::Finished
            }
            Err(StreamGone) => StreamStatus::Finished,
        }
    }

    fn move_upload(&mut self, cx: &mut Context<'_>, limits: &Limits) -> bool {
        if self.upload.wants_continue(cx)
            && let (State::Called, Some(respond)) = (&self.state, &mut self.respond)
        {
            let mut interim = Response::new(());
            *interim.status_mut() = StatusCode::CONTINUE;
            // If the stream is gone, reading its data reports that.
            let _ = respond.send_informational(interim);
        }
        self.take_early(cx, limits);
        self.upload.poll_move(cx, limits)
    }

    /// Sends the response to the failure of a service.
    pub(super) fn fail(&mut self, failure: &Failure) {
        self.refuse(failure.status, failure.detail());
    }

    /// Refuses a request that does not reach the service.
    pub(super) fn reject(&mut self, error: RequestError) {
        let (status, detail) = error.wire();
        tracing::debug!(?error, status = status.as_u16(), detail, "a request was refused");
        self.refuse(status, detail);
    }

    fn refuse(&mut self, status: StatusCode, detail: &str) {
        if let Some(mut respond) = self.respond.take() {
            // This fails if the stream is gone.
            let _ = respond::refuse(&mut respond, status, detail, self.terms);
        }
    }

    /// Called when the service or its response body panicked. The stage of the response decides
    /// what can still be sent.
    #[cold]
    pub(super) fn after_panic(&mut self) {
        match &mut self.state {
            State::Sending(download) => download.reset(Reason::INTERNAL_ERROR),
            State::Free | State::Waiting(_) | State::Called | State::Reading => {
                self.refuse(StatusCode::INTERNAL_SERVER_ERROR, crate::seam::failure::FAILED);
            }
        }
    }

    /// The earlier of the two deadlines of the client, for reading and for writing.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let sending = match &self.state {
            State::Sending(download) => download.deadline(limits),
            _ => None,
        };
        match (sending, self.upload.deadline(limits)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        }
    }

    /// Ends what has waited for the client for too long. Returns whether the stream is finished.
    pub(super) fn expire(&mut self, now: Instant, limits: &Limits) -> bool {
        if self.upload.deadline(limits).is_some_and(|at| at <= now) {
            self.upload.fail(BodyError::TimedOut);
        }
        if let State::Sending(download) = &mut self.state
            && download.deadline(limits).is_some_and(|at| at <= now)
        {
            tracing::debug!("a client did not read its response in time; the stream is reset");
            download.reset(Reason::CANCEL);
            return true;
        }
        false
    }

    /// Drops everything that belongs to the stream. Dropping the future of a service may panic.
    pub(super) fn clear(&mut self) {
        self.respond = None;
        self.upload = Upload::Done;
        self.tunnel = None;
        self.state = State::Free;
        self.call.set(None);
    }
}

/// A slot for streams. It is reused.
pub(super) struct Slot<S: HttpService> {
    pub(super) stream: Stream<S>,
    pub(super) waker: Waker,
    pub(super) stream_waker: std::sync::Arc<super::wakers::StreamWaker>,
}
