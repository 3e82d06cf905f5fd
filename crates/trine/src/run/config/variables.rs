//! The variables of the environment that Trine reads.

/// The file that is read unless [`FILE`] names another.
pub(super) const DEFAULT_FILE: &str = "trine.toml";
/// The variable that names the file.
pub(super) const FILE: &str = "TRINE_CONFIG";
/// The variable that names the profile.
pub(super) const PROFILE: &str = "TRINE_PROFILE";
/// The variable that asks for the launch audit instead of the server, as `text` or as `json`.
pub(crate) const AUDIT: &str = "TRINE_AUDIT";
/// The variable that asks for the tree of the application.
pub(crate) const TREE: &str = "TRINE_TREE";
/// The variable that names the editor to which the error page links.
pub(crate) const EDITOR: &str = "TRINE_EDITOR";
/// The variable by which a new process finds the process that it takes over from. The server reads
/// it.
const HANDOVER: &str = "TRINE_HANDOVER";
/// The variable that filters the log.
const LOG: &str = "TRINE_LOG";

/// The variables that are not keys of the configuration.
pub(super) const NOT_KEYS: [&str; 7] = [FILE, PROFILE, LOG, HANDOVER, EDITOR, AUDIT, TREE];

/// The prefix of every variable.
pub(super) const PREFIX: &str = "TRINE_";
