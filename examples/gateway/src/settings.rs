//! The settings of the routes in `trine.toml`. All errors are reported at once, each with its line.

use std::time::Duration;

use trine::config::{Config, ConfigErrors, Size};
use trine::proxy;

/// All settings of the gateway.
pub(crate) struct Settings {
    pub(crate) gateway: Gateway,
    /// The routes with their names, in the order of `gateway.routes`.
    pub(crate) routes: Vec<(String, Route)>,
}

/// `[gateway]`
#[derive(trine::Config)]
pub(crate) struct Gateway {
    /// The names of the routes; each has a section `[routes.NAME]`.
    pub(crate) routes: Vec<String>,
    /// Whether each response is logged.
    #[config(default = true)]
    pub(crate) access_log: bool,
}

/// `[routes.NAME]`
#[derive(trine::Config)]
pub(crate) struct Route {
    /// The upstreams: `http://host:port/base`, `https://…`, `h2c://…`.
    pub(crate) upstreams: Vec<String>,
    /// The host of the route. The default is any host.
    pub(crate) host: Option<String>,
    /// The path prefix of the route. If several routes match, the longest prefix wins.
    #[config(default = "/")]
    pub(crate) prefix: String,
    /// Whether the prefix is removed from the paths that upstreams see.
    #[config(default = false)]
    pub(crate) strip_prefix: bool,
    /// The `Host` that upstreams see.
    #[config(default = HostSeen::Preserve)]
    pub(crate) host_seen: HostSeen,
    /// How to handle `Forwarded` and `X-Forwarded-*` header fields of a request.
    #[config(default = Forwarded::Replace)]
    pub(crate) forwarded: Forwarded,
    /// How to choose among several upstreams.
    #[config(default = Balance::RoundRobin)]
    pub(crate) balance: Balance,
    /// The path of the health checks. Without it there are none.
    pub(crate) health_path: Option<String>,
    /// The interval between two health checks.
    #[config(default = "5s")]
    pub(crate) health_interval: Duration,
    /// The maximum size of a request body. Larger ones get a 413.
    #[config(default = "10MiB")]
    pub(crate) max_body: Size,
    /// The timeout for connecting.
    #[config(default = "5s")]
    pub(crate) connect_timeout: Duration,
    /// The time from the end of a request to the head of its response.
    #[config(default = "1m")]
    pub(crate) response_timeout: Duration,
    /// The time between two parts of a response.
    #[config(default = "1m")]
    pub(crate) read_timeout: Duration,
    /// The time for the whole exchange. There is no bound by default.
    pub(crate) total_timeout: Option<Duration>,
    /// The time that a WebSocket can be idle.
    #[config(default = "5m")]
    pub(crate) tunnel_timeout: Duration,
    /// The maximum number of concurrent requests per upstream.
    #[config(default = 1024)]
    pub(crate) max_requests: usize,
    /// How many requests can wait for one upstream, and for how long.
    #[config(default = 256)]
    pub(crate) max_queued: usize,
    #[config(default = "2s")]
    pub(crate) queue_timeout: Duration,
    /// How often a request is retried if that is safe.
    #[config(default = 2)]
    pub(crate) max_retries: usize,
}

/// The host header for upstreams: `preserve` or `upstream`.
#[derive(Clone, Copy, trine::Config)]
pub(crate) enum HostSeen {
    Preserve,
    Upstream,
}

/// `replace` (keeps the fields of proxies in `trusted_proxies`), `append` (keeps the fields of
/// every client) or `hide`.
#[derive(Clone, Copy, trine::Config)]
pub(crate) enum Forwarded {
    Replace,
    Append,
    Hide,
}

/// The strategy: `round_robin` or `least_requests`.
#[derive(Clone, Copy, trine::Config)]
pub(crate) enum Balance {
    RoundRobin,
    LeastRequests,
}

impl Settings {
    /// Reads the settings. Errors of several routes are reported together.
    pub(crate) fn read(config: &mut Config) -> Result<Settings, ConfigErrors> {
        let gateway: Gateway = config.section("gateway")?;
        let (mut routes, mut errors) = (Vec::new(), Vec::new());
        for name in &gateway.routes {
            match config.section(&format!("routes.{name}")) {
                Ok(route) => routes.push((name.clone(), route)),
                Err(ConfigErrors(wrong)) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(Settings { gateway, routes }) } else { Err(ConfigErrors(errors)) }
    }
}

impl Route {
    pub(crate) fn limits(&self) -> proxy::ProxyConfig {
        proxy::ProxyConfig {
            connect_timeout: self.connect_timeout,
            response_timeout: self.response_timeout,
            read_timeout: self.read_timeout,
            total_timeout: self.total_timeout,
            tunnel_timeout: self.tunnel_timeout,
            max_body_bytes: self.max_body.bytes(),
            max_requests: self.max_requests,
            max_queued: self.max_queued,
            queue_timeout: self.queue_timeout,
            max_retries: self.max_retries,
            ..proxy::ProxyConfig::default()
        }
    }
}

impl From<HostSeen> for proxy::Host {
    fn from(host: HostSeen) -> proxy::Host {
        match host {
            HostSeen::Preserve => proxy::Host::Preserve,
            HostSeen::Upstream => proxy::Host::Upstream,
        }
    }
}

impl From<Forwarded> for proxy::Forwarding {
    fn from(forwarded: Forwarded) -> proxy::Forwarding {
        match forwarded {
            Forwarded::Replace => proxy::Forwarding::Replace,
            Forwarded::Append => proxy::Forwarding::Append,
            Forwarded::Hide => proxy::Forwarding::Hide,
        }
    }
}

impl From<Balance> for proxy::Balance {
    fn from(balance: Balance) -> proxy::Balance {
        match balance {
            Balance::RoundRobin => proxy::Balance::RoundRobin,
            Balance::LeastRequests => proxy::Balance::LeastRequests,
        }
    }
}
