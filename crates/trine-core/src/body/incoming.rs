//! A request body that the connection fills only while somebody reads it.
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

/// Makes the two ends of a body. `length` is the declared number of data bytes, `None` when
/// chunked.
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

/// The end that the connection holds.
#[derive(Debug)]
pub struct Filler {
    slot: Arc<Mutex<Slot>>,
}

/// What the reading end wants of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// It waits for the next frame.
    Frame,
    /// It was dropped; nobody will read the rest.
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
    /// The declared data bytes that are still to come; `None` for a chunked body.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    /// Whether the last frame was taken.
    #[must_use]
    pub fn is_end(&self) -> bool {
        let slot = lock(&self.slot);
        slot.frame.is_none() && matches!(slot.end, Some(Ok(())))
    }

    /// The next frame; asks the connection for it if there is none.
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
        remember(&mut slot.reader, cx);
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
    /// Ready when the reading end waits for a frame or is gone.
    pub fn poll_wanted(&self, cx: &mut Context<'_>) -> Poll<Want> {
        let mut slot = lock(&self.slot);
        if slot.gone {
            Poll::Ready(Want::Gone)
        } else if slot.wanted && slot.frame.is_none() {
            Poll::Ready(Want::Frame)
        } else {
            remember(&mut slot.filler, cx);
            Poll::Pending
        }
    }

    /// Hands over one frame. Call it only after [`Want::Frame`]: the slot holds one.
    pub fn fill(&self, frame: Frame<Bytes>) {
        self.set(|slot| slot.frame = Some(frame));
    }

    /// Ends the body as complete.
    pub fn finish(self) {
        self.set(|slot| slot.end = Some(Ok(())));
    }

    /// Ends the body as broken.
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
    // A connection that goes away in the middle must not look like the end of the body.
    fn drop(&mut self) {
        self.set(|slot| {
            slot.end.get_or_insert(Err(BodyError::Incomplete));
        });
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}
