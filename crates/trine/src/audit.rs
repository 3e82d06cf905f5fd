//! The launch audit: everything that is wrong before a socket opens, all at once.

use std::panic::Location;

use http::Method;
use trine_core::RouteMeta;

use crate::config::ConfigError;

/// What the audit of an application found. Its text lists everything, each with its places and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    findings: Vec<Finding>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of mistake it is.
    pub kind: Kind,
    /// What is wrong and what to do.
    pub text: String,
    /// The places in the source that it is about, as `file:line`.
    pub places: Vec<String>,
}

/// The kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Two routes answer the same requests.
    Collision,
    /// A route that no request reaches, since another takes all of them.
    Unreachable,
    /// A path template cannot be read.
    Template,
    /// A condition of a route, or a host, cannot be read.
    Condition,
    /// A path without a handler.
    NoMethods,
    /// A handler needs state that the application does not hold.
    MissingState,
    /// State of one type was given twice.
    StateTwice,
    /// The configuration has a mistake.
    Config,
}

impl Audit {
    pub(crate) fn new(findings: Vec<Finding>) -> Audit {
        Audit { findings }
    }

    /// The findings.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Joins what several parts of the audit found; `Ok` when none found anything.
    pub(crate) fn all(parts: impl IntoIterator<Item = Audit>) -> Result<(), Audit> {
        let findings: Vec<Finding> = parts.into_iter().flat_map(|audit| audit.findings).collect();
        if findings.is_empty() { Ok(()) } else { Err(Audit { findings }) }
    }
}

impl Finding {
    pub(crate) fn collision(route: &RouteMeta, other: Option<&RouteMeta>) -> Finding {
        let this = describe(route);
        match other {
            Some(other) => Finding {
                kind: Kind::Collision,
                text: format!(
                    "{this} answers the same requests as {}: change one of the two paths or methods",
                    describe(other)
                ),
                places: vec![at(route.file, route.line), at(other.file, other.line)],
            },
            None => Finding {
                kind: Kind::Collision,
                text: format!("{this} cannot stand beside the other routes: change its path"),
                places: vec![at(route.file, route.line)],
            },
        }
    }

    pub(crate) fn unreachable(route: &RouteMeta, other: &RouteMeta) -> Finding {
        let text = format!(
            "{} is never reached: {} answers all of its requests and is declared before it; change the order",
            describe(route),
            describe(other)
        );
        let places = vec![at(route.file, route.line), at(other.file, other.line)];
        Finding { kind: Kind::Unreachable, text, places }
    }

    pub(crate) fn condition(text: String, place: &Location<'_>) -> Finding {
        Finding { kind: Kind::Condition, text, places: vec![at(place.file(), place.line())] }
    }

    pub(crate) fn template(text: &str, file: &str, line: u32) -> Finding {
        let text = format!("the path template {text}");
        Finding { kind: Kind::Template, text, places: vec![at(file, line)] }
    }

    pub(crate) fn no_methods(path: &str, place: &Location<'_>) -> Finding {
        let text = format!("the path `{path}` has no handler: write `get(handler)` or another method");
        Finding { kind: Kind::NoMethods, text, places: vec![at(place.file(), place.line())] }
    }

    pub(crate) fn missing_state(type_name: &str, who: &str, file: &str, line: u32) -> Finding {
        let text = format!(
            "{who} needs state of type `{type_name}`, which the application does not hold: \
             add `.state(…)` with a value of this type"
        );
        Finding { kind: Kind::MissingState, text, places: vec![at(file, line)] }
    }

    pub(crate) fn config(error: &ConfigError) -> Finding {
        let place = error.place().to_string();
        Finding { kind: Kind::Config, text: error.text().to_owned(), places: vec![place] }
    }

    pub(crate) fn state_twice(type_name: &str, place: &Location<'_>) -> Finding {
        let text =
            format!("state of type `{type_name}` is given twice: wrap one of the two in a type of its own");
        Finding { kind: Kind::StateTwice, text, places: vec![at(place.file(), place.line())] }
    }
}

fn describe(route: &RouteMeta) -> String {
    let method = route.method.as_ref().map_or("any method of", Method::as_str);
    let host = route.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
    format!("`{}` ({method} {}{host})", route.handler, route.path)
}

fn at(file: &str, line: u32) -> String {
    format!("{file}:{line}")
}

impl std::fmt::Display for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.findings.len();
        writeln!(f, "the launch audit found {count} {}:", if count == 1 { "mistake" } else { "mistakes" })?;
        for (number, finding) in self.findings.iter().enumerate() {
            writeln!(f, "  {}. {}", number + 1, finding.text)?;
            for place in &finding.places {
                writeln!(f, "     at {place}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Audit {}
