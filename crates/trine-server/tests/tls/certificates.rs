//! Which certificate is shown, and what is said of those that cannot be.
