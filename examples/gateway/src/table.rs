//! The table that finds the route of a request.

use tokio::task::JoinSet;
use trine::proxy::{HealthCheck, Proxy};

use crate::settings::{Route as Setting, Settings};

/// The routes, the most specific ones first.
pub(crate) struct Table(Vec<Route>);

/// A route that is ready for requests.
pub(crate) struct Route {
    pub(crate) name: String,
    host: Option<String>,
    prefix: String,
    pub(crate) proxy: Proxy,
}

impl Table {
    pub(crate) fn new(settings: &Settings) -> trine::Result<Table> {
        let mut routes = Vec::new();
        for (name, setting) in &settings.routes {
            let proxy = proxy(setting).map_err(|error| {
                trine::Error::new(format!("`routes.{name}.upstreams`: {error}"))
            })?;
            routes.push(Route {
                name: name.clone(),
                host: setting.host.as_ref().map(|host| host.to_ascii_lowercase()),
                prefix: setting.prefix.trim_end_matches('/').to_owned(),
                proxy,
            });
        }
        routes.sort_by_key(|route| std::cmp::Reverse((route.host.is_some(), route.prefix.len())));
        Ok(Table(routes))
    }

    /// Routes with a host come before routes without one, then longer prefixes before shorter ones.
    pub(crate) fn find(&self, host: Option<&str>, path: &str) -> Option<&Route> {
        self.0.iter().find(|route| route.is_for(host, path))
    }

    pub(crate) fn routes(&self) -> &[Route] {
        &self.0
    }

    /// The health checks of all routes. They end when the set is dropped.
    pub(crate) fn checks(&self) -> JoinSet<()> {
        self.0.iter().map(|route| route.proxy.health_checks()).collect()
    }
}

impl Route {
    fn is_for(&self, host: Option<&str>, path: &str) -> bool {
        if let Some(wanted) = &self.host
            && !host.is_some_and(|host| wanted.eq_ignore_ascii_case(host))
        {
            return false;
        }
        let rest = path.strip_prefix(&*self.prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn proxy(setting: &Setting) -> Result<Proxy, trine::proxy::UpstreamError> {
    let mut proxy = Proxy::among(&setting.upstreams)?
        .config(setting.limits())
        .balance(setting.balance.into())
        .host(setting.host_seen.into())
        .forwarding(setting.forwarded.into());
    if setting.strip_prefix {
        proxy = proxy.strip_prefix(&setting.prefix);
    }
    if let Some(path) = &setting.health_path {
        proxy = proxy.health_check(HealthCheck {
            interval: setting.health_interval,
            ..HealthCheck::get(path)
        });
    }
    Ok(proxy)
}
