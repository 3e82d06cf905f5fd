//! The choices of a proxy other than its limits.

/// How one of several upstreams is chosen for a request. The default is round robin.
///
/// ```
/// use trine_proxy::{Balance, Proxy};
///
/// # fn main() -> Result<(), trine_proxy::UpstreamError> {
/// let proxy = Proxy::among(["http://10.0.0.1:9000", "http://10.0.0.2:9000"])?
///     .balance(Balance::LeastRequests);
/// assert_eq!(proxy.status().len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// Each upstream in turn.
    #[default]
    RoundRobin,
    /// The upstream with the fewest requests at this moment, including those that wait for it.
    /// Upstreams with the same number take turns.
    LeastRequests,
}

/// The `Host` that an upstream sees.
///
/// ```
/// use trine_proxy::{Host, Proxy};
///
/// # fn main() -> Result<(), trine_proxy::UpstreamError> {
/// // A server that tells its sites apart by their names.
/// let proxy = Proxy::to("http://blog.internal:8080")?.host(Host::Upstream);
/// # drop(proxy);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Host {
    /// The `Host` of the client, so that links, cookies and checks of the origin are right.
    #[default]
    Preserve,
    /// The host of the upstream's URL, which servers with several virtual hosts need.
    Upstream,
}

/// What happens to the header fields in which a request describes its client: `Forwarded`,
/// `X-Forwarded-*` and about sixty similar names, such as `X-Real-IP`, `True-Client-IP` and
/// `X-Original-URL`, also with `_` in place of `-`.
///
/// ```
/// use trine_proxy::{Forwarding, Proxy};
///
/// # fn main() -> Result<(), trine_proxy::UpstreamError> {
/// // The upstream learns nothing about the client.
/// let proxy = Proxy::to("http://127.0.0.1:9000")?.forwarding(Forwarding::Hide);
/// # drop(proxy);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forwarding {
    /// The fields are removed, because any client can write them, and `Forwarded` and
    /// `X-Forwarded-*` are written anew. A trusted proxy is the exception (`trusted_proxies` of the
    /// application, or [`Proxy::trust`](crate::Proxy::trust)): the fields that it writes are kept,
    /// and this hop is appended.
    #[default]
    Replace,
    /// All fields are kept, regardless of the sender, and this hop is appended. This is only safe
    /// if every peer is a trusted proxy. A malformed line of `Forwarded` becomes `for=unknown`,
    /// because this hop could fall into a quoted string that the line leaves open.
    Append,
    /// The fields are removed, and none are written.
    Hide,
}
