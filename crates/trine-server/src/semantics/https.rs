//! Tower layers that lead clients from plain HTTP to HTTPS and keep them there. They fit any
//! service.
//!
//! [`HttpsRedirect`] redirects requests without TLS, and [`Hsts`] makes browsers use only HTTPS
//! from then on.

mod hsts;
mod redirect;

pub use self::hsts::{Hsts, HstsService};
#[cfg(feature = "acme")]
pub(crate) use self::redirect::HttpsRedirectFuture;
pub(crate) use self::redirect::{ConnectionOrigin, Redirecting};
pub use self::redirect::{HttpsRedirect, HttpsRedirectBody, HttpsRedirectService};
