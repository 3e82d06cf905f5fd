//! Explains why one route answers a request and the others do not. This file looks the request up;
//! `differs` compares its path with a template, and `verdict` is the result for one route.

mod differs;
mod verdict;

use std::fmt::{Display, Formatter};

use http::{Method, Uri};
use serde::Serialize;
use trine_core::RouteMeta;

use self::differs::differs;
pub use self::verdict::Verdict;
use crate::build::audit::file_line;
use crate::build::tree::{Node, Tree};
use crate::dispatch::built_in::FALLBACK_PREFIX;
use crate::dispatch::router::method::is_kind_of_get;
use crate::dispatch::router::spelling::normalized;
use crate::dispatch::router::table::{Resolution, Table};
use crate::dispatch::service::AppService;

/// The outcome of a request, and for each route the reason why it answers or does not.
///
/// ```
/// use trine::prelude::*;
///
/// async fn show(Path(id): Path<u64>) -> String { id.to_string() }
/// async fn list() -> &'static str { "[]" }
///
/// let app = App::new().route("/users", get(list)).route("/users/{id}", get(show));
/// let explanation = app.explain("GET", "/user/7")?.to_string();
/// assert!(explanation.contains("404: no route has this path"));
/// assert!(explanation.contains("segment 1 is `user`, not `users`"));
/// # Ok::<_, trine::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The method of the request.
    pub method: String,
    /// The path of the request.
    pub path: String,
    /// What happens to the request.
    pub outcome: Outcome,
    /// The layers that the request crosses, the outermost first.
    pub layers: Vec<Node>,
    /// Every route, in the order of declaration.
    pub candidates: Vec<Candidate>,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// A route answers.
    Route {
        /// Its index in [`Explanation::candidates`].
        candidate: usize,
        /// The parameters, as names and still encoded values.
        params: Vec<(String, String)>,
    },
    /// A route has the path with the other ending, with or without a slash: 308, see
    /// [`Slashes`](crate::Slashes).
    Redirect {
        /// The `Location`.
        to: String,
        /// The index of the route in [`Explanation::candidates`].
        candidate: usize,
    },
    /// Routes have the path, but none has the method: 405, or 204 for `OPTIONS`.
    OtherMethods,
    /// No route has the path; the fallback of a group answers.
    Fallback {
        /// The prefix of the group.
        prefix: String,
        /// The name of the handler.
        handler: String,
        /// Where the fallback is declared, as `file:line`.
        location: String,
    },
    /// No route has the path: the fallback of the application answers, or 404.
    NotFound,
    /// The percent-encoding of the path is invalid: 400.
    Malformed,
}

/// A route, and why it does or does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The method; `None` for a handler of any method.
    pub method: Option<String>,
    /// The path template, including the prefixes of its groups.
    pub path: String,
    /// The name of the handler.
    pub handler: String,
    /// Where it is declared, as `file:line`.
    pub location: String,
    /// Why it answers or does not.
    pub verdict: Verdict,
}

impl AppService {
    /// Explains what happens to a request, and for each route why it answers or does not.
    ///
    /// ```
    /// use trine::explain::Outcome;
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let service = App::new().route("/todos", get(async || "[]")).build().await?;
    /// assert!(matches!(service.explain("GET", "/todos")?.outcome, Outcome::Route { .. }));
    /// assert_eq!(service.explain("PUT", "/todos")?.outcome, Outcome::OtherMethods);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the method or the path is not valid in a request.
    pub fn explain(&self, method: &str, path: &str) -> crate::Result<Explanation> {
        let listed = self.routes().count();
        explain(self.table(), self.all_routes(), listed, self.tree(), method, path)
    }
}

/// Looks a request up as the router does, then compares it with every route.
pub(crate) fn explain(
    table: &Table,
    metas: &[RouteMeta],
    listed: usize,
    tree: &Tree,
    method: &str,
    target: &str,
) -> crate::Result<Explanation> {
    let wrong = |what: &str, got: &str| crate::Error::new(format!("expected {what}, got `{got}`"));
    let asked = Method::from_bytes(method.as_bytes())
        .map_err(|_| wrong("a method such as `GET`", method))?;
    let uri: Uri = target.parse().map_err(|_| wrong("a path such as `/users/7`", target))?;
    let normal = normalized(&uri);
    let found = normal.as_deref().map(|uri| table.resolve(&asked, uri));
    let routes = &metas[..listed];
    let winner = match &found {
        Some(Resolution::Route(index, _)) => routes.get(index.as_usize()),
        _ => None,
    };
    let outcome = outcome(found.as_ref(), winner, metas);
    let judge = |route: &RouteMeta| {
        let verdict = match winner {
            Some(winner) if std::ptr::eq(winner, route) => Verdict::Matches,
            _ => verdict(route, &asked, normal.as_deref().unwrap_or(&uri).path(), winner),
        };
        Candidate {
            method: route.method.as_ref().map(ToString::to_string),
            path: route.path.clone(),
            handler: route.handler.to_string(),
            location: file_line(route.file, route.line),
            verdict,
        }
    };
    let candidates: Vec<Candidate> = routes.iter().map(judge).collect();
    let layers = match (winner, &found) {
        (Some(route), _) => tree.layers_around(route),
        (None, Some(Resolution::OtherMethods)) => shared_layers(routes, tree, &candidates),
        (None, Some(Resolution::Fallback(index))) => tree.layers_around(&metas[index.as_usize()]),
        (None, _) => tree.outer_layers(),
    };
    Ok(Explanation {
        method: asked.to_string(),
        path: uri.path().to_owned(),
        outcome,
        layers,
        candidates,
    })
}

