//! The derives. Each trait has a module of its own: `config`, `form`, `param`, `problem` and
//! `request`.

pub(crate) mod config;
pub(crate) mod form;
pub(crate) mod param;
pub(crate) mod problem;
pub(crate) mod request;
