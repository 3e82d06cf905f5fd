//! A panic inside of h2, which cannot be provoked over a socket.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::Semaphore;
use trine_core::{Body, ConnInfo};

use crate::config::limits::Limits;
use crate::seam::connection::Connection;
use crate::seam::{MakeConnection as _, MakeWorker as _, NativeUpgrades};
use crate::server::shutdown::Drain;
use crate::transport::io::Io;

/// Reads from `stream` up to a frame of the type `TRAP`, and then panics in the middle of h2.
struct Trapped {
    stream: DuplexStream,
    panics: Arc<AtomicUsize>,
}

/// A frame of an unknown type.
const TRAP: &[u8] = b"\0\0\0\xee\0\0\0\0\0";

impl AsyncRead for Trapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let trapped = self.panics.load(Ordering::SeqCst);
        if trapped > 100 {
            // Ends a failing test.
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if trapped > 0 || buf.filled().windows(TRAP.len()).any(|bytes| bytes == TRAP) {
            self.panics.fetch_add(1, Ordering::SeqCst);
            panic!("as a protocol would");
        }
        read
    }
}

impl AsyncWrite for Trapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Io for Trapped {
    fn poll_read_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

// The driver once looked for the stream that had panicked, found none, and tried again for ever.
#[tokio::test]
async fn a_panic_of_the_protocol_ends_its_connection() {
    let (mut client, stream) = tokio::io::duplex(16 * 1024);
    let panics = Arc::new(AtomicUsize::new(0));
    let io = Trapped { stream, panics: Arc::clone(&panics) };
    let drain = Arc::new(Drain::default());
    let guard = drain.register(Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap());
    let never = |_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>();
    let worker = NativeUpgrades(tower::service_fn(never)).worker(0).await.unwrap();
    let info = ConnInfo::unknown();
    let service = worker.connection(&info);
    let connection =
        Connection { io, info, make: &worker, limits: Arc::new(Limits::default()), guard };
    // `GET http://a/`, so that a stream is open.
    let request = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a";
    let all = [super::frames::PREFACE, b"\0\0\0\x04\0\0\0\0\0", request].concat();
    client.write_all(&all).await.unwrap();
    let serving = super::serve(connection, service, BytesMut::new());
    let trapping = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        client.write_all(TRAP).await.unwrap();
    };
    let both = async { tokio::join!(serving, trapping) };
    tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
    assert_eq!(panics.load(Ordering::SeqCst), 1);
}
