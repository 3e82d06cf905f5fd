//! The body of a request or a response.

use std::any::Any;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};

use crate::BoxError;
use crate::incoming::Incoming;

pub use crate::problem::body_fault::BodyRefusal;

/// The body of a request or a response: nothing, bytes that are all there, bytes that come from the
/// connection, a stream, or a file.
///
/// It is `Send + Sync` and implements [`http_body::Body`], so every Tower layer and client takes it
/// unchanged.
///
/// ```
/// use trine_core::Body;
///
/// let body = Body::from("hello");
/// assert_eq!(body.as_whole().unwrap(), "hello".as_bytes());
/// ```
///
/// # Limits
/// A body has a limit of data bytes, [`u64::MAX`] unless [`Body::limited`] set one. Past it,
/// reading fails with [`BodyError::TooLarge`]; a declared length past it fails before a byte is
/// read. Behind an error, of whatever kind, the body is at its end: who reads on gets `None`.
pub struct Body {
    kind: Kind,
    limit: u64,
    left: u64,
    of_request: bool,
}

enum Kind {
    Empty,
    Whole(Bytes),
    // As it was made: most answers are copied behind their head, and shared bytes would cost an
    // allocation more.
    Owned(Vec<u8>),
    Incoming(Incoming),
    // The lock is never taken: `get_mut` reaches the stream, and the type makes `Body: Sync`.
    Stream(Mutex<UnsyncBoxBody<Bytes, BoxError>>),
    File(Box<FileBody>),
}

impl Body {
    /// A body without bytes.
    #[must_use]
    pub const fn empty() -> Body {
        Body::of(Kind::Empty)
    }

    /// A body of bytes that are all there.
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        if bytes.is_empty() { Body::empty() } else { Body::of(Kind::Whole(bytes)) }
    }

    /// Any other body. A [`Body`] passes through as it is; everything else costs one box.
    pub fn new<B>(body: B) -> Body
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut body = Some(body);
        if let Some(own) = (&mut body as &mut dyn Any).downcast_mut::<Option<Body>>() {
            return own.take().unwrap_or_default();
        }
        match body {
            Some(body) if body.is_end_stream() => Body::empty(),
            Some(body) => {
                Body::of(Kind::Stream(Mutex::new(body.map_err(Into::into).boxed_unsync())))
            }
            None => Body::empty(),
        }
    }

    /// A body of chunks whose number is not known. An `Err` ends the response as broken, never as
    /// complete.
    pub fn stream<S, T, E>(stream: S) -> Body
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Into<Bytes>,
        E: Into<BoxError>,
    {
        Body::new(StreamBody::new(Frames(Box::pin(stream))))
    }

    /// `len` bytes of a file, from `offset` on.
    ///
    /// From 64 KiB on, `trine-server` has the system send them (`sendfile`) where it can: on a
    /// plain socket of Linux, with no layer that wraps the body. Elsewhere they are read in place
    /// in chunks of 64 KiB. Both suit files in the page cache: a slow disk keeps the worker
    /// waiting. A file that turns out shorter than `len` breaks the answer.
    #[must_use]
    pub fn file(file: File, offset: u64, len: u64) -> Body {
        Body::of(Kind::File(Box::new(FileBody { file, offset, len })))
    }

    /// A body that the server fills on demand.
    #[must_use]
    pub fn incoming(incoming: Incoming) -> Body {
        let mut body = Body::of(Kind::Incoming(incoming));
        body.mark_request();
        body
    }

    /// Marks the body of a request that came in: what is wrong with it is the client's fault. What
    /// is wrong with any other body, an upstream's or a stream of the server's own, is not.
    ///
    /// Servers and the framework call it where a request enters, and behind each layer, which may
    /// have wrapped the body.
    #[doc(hidden)]
    #[inline]
    pub fn mark_request(&mut self) {
        self.of_request = true;
    }

    /// The same body with a limit of `limit` data bytes from here on.
    #[must_use]
    pub fn limited(mut self, limit: u64) -> Body {
        self.limit(limit);
        self
    }

    pub(crate) fn limit(&mut self, limit: u64) {
        self.limit = limit;
        self.left = limit;
    }

    /// The bytes, when they are all there. `None` for streams and files.
    #[must_use]
    pub fn as_whole(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Empty => Some(&[]),
            Kind::Whole(bytes) => Some(bytes),
            Kind::Owned(bytes) => Some(bytes),
            Kind::Incoming(_) | Kind::Stream(_) | Kind::File(_) => None,
        }
    }

    /// Takes the bytes when they are all there, and leaves an empty body.
    pub fn take_whole(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.kind, Kind::Empty) {
            Kind::Empty => Some(Bytes::new()),
            Kind::Whole(bytes) => Some(bytes),
            Kind::Owned(bytes) => Some(bytes.into()),
            other @ (Kind::Incoming(_) | Kind::Stream(_) | Kind::File(_)) => {
                self.kind = other;
                None
            }
        }
    }

    /// Takes the file when the body is one, and leaves an empty body.
    pub fn take_file(&mut self) -> Option<FileBody> {
        match std::mem::replace(&mut self.kind, Kind::Empty) {
            Kind::File(file) => Some(*file),
            other @ (Kind::Empty
            | Kind::Whole(_)
            | Kind::Owned(_)
            | Kind::Incoming(_)
            | Kind::Stream(_)) => {
                self.kind = other;
                None
            }
        }
    }

    /// Refuses a body whose declared length is past its limit, before a byte of it is asked for.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`].
    pub fn check_declared(&self) -> Result<(), BodyError> {
        let declared = http_body::Body::size_hint(self).lower();
        if declared > self.left { Err(self.too_large()) } else { Ok(()) }
    }

    /// Waits for the next bytes, `None` at the end. Trailers are passed over.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), trine_core::BodyError> {
    /// let mut body = trine_core::Body::from("hello");
    /// let mut read = 0;
    /// while let Some(bytes) = body.chunk().await {
    ///     read += bytes?.len();
    /// }
    /// assert_eq!(read, 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] past the limit, and whatever the connection reports. Nothing comes
    /// after an error.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            match self.frame().await?.map(Frame::into_data) {
                Ok(Ok(data)) => return Some(Ok(data)),
                Ok(Err(_trailers)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] past the limit, and whatever the connection reports.
    pub async fn bytes(mut self) -> Result<Bytes, BodyError> {
        self.check_declared()?;
        if let Some(bytes) = self.take_whole() {
            return Ok(bytes);
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(frame) = self.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if first.is_empty() && all.is_empty() {
                first = data;
            } else {
                if all.is_empty() {
                    all.reserve(first.len() + data.len());
                    all.extend_from_slice(&std::mem::take(&mut first));
                }
                all.extend_from_slice(&data);
            }
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }

    const fn of(kind: Kind) -> Body {
        Body { kind, limit: u64::MAX, left: u64::MAX, of_request: false }
    }

    fn too_large(&self) -> BodyError {
        BodyError::TooLarge { limit: self.limit, of_request: self.of_request }
    }
}

