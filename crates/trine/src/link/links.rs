//! Completes links: finds the route of the handler, and the values for the prefixes of its groups.

use std::borrow::Borrow;

use percent_encoding::utf8_percent_encode;
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Problem, Rejection, RouteCx, RouteMeta};

use super::encoding::{NOT_IN_VALUES, dot_segment};
use super::{Href, Link};
use crate::dispatch::router::template::NOT_IN_PATHS;

/// Makes the text of links: an extractor that knows the path of each handler in the application.
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
/// It never refuses a request. An error from [`Links::to`] is a mistake in the program.
#[derive(Debug, Clone)]
pub struct Links {
    /// The current request and its route, if there is one.
    current: RouteCx,
}

impl FromRequest for Links {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(Links::of(cx))
    }
}

impl Links {
    pub(super) fn new(current: RouteCx) -> Links {
        Links { current }
    }

    /// The links of the current request, in an extractor of your own or other code that has a `Cx`.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/help")]
    /// async fn help() {}
    ///
    /// struct HelpLink(String);
    ///
    /// impl FromRequest for HelpLink {
    ///     type Reads = Head;
    ///
    ///     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
    ///         Ok(HelpLink(Links::of(cx).to(help::uri())?.to_string()))
    ///     }
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// # let page = async |help: HelpLink| help.0;
    /// let app = App::new().group(Group::at("/shop").routes(routes![help]).route("/", get(page)));
    /// app.test().await.get("/shop").await.expect_text("/shop/help");
    /// # }
    /// ```
    #[must_use]
    pub fn of(cx: &Cx) -> Links {
        Links::new(cx.matched().clone())
    }

    /// The text of a link: the prefixes of the handler's groups, its own path, then the query.
    ///
    /// A parameter in a prefix has the value set by [`Link::with`], or else the value that the
    /// current request has for it: for the parameter of the same name in the prefixes around its
    /// route, or at the same position of the same path.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/users/{id}?{page}")]
    /// async fn user(id: u64, page: Option<u32>) {}
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let app = App::new().group(Group::at("/api").routes(routes![user])).build().await?;
    /// assert_eq!(app.links().to(user::uri(7, 2))?, "/api/users/7?page=2");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A 500, whose log line says what to do, if the handler is not part of the application, if a
    /// parameter of a prefix has no value, or if the route belongs to a different host than the
    /// current route.
    pub fn to(&self, link: impl Borrow<Link>) -> Result<Href, Problem> {
        let link = link.borrow();
        let target = self.find_route(link)?;
        if target.host.is_some() && target.host.as_deref() != self.host() {
            let host = target.host.as_deref().unwrap_or_default();
            return Err(link.problem(&format!(
                "its route is on the host `{host}`, and the current route is not: write `.at(\"https://{host}\")`"
            )));
        }
        let prefix = self.prefix(link, target)?;
        let path =
            if link.path == "/" && !prefix.is_empty() { prefix } else { prefix + &link.path };
        link.complete(path)
    }

    fn host(&self) -> Option<&str> {
        self.current.route().and_then(|current| current.host.as_deref())
    }

    /// The route of the handler. If there are several, the one nearest to the current route.
    fn find_route(&self, link: &Link) -> Result<&RouteMeta, Problem> {
        let of_handler = |route: &&RouteMeta| route.id == Some(link.handler);
        let routes = &self.current.app().routes;
        if !routes.iter().any(|route| of_handler(&route)) {
            let name = link.name;
            return Err(link.problem(&format!(
                "it has no route in this application: add `routes![{name}]` to the app or to a group"
            )));
        }
        let under = |route: &&RouteMeta| {
            link.under.as_deref().is_none_or(|prefix| starts_with(&route.path, prefix))
        };
        let candidates = routes.iter().filter(of_handler).filter(under);
        // `max_by_key` returns the last of equal elements, and the first declared is wanted.
        candidates.rev().max_by_key(|route| self.nearness(route)).ok_or_else(|| {
            let prefix = link.under.as_deref().unwrap_or_default();
            let paths: Vec<_> =
                routes.iter().filter(of_handler).map(|route| format!("`{}`", route.path)).collect();
            link.problem(&format!(
                "none of its paths starts with `{prefix}`; it is mounted at {}",
                paths.join(", ")
            ))
        })
    }

    fn nearness(&self, route: &RouteMeta) -> (bool, usize) {
        let current = self.current.route().map_or("", |current| &current.path);
        let segments = route.path.split('/').zip(current.split('/'));
        let same = segments.take_while(|(a, b)| a == b).count();
        (route.host.as_deref() == self.host(), same)
    }

    /// The prefix of the handler's groups, with values for its parameters.
    fn prefix(&self, link: &Link, target: &RouteMeta) -> Result<String, Problem> {
        let template = match link.template {
            "/" => target.path.strip_suffix('/').unwrap_or(&target.path),
            own => target.path.strip_suffix(own).unwrap_or_default(),
        };
        let mut text = String::new();
        let mut rest = template;
        let mut known = Vec::new();
        while let Some(at) = rest.find(['{', '}']) {
            text.extend(utf8_percent_encode(&rest[..at], NOT_IN_PATHS));
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
        text.extend(utf8_percent_encode(rest, NOT_IN_PATHS));
        if let Some((name, _)) =
            link.prefix_values.iter().find(|(name, _)| !known.contains(&name.as_str()))
        {
            return Err(link.problem(&format!("the prefix `{template}` has no parameter `{name}`")));
        }
        match dot_segment(&text) {
            Some(mistake) => Err(link.problem(&mistake)),
            None => Ok(text),
        }
    }

    /// The value of a parameter in a prefix. `through` is the template up to and including it.
    fn value(&self, link: &Link, name: &str, through: &str) -> Result<String, Problem> {
        let given = link
            .prefix_values
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone());
        match given.or_else(|| self.current_value(name, through)).filter(|value| !value.is_empty())
        {
            Some(value) => Ok(value),
            None => Err(link.problem(&format!(
                "`{{{name}}}` in `{through}` has no value here: write `.with(\"{name}\", …)`"
            ))),
        }
    }

    /// The value that the current request has for a parameter.
    fn current_value(&self, name: &str, through: &str) -> Option<String> {
        let route = self.current.route()?;
        let index = route.params.iter().position(|known| known == name)?;
        if index >= route.prefix_params && !starts_with(&route.path, through) {
            return None;
        }
        self.current.param(index).ok().flatten().map(Into::into)
    }
}

/// Whether a template starts with all segments of another.
fn starts_with(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
