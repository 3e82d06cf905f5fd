//! Turns the declarations of an application into the tables that serve its requests. The files in
//! the order in which to read them:
//! - `app`: the methods of [`App`](crate::App) that start the work
//! - `plan`: visits the declarations and builds the tables
//! - [`audit`]: the mistakes that are found meanwhile, before a socket opens
//! - [`tree`]: what wraps what
//! - [`explain`]: why a route answers a request

mod app;
pub mod audit;
pub mod explain;
pub(crate) mod plan;
pub mod tree;