/// What becomes of the request. `found` is `None` if its path is malformed.
fn outcome(found: Option<&Resolution>, winner: Option<&RouteMeta>, metas: &[RouteMeta]) -> Outcome {
    match found {
        Some(Resolution::Route(index, params)) => {
            let names = winner.into_iter().flat_map(|route| route.params.iter().cloned());
            let values = (0..params.len()).map(|at| params.get(at).unwrap_or_default().to_owned());
            Outcome::Route { candidate: index.as_usize(), params: names.zip(values).collect() }
        }
        Some(Resolution::Redirect(to, index)) => {
            Outcome::Redirect { to: to.clone(), candidate: index.as_usize() }
        }
        Some(Resolution::OtherMethods) => Outcome::OtherMethods,
        Some(Resolution::Fallback(index)) => fallback(&metas[index.as_usize()]),
        Some(Resolution::Nothing) => Outcome::NotFound,
        None => Outcome::Malformed,
    }
}

fn fallback(meta: &RouteMeta) -> Outcome {
    let prefix = meta.path.strip_suffix("/{*rest}").filter(|prefix| !prefix.is_empty());
    Outcome::Fallback {
        prefix: prefix.unwrap_or("/").to_owned(),
        handler: meta.handler.strip_prefix(FALLBACK_PREFIX).unwrap_or(&meta.handler).to_owned(),
        location: file_line(meta.file, meta.line),
    }
}

/// The layers that all routes of the path share. The response to undeclared methods crosses only
/// these.
fn shared_layers(routes: &[RouteMeta], tree: &Tree, candidates: &[Candidate]) -> Vec<Node> {
    let at_path = routes
        .iter()
        .zip(candidates)
        .filter(|(_, it)| matches!(it.verdict, Verdict::Method { .. }));
    let around = at_path.map(|(route, _)| tree.layers_around(route));
    let shared = around
        .reduce(|a, b| a.into_iter().zip(b).take_while(|(a, b)| a == b).map(|(a, _)| a).collect());
    shared.unwrap_or_default()
}

fn verdict(route: &RouteMeta, asked: &Method, path: &str, winner: Option<&RouteMeta>) -> Verdict {
    if let Some(why) = differs(route, path) {
        return why;
    }
    let by_get = is_kind_of_get(asked) && route.method == Some(Method::GET);
    match (&route.method, winner) {
        (Some(method), _) if method != asked && !by_get => {
            Verdict::Method { expected: method.to_string() }
        }
        (_, Some(winner)) => {
            Verdict::LessSpecific { than: describe(winner.method.as_ref(), &winner.path) }
        }
        (_, None) => {
            Verdict::LessSpecific { than: "a path of its own without this method".to_owned() }
        }
    }
}

fn describe(method: Option<&Method>, path: &str) -> String {
    format!("{} {path}", method.map_or("ANY", Method::as_str))
}

/// The maximum number of shown candidates whose first segment differs.
const SHOWN: usize = 5;

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} {}", self.method, self.path)?;
        match &self.outcome {
            Outcome::Route { candidate, params } => {
                if let Some(route) = self.candidates.get(*candidate) {
                    writeln!(f, "is answered by {route}")?;
                }
                for (name, value) in params {
                    writeln!(f, "  {name} = `{value}`")?;
                }
            }
            Outcome::Redirect { to, candidate } => {
                writeln!(
                    f,
                    "is answered with 308 to `{to}`: the path of the route has the other ending"
                )?;
                if let Some(route) = self.candidates.get(*candidate) {
                    writeln!(f, "  the route is {route}")?;
                }
            }
            Outcome::Fallback { prefix, handler, location } => {
                writeln!(
                    f,
                    "is answered by the fallback of {prefix}  {handler}  ({location}): no route \
                     has this path"
                )?;
            }
            Outcome::OtherMethods => {
                writeln!(f, "is answered with 405: the path has no handler for {}", self.method)?;
            }
            Outcome::NotFound => {
                writeln!(
                    f,
                    "goes to the fallback, or is answered with 404: no route has this path"
                )?;
            }
            Outcome::Malformed => writeln!(
                f,
                "is answered with 400: the path has a `%` without two hexadecimal digits"
            )?,
        }
        for layer in &self.layers {
            writeln!(f, "  through {layer}")?;
        }
        let (mut near, far): (Vec<&Candidate>, Vec<&Candidate>) = self
            .candidates
            .iter()
            .filter(|route| route.verdict != Verdict::Matches)
            .partition(|route| route.near() > 1);
        near.sort_by_key(|route| std::cmp::Reverse(route.near()));
        for route in near.iter().chain(far.iter().take(SHOWN)) {
            writeln!(f, "not by {route}: {}", route.verdict)?;
        }
        match far.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            others => writeln!(f, "nor by {others} others, which differ in their first segment"),
        }
    }
}

impl Candidate {
    /// How far the path and the template agree. Larger is nearer.
    fn near(&self) -> usize {
        match &self.verdict {
            Verdict::Segment { at, .. } => *at,
            Verdict::EmptyParameter { .. }
            | Verdict::PathTooShort { .. }
            | Verdict::PathTooLong { .. } => 100,
            Verdict::Matches | Verdict::Method { .. } | Verdict::LessSpecific { .. } => 1000,
        }
    }
}

impl Display for Candidate {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let method = self.method.as_deref().unwrap_or("ANY");
        write!(f, "{method} {}  {}  ({})", self.path, self.handler, self.location)
    }
}
