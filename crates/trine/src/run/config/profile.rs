//! Development or production.

/// Whether the application runs in development or in production.
///
/// `TRINE_PROFILE` sets the profile. The default is `dev` for debug builds and `prod` for release
/// builds.
///
/// ```
/// use trine::config::{Config, Profile};
///
/// let env = [("TRINE_PROFILE".to_owned(), "prod".to_owned())];
/// assert_eq!(Config::read("", env)?.profile, Profile::Prod);
/// # Ok::<_, trine::config::ConfigErrors>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Development: error pages show what went wrong and where.
    Dev,
    /// Production: error pages reveal nothing about the program, and weak secrets are refused.
    Prod,
}

impl Default for Profile {
    fn default() -> Profile {
        if cfg!(debug_assertions) { Profile::Dev } else { Profile::Prod }
    }
}
