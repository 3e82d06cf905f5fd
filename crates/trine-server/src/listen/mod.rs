//! From the configured places to one listener per place and worker.

pub(crate) mod address;
mod bind;
pub(crate) mod proxy_protocol;
pub(crate) mod socket;
mod text;
pub(crate) mod unix;

pub use self::bind::Listen;
pub(crate) use self::bind::{Entrance, Opened, Origin, bind, share_out};
