//! The body as the parts of `multipart/form-data`, one after the other.

mod head;
mod parser;

use std::fmt::Display;
use std::string::FromUtf8Error;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use trine_core::{Body, Cx, FromRequest, Problem, Rejection};

use self::head::{Disposition, boundary};
use self::parser::{Event, Parser};
use super::content::{Content, media_type};
use crate::form::FormLimits;
use crate::validation::{FieldErrors, Location};

/// The parts of `multipart/form-data` ([RFC 7578]) as they come, for a handler that stores them
/// itself.
///
/// A form of known fields is read by [`Form<T>`](super::Form), files included. This is for the
/// rest: uploads that go elsewhere than to disk, or that are looked at while they come.
///
/// ```
/// use trine::extract::Multipart;
/// use trine::prelude::*;
///
/// #[post("/upload", limit = "1GiB")]
/// async fn upload(mut parts: Multipart) -> Result<String, Problem> {
///     let mut told = String::new();
///     while let Some(mut part) = parts.next_part().await? {
///         let mut bytes = 0;
///         while let Some(chunk) = part.chunk().await? {
///             bytes += chunk.len();
///         }
///         told += &format!("{}: {bytes} bytes\n", part.name());
///     }
///     Ok(told)
/// }
/// ```
///
/// The client is read only as fast as the parts are. What is left of a part is skipped by the next
/// [`next_part`](Multipart::next_part).
///
/// # Errors
/// - 415 where the content type is another or the body has a `Content-Encoding`, 400 where it names
///   no boundary
/// - 400 where the body is no multipart, ends early, or has a part without a name
/// - 413 past the body limit of the route; past [`FormLimits`] in number, length of name or of head
///
/// [RFC 7578]: https://www.rfc-editor.org/rfc/rfc7578
#[derive(Debug)]
pub struct Multipart {
    body: Body,
    parser: Parser,
    limits: FormLimits,
    parts: usize,
    in_part: bool,
}

impl FromRequest for Multipart {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        if !Multipart::is_declared(cx) {
            // Refuses in the words of its siblings.
            MULTIPART.read(cx).await?;
        }
        Multipart::of(cx, FormLimits::of(cx))
    }
}

const MULTIPART: Content = Content { expected: "multipart/form-data", accepts: |_| false };

impl Multipart {
    pub(crate) fn is_declared(cx: &Cx) -> bool {
        media_type(cx.headers()).is_some_and(|given| given.eq_ignore_ascii_case(MULTIPART.expected))
    }

    pub(crate) fn of(cx: &mut Cx, limits: FormLimits) -> Result<Multipart, Rejection> {
        let declared = cx.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
        let boundary = boundary(declared.unwrap_or_default()).map_err(malformed)?;
        let parser = Parser::new(&boundary, limits.part_head);
        let body = cx.take_decoded_body()?;
        body.check_declared()?;
        Ok(Multipart { body, parser, limits, parts: 0, in_part: false })
    }

    /// The next part; `None` after the last.
    ///
    /// # Errors
    /// As [`Multipart`] says.
    pub async fn next_part(&mut self) -> Result<Option<Part<'_>>, Problem> {
        while self.in_part {
            self.chunk().await?;
        }
        loop {
            match self.event().await? {
                Event::Head(headers) => {
                    let disposition = self.part(&headers)?;
                    return Ok(Some(Part { multipart: self, headers, disposition }));
                }
                Event::Content(_) | Event::PartEnd => {}
                Event::End => return Ok(None),
            }
        }
    }

    fn part(&mut self, headers: &HeaderMap) -> Result<Disposition, Problem> {
        self.parts += 1;
        self.in_part = true;
        if self.parts > self.limits.fields {
            return Err(past("fields", format!("expected at most {} parts", self.limits.fields)));
        }
        let disposition = head::disposition(headers).map_err(malformed)?;
        if disposition.name.len() > self.limits.name {
            return Err(past(
                "name",
                format!("expected names of at most {} bytes", self.limits.name),
            ));
        }
        Ok(disposition)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        if !self.in_part {
            return Ok(None);
        }
        match self.event().await? {
            Event::Content(bytes) => Ok(Some(bytes)),
            Event::Head(_) | Event::PartEnd | Event::End => {
                self.in_part = false;
                Ok(None)
            }
        }
    }

    async fn event(&mut self) -> Result<Event, Problem> {
        loop {
            match self.parser.next() {
                Ok(Some(Event::End)) => {
                    // The epilogue means nothing, but what is left unread would cost the
                    // connection.
                    while let Some(frame) = self.body.frame().await {
                        frame?;
                    }
                    return Ok(Event::End);
                }
                Ok(Some(event)) => return Ok(event),
                Ok(None) => match self.body.frame().await {
                    Some(frame) => {
                        if let Ok(data) = frame?.into_data() {
                            self.parser.push(&data);
                        }
                    }
                    None => return Err(malformed("the body ends before the last boundary")),
                },
                Err(parser::Refused::HeadTooLarge) => {
                    let most = self.limits.part_head;
                    return Err(past(
                        "part_head",
                        format!("expected at most {most} bytes of header in a part"),
                    ));
                }
                Err(parser::Refused::Malformed(what)) => return Err(malformed(what)),
            }
        }
    }
}

/// One part: a head, and content that is still on its way.
#[derive(Debug)]
pub struct Part<'a> {
    multipart: &'a mut Multipart,
    headers: HeaderMap,
    disposition: Disposition,
}

impl Part<'_> {
    /// The name of the field.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.disposition.name
    }

    /// The name of the file as the client sent it, which may be `../../etc/passwd`; `None` where
    /// the part is no file, and empty where none was chosen.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.disposition.file_name.as_deref()
    }

    /// The media type, with its parameters, that the client declared.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_TYPE)?.to_str().ok()
    }

    /// All header fields of the part.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The next bytes of the content; `None` after the last.
    ///
    /// # Errors
    /// As [`Multipart`] says.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        self.multipart.chunk().await
    }

    /// The whole content as text of at most [`FormLimits::text`] bytes.
    ///
    /// # Errors
    /// As [`Multipart`] says; 413 past the limit, 400 where it is not UTF-8.
    pub async fn text(mut self) -> Result<String, Problem> {
        let most = self.multipart.limits.text;
        match self.text_up_to(most).await? {
            Some(Ok(text)) => Ok(text),
            Some(Err(error)) => {
                let at = error.utf8_error().valid_up_to();
                let message = format!("expected UTF-8, got another byte at offset {at}");
                let mut errors = FieldErrors::of(Location::Form);
                errors.refuse(self.name(), "encoding", &*message);
                let detail = format!("part `{}`: {message}", self.name());
                Err(errors.problem(StatusCode::BAD_REQUEST).detail(detail).source(error))
            }
            None => {
                Err(past("text", format!("part `{}`: expected at most {most} bytes", self.name())))
            }
        }
    }

    pub(crate) async fn text_up_to(
        &mut self,
        most: u64,
    ) -> Result<Option<Result<String, FromUtf8Error>>, Problem> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if (all.len() + chunk.len()) as u64 > most {
                return Ok(None);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(Some(String::from_utf8(all.into())))
    }
}

#[cold]
fn malformed(what: impl Display) -> Problem {
    let what = what.to_string();
    let mut errors = FieldErrors::of(Location::Form);
    errors.refuse("", "syntax", &*what);
    errors.problem(StatusCode::BAD_REQUEST).detail(format!("multipart: {what}"))
}

#[cold]
fn past(limit: &'static str, detail: impl Display) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE)
        .detail(format!("multipart: {detail}"))
        .with("limit", limit)
}
