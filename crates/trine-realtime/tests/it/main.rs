//! What the parts of this crate do together, without an application around them.

mod topics;