/// A part of an open file, as [`Body::file`] holds it.
#[derive(Debug)]
pub struct FileBody {
    /// The open file.
    pub file: File,
    /// Where the next byte is.
    pub offset: u64,
    /// How many bytes are left.
    pub len: u64,
}

impl FileBody {
    fn read(&mut self) -> Option<Result<Bytes, BodyError>> {
        const CHUNK: u64 = 64 * 1024;
        if self.len == 0 {
            return None;
        }
        let mut chunk = BytesMut::zeroed(usize::try_from(self.len.min(CHUNK)).unwrap_or(0));
        let seek = self.file.seek(SeekFrom::Start(self.offset));
        match seek.and_then(|_| self.file.read(&mut chunk)) {
            Ok(0) => {
                let short = "the file is shorter than the body that was made of it";
                Some(Err(BodyError::Other(
                    io::Error::new(io::ErrorKind::UnexpectedEof, short).into(),
                )))
            }
            Ok(read) => {
                chunk.truncate(read);
                self.offset += read as u64;
                self.len -= read as u64;
                Some(Ok(chunk.freeze()))
            }
            Err(error) => Some(Err(BodyError::Other(error.into()))),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let mut frame = match &mut this.kind {
            Kind::Empty => return Poll::Ready(None),
            Kind::Whole(bytes) => {
                let frame = Frame::data(std::mem::take(bytes));
                this.kind = Kind::Empty;
                Some(Ok(frame))
            }
            Kind::Owned(bytes) => {
                let frame = Frame::data(std::mem::take(bytes).into());
                this.kind = Kind::Empty;
                Some(Ok(frame))
            }
            Kind::Incoming(incoming) => {
                // Refused before the first byte is asked for: `100 Continue` is never sent for it.
                if incoming.remaining().is_some_and(|declared| declared > this.left) {
                    Some(Err(this.too_large()))
                } else {
                    ready!(incoming.poll_frame(cx))
                }
            }
            Kind::Stream(stream) => {
                let stream = stream.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
                ready!(Pin::new(stream).poll_frame(cx)).map(|frame| {
                    frame.map_err(|error| BodyError::of_stream(error, this.of_request))
                })
            }
            Kind::File(file) => file.read().map(|read| read.map(Frame::data)),
        };
        if let Some(Ok(part)) = &frame
            && let Some(data) = part.data_ref()
        {
            match this.left.checked_sub(data.len() as u64) {
                Some(left) => this.left = left,
                None => frame = Some(Err(this.too_large())),
            }
        }
        // Behind an error or the end comes nothing, whatever the source would say if it were asked
        // again.
        if !matches!(frame, Some(Ok(_))) {
            this.kind = Kind::Empty;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Whole(_) | Kind::Owned(_) => false,
            Kind::Incoming(incoming) => incoming.is_end(),
            Kind::Stream(stream) => stream.lock().is_ok_and(|stream| stream.is_end_stream()),
            Kind::File(file) => file.len == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Owned(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Incoming(incoming) => {
                incoming.remaining().map_or_else(SizeHint::new, SizeHint::with_exact)
            }
            Kind::Stream(stream) => {
                stream.lock().map_or_else(|_| SizeHint::new(), |stream| stream.size_hint())
            }
            Kind::File(file) => SizeHint::with_exact(file.len),
        }
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::empty()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            Kind::Empty => f.write_str("Body::Empty"),
            Kind::Whole(bytes) => write!(f, "Body::Whole({} bytes)", bytes.len()),
            Kind::Owned(bytes) => write!(f, "Body::Whole({} bytes)", bytes.len()),
            Kind::Incoming(_) => f.write_str("Body::Incoming"),
            Kind::Stream(_) => f.write_str("Body::Stream"),
            Kind::File(file) => write!(f, "Body::File({} bytes)", file.len),
        }
    }
}

macro_rules! whole_from {
    ($($ty:ty),*) => {$(
        impl From<$ty> for Body {
            fn from(bytes: $ty) -> Body {
                Body::whole(bytes)
            }
        }
    )*};
}
whole_from!(Bytes, BytesMut, Box<[u8]>, &'static str, &'static [u8]);

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        if bytes.is_empty() { Body::empty() } else { Body::of(Kind::Owned(bytes)) }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Body::from(text.into_bytes())
    }
}

