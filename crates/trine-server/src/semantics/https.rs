//! What leads clients from plain HTTP to HTTPS, and keeps them there: Tower layers that any service
//! can have.

mod hsts;
mod redirect;

pub use self::hsts::{Hsts, HstsService};
#[cfg(feature = "acme")]
pub(crate) use self::redirect::HttpsRedirectFuture;
pub(crate) use self::redirect::{Came, Redirecting};
pub use self::redirect::{HttpsRedirect, HttpsRedirectBody, HttpsRedirectService};
