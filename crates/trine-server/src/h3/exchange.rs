//! One request and its response, on a stream of their own. [`request`](super::request) reads the
//! head, [`upload`](super::upload) the body, and [`respond`](super::respond) sends the response.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use http::{Request, Response, StatusCode};
use quinn::Connection;
use trine_core::{Body, ConnInfo};

use super::codec::encode;
use super::codec::error::{Code, Fault};
use super::stream::{Reader, StreamEnd, Writer};
use super::upload::{Step, Upload};
use crate::config::limits::{Cancel, Limits};
use crate::seam::call::ServiceCall;
use crate::seam::failure::{FAILED, Failure};
use crate::seam::panics::{Panicked, poll_caught};
use crate::seam::{HttpService, MakeConnection};
use crate::semantics::budget::WaitBudget;
use crate::semantics::date;
use crate::transport::timer::{Direction, Timer};

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The client has its response, or it has the reason why there is none.
    Finished,
    /// The client cancelled the request, or it made us cancel the request.
    Cancelled,
    /// The connection cannot continue.
    Broken(Code, &'static str),
}

/// Serves the request of a stream to its end.
pub(super) async fn serve<M: MakeConnection>(
    reader: Reader,
    writer: Writer,
    make: &M,
    (connection, info): (&Connection, &ConnInfo),
    limits: &Limits,
) -> Outcome {
    let mut exchange = Exchange::new(reader, writer, connection, limits);
    let served = {
        let mut serving = pin!(exchange.run(make, info));
        poll_fn(|cx| {
            date::refresh();
            poll_caught(serving.as_mut(), cx)
        })
        .await
    };
    let ended = match served {
        Ok(ended) => ended,
        Err(Panicked) => exchange.after_panic().await,
    };
    exchange.close(ended)
}

pub(super) struct Exchange<'a> {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    /// `None` until the head was read.
    pub(super) upload: Option<Upload>,
    pub(super) timer: Timer,
    /// How long the client may still keep us from sending.
    write_budget: WaitBudget,
    /// Ready when the client no longer wants a response, or has acknowledged all of it.
    pub(super) stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The request is a HEAD.
    pub(super) head: bool,
    /// The head of the response may be on its way.
    pub(super) responding: bool,
    pub(super) connection: &'a Connection,
    pub(super) limits: &'a Limits,
}

