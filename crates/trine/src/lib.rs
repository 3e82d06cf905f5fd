//! The framework.

pub mod config;
pub mod extract;
pub mod respond;
pub mod testing;

pub use trine_core::*;
