//! Paths whose routes have conditions, so that more than the method decides between them.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use trine_core::{Cx, IntoResponse, Problem};

use super::condition::{Condition, Fit};
use super::index::{Destination, RouteIndex};
use super::method::{allow, is_kind_of_get};
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::fallback::OtherMethods;
use crate::dispatch::future::BoxResponseFuture;
use crate::problem::finish::finish_route;

/// A route among which a choice decides.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) method: Option<Method>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) route: RouteIndex,
}

/// The routes of one path, in the order of declaration.
pub(crate) struct Choice {
    pub(crate) candidates: Arc<[Candidate]>,
    /// The route that reports why no candidate fits; `None` for the fallbacks of groups.
    pub(crate) otherwise: Option<RouteIndex>,
    /// The indices of the group fallbacks that take precedence over the candidates, because a
    /// parameter of the path would match the prefix of the group.
    pub(crate) preceding_fallbacks: Vec<usize>,
}

/// All choices, by their indices.
#[derive(Default)]
pub(crate) struct Choices(pub(crate) Vec<Choice>);

impl Choices {
    /// The choice that a path leads to, if it leads to one.
    pub(crate) fn get(&self, destination: Destination) -> Option<&Choice> {
        match destination {
            Destination::Choice(index) => self.0.get(index.as_usize()),
            Destination::Route(_) | Destination::Refusal(_) => None,
        }
    }

    /// The route at a destination. At a choice, it is the best candidate for the request.
    pub(crate) fn resolve(
        &self,
        destination: Destination,
        method: &Method,
        headers: &HeaderMap,
    ) -> Option<RouteIndex> {
        match destination {
            Destination::Route(index) | Destination::Refusal(index) => Some(index),
            Destination::Choice(_) => {
                let choice = self.get(destination)?;
                choice.pick(method, headers).or(choice.otherwise)
            }
        }
    }
}

impl Choice {
    /// The best route for a request. A route for the method comes before one for any method, then
    /// more conditions on headers and content type come first, then the media type that the client
    /// prefers, then the order of declaration.
    pub(crate) fn pick(&self, method: &Method, headers: &HeaderMap) -> Option<RouteIndex> {
        let mut best = None;
        for candidate in &*self.candidates {
            let (Some(own), Fit::Holds(quality)) =
                (candidate.method_rank(method), candidate.fit(headers))
            else {
                continue;
            };
            let conditions = candidate
                .conditions
                .iter()
                .filter(|one| !matches!(one, Condition::Accepts(_)))
                .count();
            let rank = (own, conditions, quality);
            if best.is_none_or(|(known, _)| rank > known) {
                best = Some((rank, candidate.route));
            }
        }
        best.map(|(_, route)| route)
    }

    /// The header fields that decide. They belong into `Vary` (RFC 9110, section 12.5.5), so that
    /// caches do not confuse the responses.
    pub(crate) fn vary(&self) -> impl Iterator<Item = HeaderName> {
        let conditions = self.candidates.iter().flat_map(|candidate| &candidate.conditions);
        conditions.filter_map(|condition| match condition {
            Condition::Header(name, _) => Some(name.clone()),
            Condition::Accepts(_) => Some(header::ACCEPT),
            // Only requests with a body have a content type. Caches store no responses to them.
            Condition::ContentType(_) => None,
        })
    }
}

impl Candidate {
    /// How well the route fits the method: 2 for the same method, 1 for GET that handles HEAD or
    /// CONNECT, 0 for any method.
    fn method_rank(&self, method: &Method) -> Option<u8> {
        match &self.method {
            Some(own) if own == method => Some(2),
            Some(own) if own == Method::GET && is_kind_of_get(method) => Some(1),
            Some(_) => None,
            None => Some(0),
        }
    }

    fn fit(&self, headers: &HeaderMap) -> Fit {
        let fits = self.conditions.iter().map(|condition| condition.fit(headers));
        let (failed, held): (Vec<Fit>, Vec<Fit>) = fits.partition(|fit| *fit < Fit::Holds(0));
        failed.into_iter().min().or_else(|| held.into_iter().max()).unwrap_or(Fit::Holds(0))
    }

    /// Whether `earlier` matches every request that this candidate matches.
    pub(crate) fn is_hidden_by(&self, earlier: &Candidate) -> bool {
        let accepts = |of: &Candidate| -> Vec<Condition> {
            of.conditions
                .iter()
                .filter(|one| matches!(one, Condition::Accepts(_)))
                .cloned()
                .collect()
        };
        let implied =
            |condition: &Condition| self.conditions.iter().any(|own| condition.follows_from(own));
        self.method == earlier.method
            && self.conditions.len() == earlier.conditions.len()
            && accepts(self) == accepts(earlier)
            && earlier.conditions.iter().all(implied)
    }
}

/// Responds to requests that none of the candidates fits, with the problem of the closest
/// candidate: 405 because of the method, 406 because of `Accept`, 415 because of the content type,
/// 404 because of another header.
pub(crate) struct NoCandidateFits(pub(crate) Arc<[Candidate]>);

impl Endpoint for NoCandidateFits {
    fn call(&self, cx: Box<Cx>) -> BoxResponseFuture {
        let of_method: Vec<_> =
            self.0.iter().filter(|one| one.method_rank(cx.method()).is_some()).collect();
        match of_method.iter().map(|candidate| candidate.fit(cx.headers())).max() {
            None => {
                let methods = self.0.iter().filter_map(|candidate| candidate.method.as_ref());
                OtherMethods::new(&allow(methods)).call(cx)
            }
            Some(closest) => {
                let of_closest =
                    of_method.iter().filter(|candidate| candidate.fit(cx.headers()) == closest);
                let problem =
                    refusal(closest, &cx, of_closest.flat_map(|candidate| &candidate.conditions));
                finish_route(problem.into_response(), cx)
            }
        }
    }
}

#[cold]
fn refusal<'a>(closest: Fit, cx: &Cx, conditions: impl Iterator<Item = &'a Condition>) -> Problem {
    let failed: Vec<_> =
        conditions.filter(|condition| condition.fit(cx.headers()) == closest).collect();
    let path = cx.uri().path();
    let listed = |name: fn(&Condition) -> String| {
        let mut all: Vec<String> = failed.iter().map(|condition| name(condition)).collect();
        all.dedup();
        all.join(", ")
    };
    let media = |condition: &Condition| match condition {
        Condition::ContentType(media) | Condition::Accepts(media) => media.to_string(),
        Condition::Header(..) => String::new(),
    };
    match closest {
        Fit::Accepts => {
            let detail =
                format!("`{path}` responds with {}, which `Accept` does not allow", listed(media));
            Problem::new(StatusCode::NOT_ACCEPTABLE).detail(detail)
        }
        Fit::ContentType => {
            let types = listed(media);
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .detail(format!("`content-type`: `{path}` takes {types}"));
            // RFC 9110, section 15.5.16: `Accept` lists the supported types.
            match types.parse() {
                Ok(types) => problem.header(header::ACCEPT, types),
                Err(_) => problem,
            }
        }
        Fit::Header | Fit::Holds(_) => {
            let needed = listed(|condition| condition.to_string());
            Problem::not_found(format!("`{path}` only handles requests {needed}"))
        }
    }
}
