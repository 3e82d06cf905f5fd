//! TLS by rustls: the settings of a listener, and the handshake of its connections. Without the
//! feature, `disabled` takes the place of this module.
//!
//! # Layout
//! - `settings`: [`Tls`], what a user configures
//! - `pem` and `certificate`: from PEM to a certificate chain with its key and its names;
//!   `self_signed` makes one; `resolver`: which certificate a client receives
//! - `provider`: the cryptography; `build`: all settings as a configuration of rustls
//! - `acceptor`: the handshake; `plain`: the response to a client that speaks plain HTTP
//! - `stream`: the decrypted bytes, as the protocols see them; `info`: what the handshake
//!   negotiated
//! - `acme` (feature `acme`): certificates that the server orders itself
//! - `reload`: new certificates without a restart
//! - `error`: mistakes in the settings

mod acceptor;
#[cfg(feature = "acme")]
pub(crate) mod acme;
mod build;
mod certificate;
mod error;
mod info;
mod pem;
mod plain;
mod provider;
pub(crate) mod reload;
mod resolver;
#[cfg(feature = "self-signed")]
mod self_signed;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use self::acceptor::{TlsAcceptor, TlsConnection};
#[cfg(feature = "acme")]
pub use self::acme::cache::{AcmeCache, CacheFuture};
pub use self::error::TlsError;
pub use self::provider::default_provider;
pub use self::settings::{ClientCertificates, Tls};
pub(crate) use self::stream::TlsStream;
#[cfg(feature = "acme")]
pub use crate::config::{Acme, AcmeChallenge};
