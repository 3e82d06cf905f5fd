//! Development or production.

/// What kind of use this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Development: error pages say what went wrong where. `TRINE_PROFILE=dev`, or a debug build.
    Dev,
    /// Production: error pages say nothing of the inside. `TRINE_PROFILE=prod`, or a release build.
    Prod,
}

impl Default for Profile {
    fn default() -> Profile {
        if cfg!(debug_assertions) { Profile::Dev } else { Profile::Prod }
    }
}
