//! When requests are logged.

/// When each request is a line of the log, at level INFO and target `trine::request`.
///
/// It has the method, the path, the status, the milliseconds up to the head of the answer, the
/// template of the route, and, of what was refused, why and by which extractor or guard. There is
/// nothing of the query in it, nor of headers and bodies but what the detail of a problem repeats:
/// that is told under the profile `dev` alone, without values of the query.
///
/// What the server refuses before the application gets it, such as a head that is too large, has no
/// line. Where there are none, they cost nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogRequests {
    /// Under the profile `dev`.
    #[default]
    Dev,
    /// Under each profile.
    Always,
    /// Under none.
    Never,
}

impl LogRequests {
    pub(crate) fn applies(self, dev: bool) -> bool {
        self == LogRequests::Always || (self == LogRequests::Dev && dev)
    }
}
