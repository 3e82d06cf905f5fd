//! All kinds of bodies, and the slot that a connection fills on demand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io::Write as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full};
use trine_core::incoming::{Want, channel};
use trine_core::{Body, BodyError, Problem};

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn now<F: Future>(future: F) -> F::Output {
    match poll_once(future) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future is pending"),
    }
}

fn parts(parts: &[&'static str]) -> Body {
    let parts: Vec<_> = parts.iter().map(|part| Ok::<_, std::io::Error>(*part)).collect();
    Body::stream(futures(parts))
}

fn futures<T: Send + Unpin + 'static>(items: Vec<T>) -> impl futures_core::Stream<Item = T> + Send {
    struct Iter<T>(std::vec::IntoIter<T>);
    impl<T: Unpin> futures_core::Stream for Iter<T> {
        type Item = T;
        fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
            Poll::Ready(self.0.next())
        }
    }
    Iter(items.into_iter())
}

fn asked<T>(
    next: impl FnMut() -> Option<T> + Send + Unpin,
) -> impl futures_core::Stream<Item = T> + Send {
    struct Asked<F>(F);
    impl<T, F: FnMut() -> Option<T> + Unpin> futures_core::Stream for Asked<F> {
        type Item = T;
        fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
            Poll::Ready((self.0)())
        }
    }
    Asked(next)
}

fn file(content: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

#[test]
fn every_kind_of_body_yields_its_bytes() {
    let content: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    for (body, bytes) in [
        (Body::empty(), &b""[..]),
        (Body::from("text"), b"text"),
        (Body::from(String::new()), b""),
        (parts(&["one", "", "two"]), b"onetwo"),
        (Body::new(Full::new(Bytes::from_static(b"full"))), b"full"),
        (Body::new(Body::from("own")), b"own"),
        (Body::file(file(b"0123456789"), 2, 5), b"23456"),
        (Body::file(file(&content), 0, 200_000), &content),
    ] {
        let form = format!("{body:?}");
        assert_eq!(now(body.bytes()).unwrap(), bytes, "{form}");
    }
}

#[test]
fn a_trine_body_is_not_boxed_again() {
    assert!(Body::new(Body::from("own")).as_whole().is_some());
}

#[test]
fn the_limit_applies_to_every_kind_of_body() {
    for (form, body) in [
        ("whole", Body::from("12345")),
        ("stream", parts(&["123", "45"])),
        ("file", Body::file(file(b"12345"), 0, 5)),
    ] {
        let error = now(body.limited(4).bytes()).unwrap_err();
        assert!(
            matches!(error, BodyError::TooLarge { limit: 4, of_request: false }),
            "{form}: {error}"
        );
    }
    assert_eq!(now(parts(&["123", "45"]).limited(5).bytes()).unwrap(), "12345");
}

/// The same error used to be repeated forever, so that a loop over the frames never ended.
#[test]
fn every_kind_of_body_ends_after_an_error() {
    struct Grumbling;
    impl futures_core::Stream for Grumbling {
        type Item = Result<Bytes, BodyError>;
        fn poll_next(
            self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Self::Item>> {
            Poll::Ready(Some(Err(BodyError::TimedOut)))
        }
    }
    let (_declared, incoming) = channel(Some(5));
    let (failed, failing) = channel(None);
    failed.fail(BodyError::Malformed("a chunk"));
    for (form, body) in [
        ("whole", Body::from("12345").limited(4)),
        ("owned", Body::from("12345".to_owned()).limited(4)),
        ("declared", Body::incoming(incoming).limited(4)),
        ("broken", Body::incoming(failing)),
        ("stream past the limit", parts(&["123", "45", "6"]).limited(4)),
        ("stream that goes on failing", Body::stream(Grumbling)),
        ("file past the limit", Body::file(file(b"12345"), 0, 5).limited(4)),
        ("file that shrank", Body::file(file(b"123"), 0, 9)),
    ] {
        let mut body = body;
        let mut polls = 0;
        let error = loop {
            polls += 1;
            assert!(polls < 5, "{form}");
            match now(body.frame()) {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("{form}: no error"),
            }
        };
        assert!(
            now(body.frame()).is_none() && now(body.chunk()).is_none(),
            "{form}: behind {error}"
        );
        assert!(body.is_end_stream(), "{form}");
    }
}

#[test]
fn a_stream_is_not_polled_after_its_end() {
    let mut ended = false;
    let once = asked(move || {
        assert!(!ended, "it was asked behind its end");
        ended = true;
        None::<Result<Bytes, BodyError>>
    });
    let mut body = Body::stream(once);
    assert!(now(body.frame()).is_none() && now(body.frame()).is_none());
}

#[test]
fn a_file_that_shrank_is_not_complete() {
    let error = now(Body::file(file(b"123"), 0, 9).bytes()).unwrap_err();
    // The client cannot cause this.
    assert_eq!(Problem::from(error).status(), 500);
}

#[test]
fn the_error_of_a_stream_keeps_its_meaning_through_foreign_bodies() {
    let failing = Body::stream(futures(vec![Err::<Bytes, _>(BodyError::TimedOut)]));
    let wrapped = Body::new(failing.map_frame(|frame| frame));
    assert!(matches!(now(wrapped.bytes()), Err(BodyError::TimedOut)));
}

#[test]
fn an_incoming_body_is_filled_on_demand() {
    let (filler, incoming) = channel(Some(6));
    let mut body = Body::incoming(incoming);
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(filler.poll_wanted(cx).is_pending(), "the body is not read yet");
    assert!(poll_once(body.frame()).is_pending());
    assert_eq!(filler.poll_wanted(cx), Poll::Ready(Want::Frame));
    filler.fill(Frame::data(Bytes::from_static(b"abc")));
    assert!(filler.poll_wanted(cx).is_pending(), "one frame at a time");
    assert_eq!(body.size_hint().exact(), Some(6));
    assert_eq!(now(body.frame()).unwrap().unwrap().into_data().unwrap(), "abc");
    assert_eq!(body.size_hint().exact(), Some(3));
    assert!(poll_once(body.frame()).is_pending());
    filler.fill(Frame::data(Bytes::from_static(b"def")));
    filler.finish();
    assert!(!body.is_end_stream());
    assert_eq!(now(body.frame()).unwrap().unwrap().into_data().unwrap(), "def");
    assert!(body.is_end_stream() && now(body.frame()).is_none());
}

#[test]
fn a_lost_connection_is_never_the_end_of_a_body() {
    let (filler, incoming) = channel(None);
    let mut body = Body::incoming(incoming);
    drop(filler);
    assert!(matches!(now(body.frame()), Some(Err(BodyError::Incomplete))));
    assert!(now(body.frame()).is_none());
}

#[test]
fn a_dropped_body_informs_the_connection() {
    let (filler, incoming) = channel(None);
    drop(Body::incoming(incoming));
    assert_eq!(
        filler.poll_wanted(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(Want::Gone)
    );
}

#[test]
fn a_declared_length_beyond_the_limit_is_refused_without_reading() {
    let (filler, incoming) = channel(Some(10));
    let mut body = Body::incoming(incoming).limited(9);
    assert!(body.check_declared().is_err());
    assert!(matches!(
        now(body.frame()),
        Some(Err(BodyError::TooLarge { limit: 9, of_request: true }))
    ));
    // The body releases the connection, and has never asked it for a frame.
    assert_eq!(
        filler.poll_wanted(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(Want::Gone)
    );
}
