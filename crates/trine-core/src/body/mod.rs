//! The body of a request or a response.
//!
//! # Layout
//! - this file: [`Body`]; `error`: why a body could not be read
//! - `incoming`: a request body that the connection fills while the handler reads it
//! - `file`: a part of a file as a body

mod error;
mod file;
pub mod incoming;

use std::any::Any;
use std::fs::File;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};

pub use self::error::BodyError;
pub use self::file::FileBody;
use self::incoming::Incoming;
use crate::BoxError;
pub use crate::problem::body_fault::BodyRefusal;

/// The body of a request or a response: empty, complete in memory, received from a connection, a
/// stream, or a file.
///
/// It is `Send + Sync` and implements [`http_body::Body`], so every Tower layer and client accepts
/// it.
///
/// ```
/// use trine_core::Body;
///
/// let body = Body::from("hello");
/// assert_eq!(body.as_whole().unwrap(), "hello".as_bytes());
/// ```
///
/// # Limits
/// A body has a limit of data bytes: [`u64::MAX`] unless [`Body::limited`] has set one. Beyond it,
/// a read fails with [`BodyError::TooLarge`]. If the declared length exceeds it, reading fails
/// before any byte is read. After an error of any kind the body has ended: further reads return
/// `None`.
pub struct Body {
    kind: Kind,
    limit: u64,
    left: u64,
    of_request: bool,
}

enum Kind {
    Empty,
    Whole(Bytes),
    // Not converted to `Bytes`, which would cost an allocation: most response bodies are copied
    // into the buffer of their head.
    Owned(Vec<u8>),
    Incoming(Incoming),
    // The mutex makes `Body: Sync`. It is never locked to read: `get_mut` reaches the stream.
    Stream(Mutex<UnsyncBoxBody<Bytes, BoxError>>),
    File(Box<FileBody>),
}

impl Body {
    /// An empty body.
    ///
    /// ```
    /// assert_eq!(trine_core::Body::empty().as_whole(), Some(&[][..]));
    /// ```
    #[must_use]
    pub const fn empty() -> Body {
        Body::of(Kind::Empty)
    }

    /// A body of bytes in memory.
    ///
    /// ```
    /// use trine_core::Body;
    ///
    /// assert_eq!(Body::whole(vec![1, 2, 3]).as_whole(), Some(&[1, 2, 3][..]));
    /// ```
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        if bytes.is_empty() { Body::empty() } else { Body::of(Kind::Whole(bytes)) }
    }

    /// A body of any other type. A [`Body`] is returned unchanged, and any other type is boxed.
    ///
    /// ```
    /// use http_body_util::Full;
    /// use trine_core::Body;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), trine_core::BodyError> {
    /// let body = Body::new(Full::new("hello".into()));
    /// assert_eq!(body.bytes().await?, "hello");
    /// # Ok(())
    /// # }
    /// ```
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

    /// A body of chunks that are produced while it is sent. An `Err` aborts the response, so that
    /// the client never mistakes it for complete.
    ///
    /// ```
    /// use http_body_util::BodyExt as _;
    /// use trine_core::{Body, BodyError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BodyError> {
    /// let chunks = Body::from("hello").into_data_stream(); // or any other stream of bytes
    /// assert_eq!(Body::stream(chunks).bytes().await?, "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<S, T, E>(stream: S) -> Body
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Into<Bytes>,
        E: Into<BoxError>,
    {
        Body::new(StreamBody::new(Frames(Box::pin(stream))))
    }

    /// `len` bytes of a file, starting at `offset`.
    ///
    /// ```
    /// use std::io::Write as _;
    /// use trine_core::Body;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut file = tempfile::tempfile()?;
    /// file.write_all(b"hello world")?;
    /// assert_eq!(Body::file(file, 6, 5).bytes().await?, "world");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// From 64 KiB on, `trine-server` lets the system send them (`sendfile`) if it can: on an
    /// unencrypted socket of Linux, if no layer wraps the body. Otherwise the worker reads them
    /// itself, in chunks of 64 KiB. Both assume that the file is in the page cache: a slow disk
    /// blocks the worker. If the file is shorter than `offset + len`, the response is aborted.
    #[must_use]
    pub fn file(file: File, offset: u64, len: u64) -> Body {
        Body::of(Kind::File(Box::new(FileBody { file, offset, len })))
    }

    /// The body of a request, which a server fills on demand. See [`incoming`].
    #[must_use]
    pub fn incoming(incoming: Incoming) -> Body {
        let mut body = Body::of(Kind::Incoming(incoming));
        body.mark_request();
        body
    }

    /// Marks the body of a received request: its errors are the fault of the client. The errors of
    /// any other body, such as the response of an upstream or a stream of the server, are not.
    ///
    /// Servers and the framework call this when a request arrives, and after each layer, which may
    /// have wrapped the body.
    #[doc(hidden)]
    #[inline]
    pub fn mark_request(&mut self) {
        self.of_request = true;
    }

    /// The same body, of which at most `limit` more data bytes can be read.
    ///
    /// ```
    /// use trine_core::{Body, BodyError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let error = Body::from("hello").limited(4).bytes().await.unwrap_err();
    /// assert!(matches!(error, BodyError::TooLarge { limit: 4, .. }));
    /// # }
    /// ```
    #[must_use]
    pub fn limited(mut self, limit: u64) -> Body {
        self.limit(limit);
        self
    }

    pub(crate) fn limit(&mut self, limit: u64) {
        self.limit = limit;
        self.left = limit;
    }

    /// The bytes of a body in memory. `None` for streams and files.
    #[must_use]
    pub fn as_whole(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Empty => Some(&[]),
            Kind::Whole(bytes) => Some(bytes),
            Kind::Owned(bytes) => Some(bytes),
            Kind::Incoming(_) | Kind::Stream(_) | Kind::File(_) => None,
        }
    }

    /// Takes the bytes of a body in memory, and leaves an empty body. `None` for streams and files,
    /// which stay unchanged.
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

    /// Takes the file out of a file body, and leaves an empty body. `None` for any other
    /// body, which stays unchanged.
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

    /// Checks the declared length of the body against its limit, before any byte is read.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`].
    pub fn check_declared(&self) -> Result<(), BodyError> {
        let declared = http_body::Body::size_hint(self).lower();
        if declared > self.left { Err(self.too_large()) } else { Ok(()) }
    }

    /// Waits for the next bytes. `None` at the end. Trailers are skipped.
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
    /// [`BodyError::TooLarge`] beyond the limit, and the errors of the connection. After an error
    /// the body has ended.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            match self.frame().await?.map(Frame::into_data) {
                Ok(Ok(data)) => return Some(Ok(data)),
                Ok(Err(_trailers)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Reads the whole body.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), trine_core::BodyError> {
    /// let body = trine_core::Body::from("hello");
    /// assert_eq!(body.bytes().await?, "hello");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] beyond the limit, and the errors of the connection.
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
                // Refused before the first byte is requested, so that `100 Continue` is never sent.
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
        // Nothing follows an error or the end, even if the inner body would return more frames.
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
