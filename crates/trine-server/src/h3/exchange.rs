//! One request and its answer, on a stream of their own.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use quinn::Connection;
use trine_core::{Body, BoxError, ConnInfo};

use super::code::{Code, Fault};
use super::frame::{self, Piece};
use super::qpack::{self, Unreadable};
use super::quic::{Over, Reader, Writer};
use super::reply;
use super::request::{self, Head, Refused};
use super::upload::{Moved, Upload};
use crate::config::limits::{Cancel, Limits};
use crate::error::RequestError;
use crate::h1::codec::encode::Payload;
use crate::seam::call::{FAILED, Failure};
use crate::seam::panics::{Panicked, caught};
use crate::seam::{HttpService, MakeConnection};
use crate::semantics;
use crate::semantics::date;
use crate::semantics::patience::Pace;
use crate::transport::timer::{Side, Timer};

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The client has its answer, or the reason why there is none.
    Told,
    /// The client took its request back, or had us do so.
    Cancelled,
    /// The connection cannot go on.
    Broken(Code, &'static str),
}

/// Serves the request of a stream to its end.
pub(super) async fn exchange<M: MakeConnection>(
    reader: Reader,
    writer: Writer,
    make: &M,
    (connection, info): (&Connection, &ConnInfo),
    limits: &Limits,
) -> Outcome {
    let mut exchange = Exchange::new(reader, writer, connection, limits);
    let served = {
        let mut serving = pin!(serve(&mut exchange, make, info));
        poll_fn(|cx| {
            date::look();
            caught(|| serving.as_mut().poll(cx))
                .map_or_else(|panic| Poll::Ready(Err(panic)), |end| end.map(Ok))
        })
        .await
    };
    let ended = match served {
        Ok(ended) => ended,
        Err(Panicked) => exchange.after_panic().await,
    };
    exchange.close(ended)
}

async fn serve<M: MakeConnection>(
    exchange: &mut Exchange<'_>,
    make: &M,
    info: &ConnInfo,
) -> Result<(), Over> {
    let request = match exchange.read_head(info).await? {
        Ok(request) => request,
        Err(error) => {
            let (status, detail) = error.wire();
            tracing::debug!(?error, status = status.as_u16(), detail, "a request was refused");
            return exchange.refuse(status, detail).await;
        }
    };
    let mut service = make.connection(info);
    match exchange.call(&mut service, request).await? {
        Ok(answer) => exchange.answer(answer).await,
        Err(failure) => exchange.refuse(failure.status, failure.detail()).await,
    }
}

struct Exchange<'a> {
    reader: Reader,
    writer: Writer,
    upload: Option<Upload>,
    timer: Timer,
    pace: Pace,
    /// Ready when the client no longer wants an answer.
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The request is a HEAD.
    head: bool,
    /// The head of the answer may be on its way.
    begun: bool,
    connection: &'a Connection,
    limits: &'a Limits,
}

