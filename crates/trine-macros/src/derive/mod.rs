//! The derives: one module per trait.

pub(crate) mod config;
pub(crate) mod form;
pub(crate) mod param;
pub(crate) mod problem;
pub(crate) mod request;
