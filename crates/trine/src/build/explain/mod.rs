//! Why a request meets the route that it meets, and no other.

mod differs;
mod verdict;

use std::fmt::{Display, Formatter};

use http::{Method, Uri};
use serde::Serialize;
use trine_core::RouteMeta;

use self::differs::differs;
pub use self::verdict::Verdict;
use crate::build::tree::{Node, Tree};
use crate::dispatch::router::is_kind_of_get;
use crate::dispatch::router::normal::spelt;
use crate::dispatch::router::table::{Settled, Table};
use crate::dispatch::service::AppService;

/// What becomes of a request, and for each route why it answers or does not.
///
/// ```
/// use trine::prelude::*;
///
/// async fn show(Path(id): Path<u64>) -> String { id.to_string() }
/// async fn list() -> &'static str { "[]" }
///
/// let app = App::new().route("/users", get(list)).route("/users/{id}", get(show));
/// let explanation = app.explain("GET", "/user/7")?.to_string();
/// assert!(explanation.contains("404: nothing stands there"));
/// assert!(explanation.contains("segment 1 is `user`, not `users`"));
/// # Ok::<_, trine::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The method that was asked for.
    pub method: String,
    /// The path that was asked for.
    pub path: String,
    /// What happens.
    pub outcome: Outcome,
    /// The layers that the request crosses, the outermost first.
    pub layers: Vec<Node>,
    /// Every route, in the order of declaration.
    pub candidates: Vec<Candidate>,
}

/// What becomes of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// A route answers.
    Route {
        /// Its place in [`Explanation::candidates`].
        candidate: usize,
        /// The parameters of the path, as they stand in it.
        params: Vec<(String, String)>,
    },
    /// A route stands at the path with another slash at its end: 308, see
    /// [`Slashes`](crate::Slashes).
    Redirect {
        /// The `Location`.
        to: String,
        /// The place of the route in [`Explanation::candidates`].
        candidate: usize,
    },
    /// Something stands at the path, but not for this method: 405, or 204 for `OPTIONS`.
    OtherMethods,
    /// Nothing stands at the path: the fallback of a group.
    Fallback {
        /// Its prefix, its name and its place.
        of: String,
    },
    /// Nothing stands at the path: the fallback, else 404.
    NotFound,
    /// The path is not valid percent-encoding: 400.
    Malformed,
}

/// A route, and why it does or does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The method, `None` for any.
    pub method: Option<String>,
    /// The whole template.
    pub path: String,
    /// The name of the handler.
    pub handler: String,
    /// Where it was declared, as `file:line`.
    pub place: String,
    /// Why.
    pub verdict: Verdict,
}

impl AppService {
    /// Says what becomes of a request, and for each route why it does or does not answer.
    ///
    /// # Errors
    /// When the method or the path cannot be those of a request.
    pub fn explain(&self, method: &str, path: &str) -> crate::Result<Explanation> {
        let listed = self.routes().count();
        explain(self.table(), self.all_routes(), listed, self.tree(), method, path)
    }
}

/// Looks a request up as the router does, then asks every route.
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
    let normal = spelt(&uri);
    let found = normal.as_deref().map(|uri| table.settle(&asked, uri));
    let routes = &metas[..listed];
    let winner = match &found {
        Some(Settled::Route(index, _)) => routes.get(index.as_usize()),
        _ => None,
    };
    let outcome = match &found {
        Some(Settled::Route(index, params)) => {
            let names = winner.into_iter().flat_map(|route| route.params.iter().cloned());
            let values = (0..params.len()).map(|at| params.get(at).unwrap_or_default().to_owned());
            Outcome::Route { candidate: index.as_usize(), params: names.zip(values).collect() }
        }
        Some(Settled::Redirect(to, index)) => {
            Outcome::Redirect { to: to.clone(), candidate: index.as_usize() }
        }
        Some(Settled::OtherMethods) => Outcome::OtherMethods,
        Some(Settled::Fallback(index)) => {
            Outcome::Fallback { of: fallback(&metas[index.as_usize()]) }
        }
        Some(Settled::Nothing) => Outcome::NotFound,
        None => Outcome::Malformed,
    };
    let judge = |route: &RouteMeta| {
        let verdict = match winner {
            Some(winner) if std::ptr::eq(winner, route) => Verdict::Matches,
            _ => verdict(route, &asked, normal.as_deref().unwrap_or(&uri).path(), winner),
        };
        Candidate {
            method: route.method.as_ref().map(ToString::to_string),
            path: route.path.clone(),
            handler: route.handler.to_string(),
            place: format!("{}:{}", route.file, route.line),
            verdict,
        }
    };
    let candidates: Vec<Candidate> = routes.iter().map(judge).collect();
    let layers = match (winner, &found) {
        (Some(route), _) => tree.layers_around(route),
        (None, Some(Settled::OtherMethods)) => shared_layers(routes, tree, &candidates),
        (None, Some(Settled::Fallback(index))) => tree.layers_around(&metas[index.as_usize()]),
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

/// Of which group a fallback is, and where it stands.
fn fallback(meta: &RouteMeta) -> String {
    let prefix =
        meta.path.strip_suffix("/{*rest}").filter(|prefix| !prefix.is_empty()).unwrap_or("/");
    format!("{prefix}  {}  ({}:{})", meta.handler, meta.file, meta.line)
}

/// The answer to other methods lies in the layers that all routes of the path share.
fn shared_layers(routes: &[RouteMeta], tree: &Tree, candidates: &[Candidate]) -> Vec<Node> {
    let here = routes
        .iter()
        .zip(candidates)
        .filter(|(_, it)| matches!(it.verdict, Verdict::Method { .. }));
    let around = here.map(|(route, _)| tree.layers_around(route));
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

/// How many candidates that share nothing with the request are shown.
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
                    "is answered with 308 to `{to}`: another slash at the end of the path"
                )?;
                if let Some(route) = self.candidates.get(*candidate) {
                    writeln!(f, "  which is {route}")?;
                }
            }
            Outcome::Fallback { of } => {
                writeln!(f, "is answered by the fallback of {of}: nothing stands there")?;
            }
            Outcome::OtherMethods => {
                writeln!(f, "is answered with 405: the path has no handler for {}", self.method)?;
            }
            Outcome::NotFound => {
                writeln!(f, "goes to the fallback, or is answered with 404: nothing stands there")?;
            }
            Outcome::Malformed => {
                writeln!(f, "is answered with 400: a `%` without two hexadecimal digits")?
            }
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
    /// How far the path and the template go together.
    fn near(&self) -> usize {
        match &self.verdict {
            Verdict::Segment { at, .. } => *at,
            Verdict::EmptyParameter { .. }
            | Verdict::PathEnds { .. }
            | Verdict::PathGoesOn { .. } => 100,
            Verdict::Matches | Verdict::Method { .. } | Verdict::LessSpecific { .. } => 1000,
        }
    }
}

impl Display for Candidate {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let method = self.method.as_deref().unwrap_or("ANY");
        write!(f, "{method} {}  {}  ({})", self.path, self.handler, self.place)
    }
}
