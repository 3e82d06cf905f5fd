//! The parts of a `multipart/form-data` body, one by one. `parser` splits the bytes into parts, and
//! `head` reads the header fields of a part.

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

/// The parts of a `multipart/form-data` body ([RFC 7578]) as they arrive, for a handler that
/// processes them itself.
///
/// [`Form<T>`](super::Form) reads a form with known fields, including files. Use `Multipart` for
/// uploads that are not stored on disk, or that are inspected while they arrive.
///
/// ```
/// use trine::extract::Multipart;
/// use trine::prelude::*;
///
/// #[post("/upload", limit = "1GiB")]
/// async fn upload(mut parts: Multipart) -> Result<String, Problem> {
///     let mut report = String::new();
///     while let Some(mut part) = parts.next_part().await? {
///         let mut bytes = 0;
///         while let Some(chunk) = part.chunk().await? {
///             bytes += chunk.len();
///         }
///         report += &format!("{}: {bytes} bytes\n", part.name());
///     }
///     Ok(report)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let body = "--b\r\nContent-Disposition: form-data; name=note\r\n\r\nhello\r\n--b--";
/// let client = App::new().routes(routes![upload]).test().await;
/// let request = client.post("/upload").header("content-type", "multipart/form-data; boundary=b");
/// request.body(body).await.expect_text("note: 5 bytes\n");
/// # }
/// ```
///
/// The client is read only as fast as the handler reads the parts.
/// [`next_part`](Multipart::next_part) skips the remaining content of the current part.
///
/// # Errors
/// - 415 if the content type is not `multipart/form-data` or the body has a `Content-Encoding`; 400
///   if it has no boundary
/// - 400 if the body is not multipart data, ends early, or contains a part without a name
/// - 413 past the body limit of the route, or past [`FormLimits`] for the number of parts or the
///   length of a name or part head
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
            // Always an error: the type is not accepted, or the body is empty.
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
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn count(mut parts: Multipart) -> Result<String, Problem> {
    ///     let mut count = 0;
    ///     while parts.next_part().await?.is_some() {
    ///         count += 1;
    ///     }
    ///     Ok(format!("{count} parts"))
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", post(count)).test().await;
    /// let form = trine::testing::Multipart::new().text("a", "1").text("b", "2");
    /// client.post("/").multipart(form).await.expect_text("2 parts");
    /// # }
    /// ```
    ///
    /// # Errors
    /// The errors listed at [`Multipart`].
    pub async fn next_part(&mut self) -> Result<Option<Part<'_>>, Problem> {
        while self.in_part {
            self.chunk().await?;
        }
        loop {
            match self.event().await? {
                Event::Head(headers) => {
                    let disposition = self.start_part(&headers)?;
                    return Ok(Some(Part { multipart: self, headers, disposition }));
                }
                Event::Content(_) | Event::PartEnd => {}
                Event::End => return Ok(None),
            }
        }
    }

    fn start_part(&mut self, headers: &HeaderMap) -> Result<Disposition, Problem> {
        self.parts += 1;
        self.in_part = true;
        if self.parts > self.limits.fields {
            return Err(limit_exceeded(
                "fields",
                format!("expected at most {} parts", self.limits.fields),
            ));
        }
        let disposition = head::disposition(headers).map_err(malformed)?;
        if disposition.name.len() > self.limits.name {
            return Err(limit_exceeded(
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
                    // The epilogue has no meaning, but unread bytes would prevent the connection
                    // from being reused.
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
                    None => return Err(malformed("the body ends before the closing boundary")),
                },
                Err(parser::Refused::HeadTooLarge) => {
                    let most = self.limits.part_head;
                    return Err(limit_exceeded(
                        "part_head",
                        format!("expected at most {most} bytes of header in a part"),
                    ));
                }
                Err(parser::Refused::Malformed(what)) => return Err(malformed(what)),
            }
        }
    }
}

/// A part of a [`Multipart`] body: its head, and its content while it arrives.
#[derive(Debug)]
pub struct Part<'a> {
    multipart: &'a mut Multipart,
    headers: HeaderMap,
    disposition: Disposition,
}

