//! A request body that the connection fills only while the handler reads it.
//!
//! ```text
//!   handler side                slot (one frame)               connection side
//!   Incoming::poll_frame  --->  wanted = true, wake    --->    Filler::poll_wanted
//!                         <---  frame, wake            <---    Filler::fill
//!                         <---  end, wake              <---    Filler::finish | fail
//!   drop                  --->  gone, wake             --->    Filler::poll_wanted = Gone
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::Frame;

use super::error::BodyError;

/// Makes the two ends of a body. `length` is the declared number of data bytes, and `None` for a
/// chunked body.
///
/// ```
/// use http_body::Frame;
/// use trine_core::{Body, incoming};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), trine_core::BodyError> {
/// let (filler, reader) = incoming::channel(Some(5));
/// filler.fill(Frame::data("hello".into()));
/// filler.finish();
/// assert_eq!(Body::incoming(reader).bytes().await?, "hello");
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn channel(length: Option<u64>) -> (Filler, Incoming) {
    let slot = Arc::new(Mutex::new(Slot::default()));
    (Filler { slot: Arc::clone(&slot) }, Incoming { slot, remaining: length })
}

/// The reading end, inside a [`Body`](crate::Body).
#[derive(Debug)]
pub struct Incoming {
    slot: Arc<Mutex<Slot>>,
    remaining: Option<u64>,
}

/// The filling end, which the connection holds.
#[derive(Debug)]
pub struct Filler {
    slot: Arc<Mutex<Slot>>,
}

/// What the reading end wants from the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The reader waits for the next frame.
    Frame,
    /// The reader was dropped. The rest of the body will not be read.
    Gone,
}

#[derive(Debug, Default)]
struct Slot {
    frame: Option<Frame<Bytes>>,
    end: Option<Result<(), BodyError>>,
    wanted: bool,
    gone: bool,
    reader: Option<Waker>,
    filler: Option<Waker>,
}

impl Incoming {
    /// The number of declared data bytes that have not arrived yet. `None` for a chunked body.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    /// Whether the last frame was read.
    #[must_use]
    pub fn is_end(&self) -> bool {
        let slot = lock(&self.slot);
        slot.frame.is_none() && matches!(slot.end, Some(Ok(())))
    }

    /// The next frame. If there is none, the connection is asked for it.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut slot = lock(&self.slot);
        if let Some(frame) = slot.frame.take() {
            if let (Some(left), Some(data)) = (&mut self.remaining, frame.data_ref()) {
                *left = left.saturating_sub(data.len() as u64);
            }
            return Poll::Ready(Some(Ok(frame)));
        }
        match slot.end.take() {
            Some(Ok(())) => {
                slot.end = Some(Ok(()));
                return Poll::Ready(None);
            }
            Some(Err(error)) => {
                slot.end = Some(Ok(()));
                return Poll::Ready(Some(Err(error)));
            }
            None => {}
        }
        slot.wanted = true;
        store_waker(&mut slot.reader, cx);
        if let Some(filler) = slot.filler.take() {
            filler.wake();
        }
        Poll::Pending
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        slot.gone = true;
        slot.frame = None;
        if let Some(filler) = slot.filler.take() {
            filler.wake();
        }
    }
}

impl Filler {
    /// Ready if the reading end waits for a frame or was dropped.
    pub fn poll_wanted(&self, cx: &mut Context<'_>) -> Poll<Want> {
        let mut slot = lock(&self.slot);
        if slot.gone {
            Poll::Ready(Want::Gone)
        } else if slot.wanted && slot.frame.is_none() {
            Poll::Ready(Want::Frame)
        } else {
            store_waker(&mut slot.filler, cx);
            Poll::Pending
        }
    }

    /// Hands over one frame. Call it only after [`Want::Frame`], because there is room for one.
    pub fn fill(&self, frame: Frame<Bytes>) {
        self.set(|slot| slot.frame = Some(frame));
    }

    /// Ends the body as complete.
    pub fn finish(self) {
        self.set(|slot| slot.end = Some(Ok(())));
    }

    /// Ends the body with an error.
    pub fn fail(self, error: BodyError) {
        self.set(|slot| slot.end = Some(Err(error)));
    }

    fn set(&self, change: impl FnOnce(&mut Slot)) {
        let mut slot = lock(&self.slot);
        change(&mut slot);
        slot.wanted = false;
        if let Some(reader) = slot.reader.take() {
            reader.wake();
        }
    }
}

impl Drop for Filler {
    // A connection that ends too early must not look like the end of the body.
    fn drop(&mut self) {
        self.set(|slot| {
            slot.end.get_or_insert(Err(BodyError::Incomplete));
        });
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

fn store_waker(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}
