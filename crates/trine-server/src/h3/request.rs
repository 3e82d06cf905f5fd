//! Reads the head of a request from its stream.

use std::future::poll_fn;
use std::task::Poll;

use http::{Method, Request};
use trine_core::{Body, ConnInfo};

use super::codec::error::{Code, Fault};
use super::codec::frame::Piece;
use super::codec::head::{self, Head, Refused};
use super::codec::qpack::{self, Unreadable};
use super::exchange::Exchange;
use super::stream::StreamEnd;
use super::upload::Upload;
use crate::error::RequestError;
use crate::semantics;
use crate::transport::timer::Direction;

impl Exchange<'_> {
    /// The inner error is a request that the engine answers itself.
    pub(super) async fn read_head(
        &mut self,
        info: &ConnInfo,
    ) -> Result<Result<Request<Body>, RequestError>, StreamEnd> {
        let section = match self.read_section().await? {
            Ok(section) => section,
            Err(error) => return Ok(Err(error)),
        };
        let fields = match qpack::decode(section, self.limits.head.bytes) {
            Ok(fields) => fields,
            Err(Unreadable::TooLarge) => return Ok(Err(RequestError::HeadTooLarge)),
            Err(broken) => return Err(Fault::from(broken).into()),
        };
        let Head { mut request, length, expect_continue } =
            match head::read(fields, self.limits.head) {
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
        let (upload, body) = Upload::attach(length, expect_continue, first)?;
        self.upload = Some(upload);
        *request.body_mut() = body;
        Ok(Ok(request))
    }

    /// The encoded fields of the head.
    async fn read_section(&mut self) -> Result<Result<bytes::Bytes, RequestError>, StreamEnd> {
        self.timer.set(Direction::Read, self.limits.head_timeout);
        let piece = poll_fn(|cx| match self.reader.poll_next(cx) {
            Poll::Ready(piece) => Poll::Ready(piece.map(Ok)),
            Poll::Pending => self.timer.poll(cx).map(|_| Ok(Err(RequestError::HeadTimeout))),
        })
        .await?;
        self.timer.clear(Direction::Read);
        match piece {
            Ok(Some(Piece::Head(section))) => Ok(Ok(section)),
            Ok(Some(Piece::HeadTooLarge)) => Ok(Err(RequestError::HeadTooLarge)),
            Err(error) => Ok(Err(error)),
            Ok(_) => Err(Fault::Stream(Code::RequestIncomplete, "there is no head").into()),
        }
    }
}
