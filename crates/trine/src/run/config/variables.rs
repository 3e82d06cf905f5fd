//! The variables of the environment that Trine reads and that are no keys of the configuration.

/// The file that is read unless [`FILE`] names another.
pub(super) const DEFAULT_FILE: &str = "trine.toml";
/// The variable that names the file.
pub(super) const FILE: &str = "TRINE_CONFIG";
/// The variable that names the profile.
pub(super) const PROFILE: &str = "TRINE_PROFILE";

/// Variables that are no keys: what is logged, and what [`App::serve`](crate::App::serve) prints,
/// the editor of the error page.
pub(super) const NO_KEYS: [&str; 7] = [
    FILE,
    PROFILE,
    "TRINE_LOG",
    HANDOVER,
    EDITOR,
    AUDIT,
    TREE,
];

/// The variable by which a process that takes over knows the old one; it is read by the server.
const HANDOVER: &str = "TRINE_HANDOVER";

pub(super) const PREFIX: &str = "TRINE_";

/// The variable that asks for the audit instead of the server, as `text` or as `json`.
pub(crate) const AUDIT: &str = "TRINE_AUDIT";
/// The variable that asks for the tree of the application.
pub(crate) const TREE: &str = "TRINE_TREE";
/// The variable that names the editor that the error page links to.
pub(crate) const EDITOR: &str = "TRINE_EDITOR";
