//! Stand-in.
/// Stand-in.
#[derive(Debug, Default)]
pub struct Config;