impl<'a> Exchange<'a> {
    fn new(
        reader: Reader,
        writer: Writer,
        connection: &'a Connection,
        limits: &'a Limits,
    ) -> Exchange<'a> {
        let stopped = Box::pin(writer.stopped());
        let timer = Timer::new(limits.head_timeout);
        let pace = Pace::default();
        let (head, begun) = (false, false);
        Exchange {
            reader,
            writer,
            upload: None,
            timer,
            pace,
            stopped,
            head,
            begun,
            connection,
            limits,
        }
    }

    async fn read_head(
        &mut self,
        info: &ConnInfo,
    ) -> Result<Result<Request<Body>, RequestError>, Over> {
        self.timer.set(Side::Read, self.limits.head_timeout);
        let piece = poll_fn(|cx| match self.reader.poll_next(cx) {
            Poll::Ready(piece) => Poll::Ready(piece.map(Ok)),
            Poll::Pending => self.timer.poll(cx).map(|_| Ok(Err(RequestError::HeadTimeout))),
        })
        .await?;
        self.timer.clear(Side::Read);
        let section = match piece {
            Ok(Some(Piece::Head(section))) => section,
            Ok(Some(Piece::HeadTooLarge)) => return Ok(Err(RequestError::HeadTooLarge)),
            Err(error) => return Ok(Err(error)),
            Ok(_) => return Err(Fault::Stream(Code::RequestIncomplete, "there is no head").into()),
        };
        let fields = match qpack::decode(section, self.limits.head.bytes) {
            Ok(fields) => fields,
            Err(Unreadable::TooLarge) => return Ok(Err(RequestError::HeadTooLarge)),
            Err(broken) => return Err(Fault::from(broken).into()),
        };
        let Head { mut request, length, expect_continue } =
            match request::read(fields, self.limits.head) {
                Ok(head) => head,
                Err(Refused::Answered(error)) => return Ok(Err(error)),
                Err(Refused::Malformed(how)) => {
                    return Err(Fault::Stream(Code::Message, how).into());
                }
            };
        self.head = *request.method() == Method::HEAD;
        if let Some(scheme) = request.uri().scheme()
            && let Err(error) = semantics::scheme(scheme, info, self.limits)
        {
            return Ok(Err(error));
        }
        // Most requests have no body, and most say so in the packet that brings their head.
        let first = poll_fn(|cx| {
            Poll::Ready(match self.reader.poll_next(cx) {
                Poll::Ready(piece) => piece.map(Some),
                Poll::Pending => Ok(None),
            })
        })
        .await?;
        let (upload, body) = Upload::attach(length, expect_continue, first, self.limits)?;
        self.upload = Some(upload);
        *request.body_mut() = body;
        Ok(Ok(request))
    }

    /// Makes the service ready and calls it.
    async fn call<S: HttpService>(
        &mut self,
        service: &mut S,
        request: Request<Body>,
    ) -> Result<Result<Response<S::ResponseBody>, Failure>, Over> {
        let mut request = Some(request);
        let mut answer = pin!(None);
        let answered = self
            .drive(|cx, _| {
                if request.is_some() {
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        return Poll::Ready(Err(Failure::of(&error.into())));
                    }
                    answer.set(request.take().map(|request| service.call(request)));
                }
                let Some(answer) = answer.as_mut().as_pin_mut() else { return Poll::Pending };
                answer.poll(cx).map_err(|error| Failure::of(&error.into()))
            })
            .await;
        if answered.is_err()
            && self.limits.cancel == Cancel::Never
            && let Some(answer) = answer.as_mut().as_pin_mut()
        {
            if let Some(upload) = &mut self.upload {
                upload.lose();
            }
            // The client is gone, and the service ends what it began. Its answer is nobody's.
            let _ = answer.await;
        }
        answered
    }

    async fn answer<B>(&mut self, response: Response<B>) -> Result<(), Over>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
    {
        let status = response.status();
        if status.is_informational() {
            tracing::error!(%status, "a service answered with an interim status; 500 was sent instead");
            return self
                .refuse(StatusCode::INTERNAL_SERVER_ERROR, "the service gave no final answer")
                .await;
        }
        self.settle(status.is_success()).await;
        let (parts, body) = response.into_parts();
        let known = body.size_hint().exact();
        let payload = self.begin(status, &parts.headers, known);
        if payload != Payload::Nothing {
            self.stream(body, payload).await?;
        }
        self.finish().await
    }

    async fn settle(&mut self, success: bool) {
        let Some(upload) = &mut self.upload else { return };
        let ask = poll_fn(|cx| Poll::Ready(upload.settle(cx, success))).await;
        if ask {
            self.push_fields(&reply::interim());
        }
    }

    /// An answer of the engine itself, as RFC 9457 tells it.
    async fn refuse(&mut self, status: StatusCode, detail: &str) -> Result<(), Over> {
        let title = status.canonical_reason().unwrap_or("Error");
        // `detail` is always one of our own texts: no quote, backslash or control character to
        // escape.
        let body = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{},"detail":"{detail}"}}"#,
            status.as_u16()
        );
        let mut headers = HeaderMap::new();
        headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.begin(status, &headers, Some(body.len() as u64)) != Payload::Nothing {
            self.push_data(body.into());
        }
        self.finish().await
    }

    fn begin(&mut self, status: StatusCode, headers: &HeaderMap, known: Option<u64>) -> Payload {
        let (fields, payload) = reply::head(status, headers, known, self.head);
        self.begun = true;
        self.push_fields(&fields);
        payload
    }

    async fn stream<B>(&mut self, body: B, mut payload: Payload) -> Result<(), Over>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
    {
        let mut body = pin!(body);
        while payload != Payload::Sized(0) {
            // One piece at a time: the next is made when QUIC has taken this one.
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
                    if self.gather(frame, &mut payload)? {
                        return Ok(());
                    }
                }
                Some(Err(error)) => {
                    let error: BoxError = error.into();
                    tracing::error!(%error, "the body of an answer failed; its stream is reset");
                    return Err(Fault::Stream(
                        Code::InternalError,
                        "the body of the answer failed",
                    )
                    .into());
                }
                None => return end(payload),
            }
        }
        // A body that is longer than its length has more now; one that is pending is not waited
        // for.
        match poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await {
            Poll::Ready(Some(Ok(frame)))
                if frame.data_ref().is_some_and(|data| !data.is_empty()) =>
            {
                Err(too_long())
            }
            _ => Ok(()),
        }
    }

    /// Puts a frame of the body where it leaves; whether it was the last.
    fn gather(&mut self, frame: Frame<Bytes>, payload: &mut Payload) -> Result<bool, Over> {
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
                let fields = reply::trailers(&trailers);
                self.push_fields(&fields);
                Ok(true)
            }
        }
    }

    fn push_fields(&mut self, fields: &[u8]) {
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

    /// Ends the answer, lets a task that still reads the body have it, and waits until the client
    /// has all.
    async fn finish(&mut self) -> Result<(), Over> {
        self.drive(
            |_, exchange| if exchange.writer.is_empty() { Poll::Ready(()) } else { Poll::Pending },
        )
        .await?;
        self.writer.finish();
        if self.upload.is_none() {
            self.reader.stop(Code::NoError);
        }
        self.timer.set(Side::Write, self.limits.write_timeout);
        let mut sent = self.sent();
        let mut acknowledged = false;
        poll_fn(|cx| {
            loop {
                if !acknowledged && self.stopped.as_mut().poll(cx).is_ready() {
                    acknowledged = true;
                    self.timer.clear(Side::Write);
                }
                let moved = self.poll_upload(cx);
                match moved {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(over)) => return Poll::Ready(Err(over)),
                    Poll::Pending => {}
                }
                if acknowledged && self.upload.as_ref().is_none_or(Upload::is_done) {
                    return Poll::Ready(Ok(()));
                }
                match ready!(self.timer.poll(cx)) {
                    Side::Read => self.time_out(),
                    Side::Write if self.is_fast_enough(&mut sent) => {
                        self.timer.set(Side::Write, self.limits.write_timeout);
                    }
                    Side::Write => {
                        self.writer.take_back(Code::RequestCancelled);
                        return Poll::Ready(Err(stalled()));
                    }
                }
            }
        })
        .await
    }

    /// Whether the client took the rest of its answers at the lowest rate since it was looked at
    /// last. QUIC does not tell streams apart there: one that is read keeps those beside it alive.
    fn is_fast_enough(&self, before: &mut (u64, u64)) -> bool {
        const LARGEST_PACKET: u64 = 1472;
        let (bytes, frames) = std::mem::replace(before, self.sent());
        let millis = u64::try_from(self.limits.write_timeout.as_millis()).unwrap_or(u64::MAX);
        let least = self.limits.min_write_rate.saturating_mul(millis) / 1000;
        // Packets that only look for the path's limits are bytes too, but no frames of a stream.
        before.0 - bytes >= least && before.1 - frames >= least.div_ceil(LARGEST_PACKET)
    }

    /// Bytes on their way to the client so far, and frames of streams in them.
    fn sent(&self) -> (u64, u64) {
        let stats = self.connection.stats();
        (stats.udp_tx.bytes, stats.frame_tx.stream)
    }

    /// Runs `main`; while it is pending, moves everything else that the stream carries.
    ///
    /// An echo lives from this: its answer waits for the body of its own request.
    async fn drive<T>(
        &mut self,
        mut main: impl FnMut(&mut Context<'_>, &mut Exchange<'a>) -> Poll<T>,
    ) -> Result<T, Over> {
        poll_fn(|cx| {
            loop {
                self.flush(cx)?;
                if let Poll::Ready(done) = main(cx, self) {
                    return Poll::Ready(Ok(done));
                }
                if self.stopped.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(Over::Cancelled));
                }
                match self.poll_upload(cx) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(over)) => return Poll::Ready(Err(over)),
                    Poll::Pending => {}
                }
                match ready!(self.timer.poll(cx)) {
                    Side::Read => self.time_out(),
                    Side::Write => return Poll::Ready(Err(stalled())),
                }
            }
        })
        .await
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        while !self.writer.is_empty() {
            match self.writer.poll_send(cx) {
                Poll::Ready(sent) => self.pace.go_on(&mut self.timer, sent?, self.limits),
                Poll::Pending => {
                    self.pace.wait(&mut self.timer, self.limits);
                    break;
                }
            }
        }
        Ok(())
    }

    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        let Some(upload) = &mut self.upload else { return Poll::Pending };
        Poll::Ready(
            match ready!(upload.poll_move(cx, &mut self.reader, &mut self.timer, self.limits)) {
                Ok(Moved::Reader) => Ok(()),
                Ok(Moved::Continue) => {
                    // Behind the head of an answer it would be no interim one.
                    if !self.begun {
                        self.push_fields(&reply::interim());
                        self.flush(cx)?;
                    }
                    Ok(())
                }
                Err(over) => Err(over),
            },
        )
    }

    fn time_out(&mut self) {
        if let Some(upload) = &mut self.upload {
            upload.time_out(&mut self.reader);
        }
    }

    /// What can still be said depends on how far the answer was.
    #[cold]
    async fn after_panic(&mut self) -> Result<(), Over> {
        if self.begun {
            return Err(Fault::Stream(Code::InternalError, FAILED).into());
        }
        self.refuse(StatusCode::INTERNAL_SERVER_ERROR, FAILED).await
    }

    fn close(mut self, ended: Result<(), Over>) -> Outcome {
        let (code, outcome) = match ended {
            Ok(()) => (Code::NoError, Outcome::Told),
            Err(Over::Cancelled) => (Code::RequestCancelled, Outcome::Cancelled),
            Err(Over::Fault(Fault::Stream(code, why))) => {
                tracing::debug!(?code, why, "a stream is reset");
                // Whoever makes us take requests back costs as much as who does so himself.
                let ours = code == Code::InternalError;
                (code, if ours { Outcome::Told } else { Outcome::Cancelled })
            }
            Err(Over::Fault(Fault::Connection(code, why))) => (code, Outcome::Broken(code, why)),
        };
        self.reader.stop(code);
        self.writer.reset(code);
        outcome
    }
}

/// A broken answer must never look complete.
fn end(payload: Payload) -> Result<(), Over> {
    let Payload::Sized(missing) = payload else { return Ok(()) };
    tracing::error!(missing, "a body was shorter than its Content-Length; its stream is reset");
    Err(Fault::Stream(Code::InternalError, "the answer is shorter than its Content-Length").into())
}

#[cold]
fn too_long() -> Over {
    tracing::error!("a body was longer than its Content-Length; its stream is reset");
    Fault::Stream(Code::InternalError, "the answer is longer than its Content-Length").into()
}

#[cold]
fn stalled() -> Over {
    tracing::debug!("a client did not read its answer in time; its stream is reset");
    Fault::Stream(Code::RequestCancelled, "the answer was not read in time").into()
}
