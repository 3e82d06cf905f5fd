//! From a link to its text: where the handler stands, and the values of its groups.

use std::borrow::Borrow;

use percent_encoding::utf8_percent_encode;
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Problem, Rejection, RouteCx, RouteMeta};

use super::write::dots;
use super::{Href, Link, write::NOT_IN_VALUES};

/// Makes texts of links: an extractor that knows where each handler stands.
///
/// ```
/// use trine::prelude::*;
///
/// #[get("/members/{name}")]
/// async fn member(name: String) {}
///
/// #[get("/")]
/// async fn team(links: Links) -> Result<String, Problem> {
///     Ok(links.to(member::uri("Ann"))?.to_string())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = App::new().group(Group::at("/teams/{team}").routes(routes![team, member]));
/// let answer = app.test().await.get("/teams/red").await;
/// assert_eq!(answer.text(), "/teams/red/members/Ann");
/// # }
/// ```
///
/// # Errors
/// It never refuses a request. What [`Links::to`] reports is a mistake of the program.
#[derive(Debug, Clone)]
pub struct Links {
    here: RouteCx,
}

impl FromRequest for Links {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(Links::of(cx))
    }
}

impl Links {
    /// Links outside a request, which knows the application but no route.
    pub(crate) fn without_request(app: RouteCx) -> Links {
        Links { here: app }
    }

    /// The same inside an extractor or anything else that has the request.
    #[must_use]
    pub fn of(cx: &Cx) -> Links {
        Links { here: cx.matched().clone() }
    }

    /// The text of a link: the prefixes of the handler's groups, then its own path, then the query.
    ///
    /// Parameters in the prefixes have the values that [`Link::with`] gave, or else those of the
    /// current request: of the same name in the prefixes around its route, or at the same place of
    /// the same path.
    ///
    /// # Errors
    /// A 500 that tells the log what to do: the handler is not part of the application; a parameter
    /// of a prefix has no value; the route has a host that is not the current one's.
    pub fn to(&self, link: impl Borrow<Link>) -> Result<Href, Problem> {
        let link = link.borrow();
        let target = self.place(link)?;
        if target.host.is_some() && target.host.as_deref() != self.host() {
            let host = target.host.as_deref().unwrap_or_default();
            return Err(link.problem(&format!(
                "it stands on the host `{host}`, which is not that of this request: write `.at(\"https://{host}\")`"
            )));
        }
        let prefix = self.prefix(link, target)?;
        let path =
            if link.path == "/" && !prefix.is_empty() { prefix } else { prefix + &link.path };
        link.complete(path)
    }

    fn host(&self) -> Option<&str> {
        self.here.route().and_then(|here| here.host.as_deref())
    }

    /// The route of the handler, where there are several the nearest one.
    fn place(&self, link: &Link) -> Result<&RouteMeta, Problem> {
        let of_handler = |route: &&RouteMeta| route.id == Some(link.handler);
        let routes = &self.here.app().routes;
        if !routes.iter().any(|route| of_handler(&route)) {
            let name = link.name;
            return Err(link.problem(&format!(
                "it is no route of this application: add `routes![{name}]` to it or to a group"
            )));
        }
        let under = |route: &&RouteMeta| {
            link.under.as_deref().is_none_or(|prefix| starts_with(&route.path, prefix))
        };
        let candidates = routes.iter().filter(of_handler).filter(under);
        // `max_by_key` takes the last of equals.
        candidates.rev().max_by_key(|route| self.nearness(route)).ok_or_else(|| {
            let prefix = link.under.as_deref().unwrap_or_default();
            let paths: Vec<_> =
                routes.iter().filter(of_handler).map(|route| format!("`{}`", route.path)).collect();
            link.problem(&format!(
                "no path of it begins with `{prefix}`; it stands at {}",
                paths.join(", ")
            ))
        })
    }

    fn nearness(&self, route: &RouteMeta) -> (bool, usize) {
        let here = self.here.route().map_or("", |here| &here.path);
        let same = route.path.split('/').zip(here.split('/')).take_while(|(a, b)| a == b).count();
        (route.host.as_deref() == self.host(), same)
    }

    /// The prefix of the handler's groups, with its values.
    fn prefix(&self, link: &Link, target: &RouteMeta) -> Result<String, Problem> {
        let template = match link.template {
            "/" => target.path.strip_suffix('/').unwrap_or(&target.path),
            own => target.path.strip_suffix(own).unwrap_or_default(),
        };
        let mut text = String::new();
        let mut rest = template;
        let mut known = Vec::new();
        while let Some(at) = rest.find(['{', '}']) {
            text.extend(utf8_percent_encode(
                &rest[..at],
                crate::dispatch::router::template::NOT_IN_PATHS,
            ));
            let brace = &rest[at..];
            let name = brace.strip_prefix('{').filter(|inner| !inner.starts_with('{'));
            let Some((name, after)) = name.and_then(|inner| inner.split_once('}')) else {
                text.extend(utf8_percent_encode(&brace[..1], NOT_IN_VALUES));
                rest = brace.get(2..).unwrap_or_default();
                continue;
            };
            let through = &template[..template.len() - after.len()];
            let value = self.value(link, name, through)?;
            text.extend(utf8_percent_encode(&value, NOT_IN_VALUES));
            known.push(name);
            rest = after;
        }
        text.extend(utf8_percent_encode(rest, crate::dispatch::router::template::NOT_IN_PATHS));
        if let Some((name, _)) =
            link.prefix_values.iter().find(|(name, _)| !known.contains(&name.as_str()))
        {
            return Err(link.problem(&format!("the prefix `{template}` has no parameter `{name}`")));
        }
        match dots(&text) {
            Some(mistake) => Err(link.problem(&mistake)),
            None => Ok(text),
        }
    }

    /// The value of a parameter in a prefix; `through` is the template up to and with it.
    fn value(&self, link: &Link, name: &str, through: &str) -> Result<String, Problem> {
        let given = link
            .prefix_values
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone());
        match given.or_else(|| self.current(name, through)).filter(|value| !value.is_empty()) {
            Some(value) => Ok(value),
            None => Err(link.problem(&format!(
                "`{{{name}}}` in `{through}` has no value here: write `.with(\"{name}\", …)`"
            ))),
        }
    }

    fn current(&self, name: &str, through: &str) -> Option<String> {
        let here = self.here.route()?;
        let index = here.params.iter().position(|known| known == name)?;
        if index >= here.prefix_params && !starts_with(&here.path, through) {
            return None;
        }
        self.here.param(index).ok().flatten().map(Into::into)
    }
}

/// Whether a template begins with another, whole segments of it.
fn starts_with(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
