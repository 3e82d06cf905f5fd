//! Tower layers that lead clients from plain HTTP to HTTPS and keep them there. They fit any
//! service.
//!
//! [`HttpsRedirect`] redirects requests without TLS, and [`Hsts`] tells browsers to use only HTTPS
//! from now on.

mod hsts;
mod redirect;

pub use self::hsts::{Hsts, HstsService};
#[cfg(feature = "acme")]
pub(crate) use self::redirect::HttpsRedirectFuture;
pub(crate) use self::redirect::{ConnectionOrigin, Redirecting};
pub use self::redirect::{HttpsRedirect, HttpsRedirectBody, HttpsRedirectService};
