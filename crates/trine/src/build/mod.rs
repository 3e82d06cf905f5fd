//! From declarations to the tables that serve requests: [`audit`] finds what is wrong, `plan` makes
//! the tables, [`tree`] shows what wraps what, and [`explain`] says why a request meets which
//! route.

mod app;
pub mod audit;
pub mod explain;
pub(crate) mod plan;
pub mod tree;
