//! What stands in `trine.toml` about routes. What is wrong is told with its line, all of it at
//! once.

use std::time::Duration;

use trine::config::{Config, ConfigErrors, Size};
use trine::proxy;

/// All of it.
pub(crate) struct Settings {
    pub(crate) gateway: Gateway,
    /// With their names, in the order of `gateway.routes`.
    pub(crate) routes: Vec<(String, Route)>,
}

/// `[gateway]`
#[derive(trine::Config)]
pub(crate) struct Gateway {
    /// The names of the routes; each has a section `[routes.NAME]`.
    pub(crate) routes: Vec<String>,
    /// Whether each answer is logged.
    #[config(default = true)]
    pub(crate) access_log: bool,
}

/// `[routes.NAME]`
#[derive(trine::Config)]
pub(crate) struct Route {
    /// Where requests go: `http://host:port/base`, `https://…`, `h2c://…`.
    pub(crate) upstreams: Vec<String>,
    /// The host that it is for; any where there is none.
    pub(crate) host: Option<String>,
    /// The paths that it is for: this one and all below it. Of several routes the longest wins.
    #[config(default = "/")]
    pub(crate) prefix: String,
    /// Whether upstreams see paths without the prefix.
    #[config(default = false)]
    pub(crate) strip_prefix: bool,
    /// The `Host` that upstreams see.
    #[config(default = HostSeen::Preserve)]
    pub(crate) host_seen: HostSeen,
    /// What becomes of `Forwarded` and `X-Forwarded-*` that a request brings.
    #[config(default = Forwarded::Replace)]
    pub(crate) forwarded: Forwarded,
    /// How one of several upstreams is chosen.
    #[config(default = Balance::RoundRobin)]
    pub(crate) balance: Balance,
    /// What a health check asks for; there are none without it.
    pub(crate) health_path: Option<String>,
    /// The pause between two checks.
    #[config(default = "5s")]
    pub(crate) health_interval: Duration,
    /// Bytes of a request body; past it 413.
    #[config(default = "10MiB")]
    pub(crate) max_body: Size,
    /// Time to connect.
    #[config(default = "5s")]
    pub(crate) connect_timeout: Duration,
    /// Time from the end of a request to the head of its answer.
    #[config(default = "1m")]
    pub(crate) response_timeout: Duration,
    /// Time between two parts of an answer.
    #[config(default = "1m")]
    pub(crate) read_timeout: Duration,
    /// Time for all of it; no bound where there is none.
    pub(crate) total_timeout: Option<Duration>,
    /// Time that a WebSocket may carry nothing.
    #[config(default = "5m")]
    pub(crate) tunnel_timeout: Duration,
    /// Requests that one upstream works on at a time.
    #[config(default = 1024)]
    pub(crate) max_requests: usize,
    /// Requests that wait for one upstream, and for how long.
    #[config(default = 256)]
    pub(crate) max_queued: usize,
    #[config(default = "2s")]
    pub(crate) queue_timeout: Duration,
    /// How often one request is tried again, where that is safe.
    #[config(default = 2)]
    pub(crate) max_retries: usize,
}

/// `preserve` or `upstream`.
#[derive(Clone, Copy, trine::Config)]
pub(crate) enum HostSeen {
    Preserve,
    Upstream,
}

/// `replace` (from proxies of `trusted_proxies` it is kept), `append` (from everybody) or `hide`.
#[derive(Clone, Copy, trine::Config)]
pub(crate) enum Forwarded {
    Replace,
    Append,
    Hide,
}

/// `round_robin` or `least_requests`.
#[derive(Clone, Copy, trine::Config)]
pub(crate) enum Balance {
    RoundRobin,
    LeastRequests,
}

impl Settings {
    /// Reads it; what is wrong in several routes is told together.
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
