//! One path at which routes stand that match only some requests.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use trine_core::{Cx, IntoResponse, Problem};

use super::condition::{Condition, Fit};
use super::index::{Destination, RouteIndex};
use super::is_kind_of_get;
use crate::dispatch::endpoint::{Answer, Endpoint};
use crate::dispatch::fallback::OtherMethods;
use crate::problem::settle::settle;

/// A route of such a path.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) method: Option<Method>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) route: RouteIndex,
}

/// All routes of such a path, in the order of declaration.
pub(crate) struct Choice {
    pub(crate) candidates: Arc<[Candidate]>,
    /// The route that says why none fits; `None` for the fallbacks of groups.
    pub(crate) otherwise: Option<RouteIndex>,
    /// The places of fallbacks of groups that go before all of these, since the path would take
    /// their prefix by a parameter.
    pub(crate) behind: Vec<usize>,
}

/// Every path at which conditions choose.
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

    /// The route that answers a request which was led here.
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
    /// The route for a request: one for its own method before one for any, then the one with more
    /// conditions on headers and content type, then the one whose type the client prefers, then the
    /// first declared.
    pub(crate) fn pick(&self, method: &Method, headers: &HeaderMap) -> Option<RouteIndex> {
        let mut best = None;
        for candidate in &*self.candidates {
            let (Some(own), Fit::Holds(quality)) =
                (candidate.answers(method), candidate.fit(headers))
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

    /// The header fields that decide: RFC 9110 section 12.5.5, so that no cache gives one answer
    /// for the other.
    pub(crate) fn vary(&self) -> impl Iterator<Item = HeaderName> {
        let conditions = self.candidates.iter().flat_map(|candidate| &candidate.conditions);
        conditions.filter_map(|condition| match condition {
            Condition::Header(name, _) => Some(name.clone()),
            Condition::Accepts(_) => Some(header::ACCEPT),
            // Only what has a body has this; caches keep no answer to that.
            Condition::ContentType(_) => None,
        })
    }
}

impl Candidate {
    /// How well it answers this method: 2 for its own, 1 for HEAD and CONNECT by GET, 0 for any.
    fn answers(&self, method: &Method) -> Option<u8> {
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

    /// Whether no request comes to it, because `earlier` takes all of them.
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

/// None of the routes of a path fits: 405 where it is for the method, 406 for `Accept`, 415 for the
/// content type, 404 for another header. That of the route that came closest is told.
pub(crate) struct NoneFits(pub(crate) Arc<[Candidate]>);

impl Endpoint for NoneFits {
    fn call(&self, cx: Box<Cx>) -> Answer {
        let of_method: Vec<_> =
            self.0.iter().filter(|one| one.answers(cx.method()).is_some()).collect();
        match of_method.iter().map(|candidate| candidate.fit(cx.headers())).max() {
            None => {
                let methods = self.0.iter().filter_map(|candidate| candidate.method.as_ref());
                OtherMethods::new(&super::allow(methods)).call(cx)
            }
            Some(closest) => {
                let of_closest =
                    of_method.iter().filter(|candidate| candidate.fit(cx.headers()) == closest);
                let problem =
                    refusal(closest, &cx, of_closest.flat_map(|candidate| &candidate.conditions));
                settle(problem.into_response(), cx)
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
                format!("`{path}` answers with {}, which `Accept` does not admit", listed(media));
            Problem::new(StatusCode::NOT_ACCEPTABLE).detail(detail)
        }
        Fit::ContentType => {
            let types = listed(media);
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .detail(format!("`content-type`: `{path}` takes {types}"));
            // RFC 9110 section 15.5.16: which types there are, says `Accept`.
            match types.parse() {
                Ok(types) => problem.header(header::ACCEPT, types),
                Err(_) => problem,
            }
        }
        Fit::Header | Fit::Holds(_) => {
            let needed = listed(|condition| condition.to_string());
            Problem::not_found(format!("`{path}` is there for requests {needed}"))
        }
    }
}
