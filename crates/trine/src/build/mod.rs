//! From the declarations of an application to the tables that serve its requests.
//!
//! - [`audit`]: what is wrong, before a socket opens
//! - `plan`: visits the declarations and builds the tables
//! - [`tree`]: what wraps what; [`explain`]: why a route answers a request
//! - `app`: the methods of [`App`](crate::App) that do so

mod app;
pub mod audit;
pub mod explain;
pub(crate) mod plan;
pub mod tree;