impl<'a> Exchange<'a> {
    fn new(
        reader: Reader,
        writer: Writer,
        connection: &'a Connection,
        limits: &'a Limits,
    ) -> Exchange<'a> {
        Exchange {
            stopped: Box::pin(writer.stopped()),
            reader,
            writer,
            upload: None,
            timer: Timer::new(limits.head_timeout),
            write_budget: WaitBudget::default(),
            head: false,
            responding: false,
            connection,
            limits,
        }
    }

    async fn run<M: MakeConnection>(&mut self, make: &M, info: &ConnInfo) -> Result<(), StreamEnd> {
        let request = match self.read_head(info).await? {
            Ok(request) => request,
            Err(error) => {
                let (status, detail) = error.wire();
                tracing::debug!(?error, status = status.as_u16(), detail, "a request was refused");
                return self.refuse(status, detail).await;
            }
        };
        let mut service = make.connection(info);
        match self.call(&mut service, request).await? {
            Ok(response) => self.respond(response).await,
            Err(failure) => self.refuse(failure.status, failure.detail()).await,
        }
    }

    /// Makes the service ready, calls it, and awaits its response.
    async fn call<S: HttpService>(
        &mut self,
        service: &mut S,
        request: Request<Body>,
    ) -> Result<Result<Response<S::ResponseBody>, Failure>, StreamEnd> {
        let (mut request, mut response) = (Some(request), None);
        let mut future = pin!(None);
        let mut call = ServiceCall::new(service, future.as_mut());
        let outcome =
            self.drive(|cx, _| call.poll(cx, &mut request, |request| request, &mut response)).await;
        if outcome.is_err() && self.limits.cancel == Cancel::Never && call.is_called() {
            if let Some(upload) = &mut self.upload {
                upload.lose();
            }
            call.finish().await;
        }
        Ok(match (outcome?, response) {
            (Ok(()), Some(response)) => Ok(response),
            (Ok(()), None) => return Err(StreamEnd::Cancelled),
            (Err(failure), _) => Err(failure),
        })
    }

    /// Runs `main`. While it is pending, everything else that the stream carries keeps moving.
    ///
    /// An echo depends on this: its response waits for the body of its own request.
    pub(super) async fn drive<T>(
        &mut self,
        mut main: impl FnMut(&mut Context<'_>, &mut Exchange<'a>) -> Poll<T>,
    ) -> Result<T, StreamEnd> {
        poll_fn(|cx| {
            loop {
                self.flush(cx)?;
                if let Poll::Ready(done) = main(cx, self) {
                    return Poll::Ready(Ok(done));
                }
                if self.stopped.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(StreamEnd::Cancelled));
                }
                match self.poll_upload(cx) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(end)) => return Poll::Ready(Err(end)),
                    Poll::Pending => {}
                }
                match ready!(self.timer.poll(cx)) {
                    Direction::Read => self.upload_timed_out(),
                    Direction::Write => return Poll::Ready(Err(stalled())),
                }
            }
        })
        .await
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), StreamEnd> {
        while !self.writer.is_empty() {
            match self.writer.poll_send(cx) {
                Poll::Ready(sent) => {
                    if self.write_budget.progress(sent?, self.limits.min_write_rate) {
                        self.timer.clear(Direction::Write);
                    }
                }
                Poll::Pending => {
                    if let Some(left) = self.write_budget.wait(self.limits.write_timeout) {
                        self.timer.set(Direction::Write, left);
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Moves the request body. Ready when its reader should be polled again.
    pub(super) fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamEnd>> {
        let Some(upload) = &mut self.upload else { return Poll::Pending };
        match ready!(upload.poll_move(cx, &mut self.reader, &mut self.timer, self.limits))? {
            Step::Delivered => {}
            // Behind the head of a response, it would not be an interim response.
            Step::SendContinue if self.responding => {}
            Step::SendContinue => {
                self.push_fields(&encode::interim());
                self.flush(cx)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn upload_timed_out(&mut self) {
        if let Some(upload) = &mut self.upload {
            upload.time_out(&mut self.reader);
        }
    }

    /// Called when the service or its response body panicked. A 500 can be sent only before the
    /// head of the response.
    #[cold]
    async fn after_panic(&mut self) -> Result<(), StreamEnd> {
        if self.responding {
            return Err(Fault::Stream(Code::InternalError, FAILED).into());
        }
        self.refuse(StatusCode::INTERNAL_SERVER_ERROR, FAILED).await
    }

    fn close(mut self, ended: Result<(), StreamEnd>) -> Outcome {
        let (code, outcome) = match ended {
            Ok(()) => (Code::NoError, Outcome::Finished),
            Err(StreamEnd::Cancelled) => (Code::RequestCancelled, Outcome::Cancelled),
            Err(StreamEnd::Fault(Fault::Stream(code, why))) => {
                tracing::debug!(?code, why, "a stream is reset");
                // A client that makes us cancel requests costs as much as one that cancels them.
                let ours = code == Code::InternalError;
                (code, if ours { Outcome::Finished } else { Outcome::Cancelled })
            }
            Err(StreamEnd::Fault(Fault::Connection(code, why))) => {
                (code, Outcome::Broken(code, why))
            }
        };
        self.reader.stop(code);
        self.writer.reset(code);
        outcome
    }
}

#[cold]
pub(super) fn stalled() -> StreamEnd {
    tracing::debug!("a client did not read its response in time; the stream is reset");
    Fault::Stream(Code::RequestCancelled, "the response was not read in time").into()
}
