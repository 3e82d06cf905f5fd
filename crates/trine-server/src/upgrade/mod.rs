//! Switches a connection to another protocol: the server's side of [`trine_core::upgrade`] in this
//! file, and the upgrade type of hyper in `hyper`.

#[cfg(feature = "hyper-upgrade")]
pub(crate) mod hyper;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::Bytes;
use http::Request;
use tokio::sync::Notify;
use trine_core::Body;
use trine_core::upgrade::{self as core, DrainSignal, UpgradeOffer};
pub use trine_core::upgrade::{NotUpgraded, OnUpgrade, Upgraded};

use crate::h1::wire::Wire;
use crate::seam::UpgradeKind;
use crate::server::shutdown::{ConnectionGuard, Drain};
use crate::transport::buffer;
use crate::transport::io::Io;

impl DrainSignal for Drain {
    fn is_draining(&self) -> bool {
        Drain::is_draining(self)
    }

    fn begun(&self) -> &Notify {
        Drain::begun(self)
    }
}

/// The byte stream of an upgraded connection, or of one upgraded stream of a connection that has
/// other streams. `guard` is dropped with it.
pub(crate) fn upgraded<I, G>(io: I, read_ahead: Bytes, drain: Arc<Drain>, guard: G) -> Upgraded
where
    I: Io + Send + 'static,
    G: Send + 'static,
{
    Upgraded::new(io, read_ahead, I::poll_read_ready, Some(drain), guard)
}

/// The server's end of an upgrade that a service may accept.
#[derive(Debug)]
pub(crate) enum Offer {
    /// The other end is an [`OnUpgrade`].
    Native(UpgradeOffer),
    /// The other end is the upgrade type of hyper.
    #[cfg(feature = "hyper-upgrade")]
    Hyper(Box<hyper::HyperOffer>),
}

/// The detail of the response to a CONNECT that no service accepts.
pub(crate) const NO_TUNNEL: &str = "this resource opens no tunnel";

impl Offer {
    /// Whether the service has dropped the other end. The type of hyper does not report this.
    pub(crate) fn is_declined(&self) -> bool {
        match self {
            Offer::Native(offer) => offer.is_declined(),
            #[cfg(feature = "hyper-upgrade")]
            Offer::Hyper(_) => false,
        }
    }

    /// Gives the connection to the other end. Without one, the connection ends.
    pub(crate) fn complete(self, upgraded: Upgraded) {
        match self {
            Offer::Native(offer) => {
                if offer.complete(upgraded).is_err() {
                    tracing::error!(
                        "a service accepted an upgrade and dropped its `OnUpgrade`; the connection ends"
                    );
                }
            }
            #[cfg(feature = "hyper-upgrade")]
            Offer::Hyper(offer) => offer.complete(upgraded),
        }
    }
}

/// Puts the other end of an offer into the extensions of a request: an [`OnUpgrade`], or the type
/// of hyper for a service that knows no other.
#[cfg_attr(
    not(feature = "hyper-upgrade"),
    allow(unused_variables, reason = "without the feature there is one type")
)]
pub(crate) fn offer(request: &mut Request<Body>, kind: UpgradeKind) -> Offer {
    #[cfg(feature = "hyper-upgrade")]
    if kind == UpgradeKind::Hyper {
        return Offer::Hyper(Box::new(hyper::HyperOffer::new(request)));
    }
    Offer::Native(core::offer(request))
}

/// Writes the rest of the response and completes the upgrade.
pub(crate) async fn hand_over<I: Io + Send + 'static>(
    mut wire: Wire<I>,
    offer: Offer,
    guard: ConnectionGuard,
) {
    let written = poll_fn(|cx| {
        if let Poll::Ready(written) = wire.poll_flush(cx) {
            return Poll::Ready(written.is_ok());
        }
        ready!(wire.timer.poll(cx));
        Poll::Ready(false)
    });
    if written.await {
        // The bytes are few and may live long, so they are copied: buffers belong to the thread.
        let read_ahead = Bytes::copy_from_slice(&wire.input);
        buffer::give(&mut wire.input);
        wire.io.raw();
        guard.unwatch();
        offer.complete(upgraded(wire.io, read_ahead, guard.drain(), guard));
    }
}