impl From<()> for Body {
    fn from((): ()) -> Body {
        Body::empty()
    }
}

/// The chunks of a stream as frames of a body.
struct Frames<S>(Pin<Box<S>>);

impl<S, T, E> Stream for Frames<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<Bytes>,
    E: Into<BoxError>,
{
    type Item = Result<Frame<Bytes>, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.0.as_mut().poll_next(cx));
        Poll::Ready(
            item.map(|chunk| chunk.map(|data| Frame::data(data.into())).map_err(Into::into)),
        )
    }
}

/// Why a body could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// More data than the limit allows: 413 where it is the body of a request that came in.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
        /// Whether it is the body of a request that came in. A limit on another body, an answer of
        /// an upstream for example, is the server's affair: 500.
        of_request: bool,
    },
    /// The peer stopped before the end of the body: never handed on as complete.
    Incomplete,
    /// The peer sent no data for longer than the server waits: 408.
    TimedOut,
    /// The peer broke the framing of the body: 400. The text says how.
    Malformed(&'static str),
    /// A layer around the body of a request that came in refuses what the client sent: an encoding
    /// that it cannot undo, 400, or more than a limit of its own, 413.
    Refused(BodyRefusal),
    /// The source of the body failed: the server's affair, 500, unless an error of a request's body
    /// is the cause.
    Other(BoxError),
}

impl BodyError {
    // An error that was boxed on its way through a foreign layer keeps its meaning.
    fn of_stream(error: BoxError, of_request: bool) -> BodyError {
        match error.downcast::<BodyError>() {
            Ok(own) => *own,
            Err(other) if of_request => {
                BodyRefusal::new(other).map_or_else(BodyError::Other, BodyError::Refused)
            }
            Err(other) => BodyError::Other(other),
        }
    }
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BodyError::TooLarge { limit, .. } => {
                write!(f, "the body is larger than the limit of {limit} bytes")
            }
            BodyError::Incomplete => f.write_str("the body ended before its last byte"),
            BodyError::TimedOut => f.write_str("the body stalled for too long"),
            BodyError::Malformed(how) => write!(f, "the body is malformed: {how}"),
            BodyError::Refused(_) | BodyError::Other(_) => {
                f.write_str("the body could not be read")
            }
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        crate::problem::body_fault::source(self)
    }
}