impl Part<'_> {
    /// The field name.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn upload(mut parts: Multipart) -> Result<String, Problem> {
    ///     let Some(part) = parts.next_part().await? else { return Ok("no part".into()) };
    ///     Ok(part.name().to_owned())
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("avatar", "me.png", "image/png", "…");
    /// client.post("/").multipart(form).await.expect_text("avatar");
    /// # }
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.disposition.name
    }

    /// The file name as the client sent it, which may be `../../etc/passwd`. `None` if the part is
    /// not a file; empty if no file was chosen.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn upload(mut parts: Multipart) -> Result<String, Problem> {
    ///     let Some(part) = parts.next_part().await? else { return Ok("no part".into()) };
    ///     Ok(part.file_name().unwrap_or("not a file").to_owned())
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("avatar", "me.png", "image/png", "…");
    /// client.post("/").multipart(form).await.expect_text("me.png");
    /// # }
    /// ```
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.disposition.file_name.as_deref()
    }

    /// The media type that the client declared, with its parameters.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn upload(mut parts: Multipart) -> Result<String, Problem> {
    ///     let Some(part) = parts.next_part().await? else { return Ok("no part".into()) };
    ///     Ok(part.content_type().unwrap_or("none").to_owned())
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().file("avatar", "me.png", "image/png", "…");
    /// client.post("/").multipart(form).await.expect_text("image/png");
    /// # }
    /// ```
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_TYPE)?.to_str().ok()
    }

    /// The header fields of the part.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn upload(mut parts: Multipart) -> Result<String, Problem> {
    ///     let Some(part) = parts.next_part().await? else { return Ok("no part".into()) };
    ///     Ok(part.headers().contains_key("content-type").to_string())
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().text("note", "hello");
    /// client.post("/").multipart(form).await.expect_text("false");
    /// # }
    /// ```
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The next bytes of the content; `None` at its end.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn upload(mut parts: Multipart) -> Result<String, Problem> {
    ///     let Some(mut part) = parts.next_part().await? else { return Ok("no part".into()) };
    ///     let mut bytes = 0;
    ///     while let Some(chunk) = part.chunk().await? {
    ///         bytes += chunk.len();
    ///     }
    ///     Ok(format!("{bytes} bytes"))
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().text("note", "hello");
    /// client.post("/").multipart(form).await.expect_text("5 bytes");
    /// # }
    /// ```
    ///
    /// # Errors
    /// The errors listed at [`Multipart`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        self.multipart.chunk().await
    }

    /// The whole content as text, of at most [`FormLimits::text`] bytes.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn upload(mut parts: Multipart) -> Result<String, Problem> {
    ///     let Some(part) = parts.next_part().await? else { return Ok("no part".into()) };
    ///     part.text().await
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let client = App::new().route("/", post(upload)).test().await;
    /// let form = trine::testing::Multipart::new().text("note", "hello");
    /// client.post("/").multipart(form).await.expect_text("hello");
    /// # }
    /// ```
    ///
    /// # Errors
    /// The errors listed at [`Multipart`]; 413 past the limit; 400 if the content is not UTF-8.
    pub async fn text(mut self) -> Result<String, Problem> {
        let most = self.multipart.limits.text;
        match self.text_up_to(most).await? {
            Some(Ok(text)) => Ok(text),
            Some(Err(error)) => {
                let at = error.utf8_error().valid_up_to();
                let message = format!("expected UTF-8, got an invalid byte at offset {at}");
                let mut errors = FieldErrors::of(Location::Form);
                errors.refuse(self.name(), "encoding", &*message);
                let detail = format!("part `{}`: {message}", self.name());
                Err(errors.problem(StatusCode::BAD_REQUEST).detail(detail).source(error))
            }
            None => Err(limit_exceeded(
                "text",
                format!("part `{}`: expected at most {most} bytes", self.name()),
            )),
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
fn limit_exceeded(limit: &'static str, detail: impl Display) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE)
        .detail(format!("multipart: {detail}"))
        .with("limit", limit)
}
