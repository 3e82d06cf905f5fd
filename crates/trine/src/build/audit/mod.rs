//! The launch audit: every mistake that can be found before a socket opens, all at once.
//!
//! This file has the types of the report and the texts of the findings. `routes`, `slashes` and
//! `state` find mistakes that concern several declarations together.

pub(crate) mod routes;
pub(crate) mod slashes;
pub(crate) mod state;

use std::fmt::Display;
use std::panic::Location;

use http::Method;
use serde::Serialize;
use trine_core::RouteMeta;
use trine_core::needs::{Fault, Need};

use crate::run::config::ConfigError;

/// The findings of the launch audit: the mistakes of an application, or its notes if there are no
/// mistakes.
///
/// Its `Display` lists every finding with its locations and what to do.
/// [`to_json`](Audit::to_json) has the same for programs.
///
/// ```
/// use trine::audit::Kind;
/// use trine::prelude::*;
///
/// async fn show(Path(id): Path<u64>) -> String { id.to_string() }
/// async fn find(Path(name): Path<String>) -> String { name }
///
/// let app = App::new().route("/users/{id}", get(show)).route("/users/{name}", get(find));
/// let audit = app.audit().unwrap_err();
/// assert_eq!(audit.findings()[0].kind, Kind::Collision);
/// assert!(audit.to_string().starts_with("the launch audit found 1 mistake:"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    findings: Vec<Finding>,
}

/// One finding of the launch audit.
///
/// ```
/// use trine::prelude::*;
///
/// struct Db;
///
/// async fn list(_db: State<Db>) -> &'static str { "[]" }
///
/// let audit = App::new().route("/todos", get(list)).audit().unwrap_err();
/// let finding = &audit.findings()[0];
/// assert!(finding.text.starts_with("the handler `list` needs state of type"));
/// assert_eq!(finding.locations.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The kind of mistake.
    pub kind: Kind,
    /// What is wrong and what to do.
    pub text: String,
    /// The locations in the source that the finding is about, as `file:line`.
    pub locations: Vec<String>,
}

/// The kind of a finding.
///
/// ```
/// use trine::audit::Kind;
///
/// assert!(Kind::StateUnused.is_note());
/// assert!(!Kind::MissingState.is_note());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Two routes answer the same requests, or their paths cannot be in one application.
    Collision,
    /// No request reaches a route, or the fallback.
    Unreachable,
    /// A path template cannot be parsed.
    Template,
    /// A condition of a route, or a host, cannot be parsed.
    Condition,
    /// A path has no handler.
    NoMethods,
    /// A handler needs state that the application does not hold.
    MissingState,
    /// State of one type is declared twice.
    StateTwice,
    /// A catcher is for a status that no problem has.
    Catcher,
    /// A `Path<T>` takes a different number of parameters than the template has.
    PathParams,
    /// An extractor has found a mistake in something that the application holds, such as a
    /// template, a folder or a name.
    Fault,
    /// The configuration has a mistake.
    Config,
    /// The server cannot listen on the address.
    Port,
    /// A state, a layer or a start hook failed.
    Start,
    /// A note: a mounted service, or a route with parameters, does not receive all the requests
    /// that its path suggests.
    Shadowed,
    /// A note: a group has no routes.
    Empty,
    /// A note: no handler takes a state that the application holds.
    StateUnused,
    /// A note: a value of the path or the query is looked up before an argument that may refuse the
    /// client.
    LookedUpFirst,
}

impl Kind {
    /// Whether a finding of this kind is a note, which does not stop the start.
    #[must_use]
    pub fn is_note(self) -> bool {
        matches!(self, Kind::Shadowed | Kind::Empty | Kind::StateUnused | Kind::LookedUpFirst)
    }
}

impl Audit {
    pub(crate) fn new(mut findings: Vec<Finding>) -> Audit {
        // A note may be only the consequence of a mistake. For example, the state of a refused
        // handler looks unused.
        if findings.iter().any(|finding| !finding.kind.is_note()) {
            findings.retain(|finding| !finding.kind.is_note());
        }
        Audit { findings }
    }

    /// The mistakes, or the notes if there are no mistakes.
    ///
    /// ```
    /// use trine::audit::Kind;
    /// use trine::prelude::*;
    ///
    /// let audit = App::new().route("/{", get(async || "")).audit().unwrap_err();
    /// assert_eq!(audit.findings().len(), 1);
    /// assert_eq!(audit.findings()[0].kind, Kind::Template);
    /// ```
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The findings as JSON.
    ///
    /// `TRINE_AUDIT=json` prints the same: `{"findings": [{"kind": "collision", "text": "…",
    /// "locations": ["src/main.rs:7"]}]}`.
    ///
    /// ```
    /// let audit = trine::App::new().audit()?;
    /// let json: serde_json::Value = serde_json::from_str(&audit.to_json())?;
    /// assert_eq!(json["findings"], serde_json::json!([]));
    /// # Ok::<_, trine::Error>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and lists of strings can always be serialized.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// `Ok` if there is no mistake.
    pub(crate) fn into_result(self) -> Result<Audit, Audit> {
        if self.findings.iter().all(|finding| finding.kind.is_note()) {
            Ok(self)
        } else {
            Err(self)
        }
    }

    /// This audit with further findings.
    pub(crate) fn and(self, findings: impl IntoIterator<Item = Finding>) -> Audit {
        Audit::new(self.findings.into_iter().chain(findings).collect())
    }
}

impl Finding {
    pub(crate) fn collision(route: &RouteMeta, other: &RouteMeta) -> Finding {
        let text = format!(
            "{} answers the same requests as {}: change one of the two paths, methods or \
             conditions",
            describe(route),
            describe(other)
        );
        Finding::of_two(Kind::Collision, text, route, other)
    }

    /// Two paths whose parameters the router cannot tell apart. No method or condition helps.
    pub(crate) fn overlap(route: &RouteMeta, other: Option<&RouteMeta>) -> Finding {
        let this = describe(route);
        let Some(other) = other else {
            let text = format!("{this} conflicts with another route: change its path");
            let locations = vec![file_line(route.file, route.line)];
            return Finding { kind: Kind::Collision, text, locations };
        };
        let text = format!(
            "{this} cannot be declared beside {}: in one segment, the two paths have parameters \
             that the router cannot tell apart; change one of the paths (another method does not \
             help)",
            describe(other)
        );
        Finding::of_two(Kind::Collision, text, route, other)
    }

    pub(crate) fn fallback_twice(fallback: &RouteMeta, other: &RouteMeta) -> Finding {
        let text = format!(
            "{} and {} are fallbacks for the same requests: remove one of them, or give their \
             groups different prefixes, hosts or conditions",
            describe(fallback),
            describe(other)
        );
        Finding::of_two(Kind::Collision, text, fallback, other)
    }

    fn of_two(kind: Kind, text: String, route: &RouteMeta, other: &RouteMeta) -> Finding {
        let locations = vec![file_line(route.file, route.line), file_line(other.file, other.line)];
        Finding { kind, text, locations }
    }

    pub(crate) fn unreachable(route: &RouteMeta, other: &RouteMeta) -> Finding {
        let text = format!(
            "{} is never reached: {} answers all of its requests and is declared before it; \
             declare `{}` before `{}`",
            describe(route),
            describe(other),
            route.handler,
            other.handler
        );
        Finding::of_two(Kind::Unreachable, text, route, other)
    }

    pub(crate) fn fallback_unreachable(meta: &RouteMeta) -> Finding {
        let text = format!(
            "no request reaches {}: routes take every path of the group; remove it",
            describe(meta)
        );
        Finding { kind: Kind::Unreachable, text, locations: vec![file_line(meta.file, meta.line)] }
    }

    pub(crate) fn condition(text: String, at: &Location<'_>) -> Finding {
        Finding { kind: Kind::Condition, text, locations: vec![location(at)] }
    }

    pub(crate) fn template(text: &str, file: &str, line: u32) -> Finding {
        let text = format!("the path template {text}");
        Finding { kind: Kind::Template, text, locations: vec![file_line(file, line)] }
    }

    pub(crate) fn no_methods(path: &str, at: &Location<'_>) -> Finding {
        let text =
            format!("the path `{path}` has no handler: write `get(handler)` or another method");
        Finding { kind: Kind::NoMethods, text, locations: vec![location(at)] }
    }

    /// A missing type of state is one finding, however many handlers need it. `needed_by` has the
    /// name and the location of each of them.
    pub(crate) fn missing_state(type_name: &str, needed_by: &[(String, String)]) -> Finding {
        // More locations would bury the other findings.
        const SHOWN: usize = 3;
        let first = needed_by.first().map_or("a handler", |(name, _)| name);
        let need = match needed_by.len().saturating_sub(1) {
            0 => format!("{first} needs"),
            1 => format!("{first} and another need"),
            others => format!("{first} and {others} others need"),
        };
        let text = format!(
            "{need} state of type `{type_name}`, which the application does not hold: add \
             `.state(…)` with a value of \
             this type"
        );
        let locations =
            needed_by.iter().take(SHOWN).map(|(_, location)| location.clone()).collect();
        Finding { kind: Kind::MissingState, text, locations }
    }

    pub(crate) fn path_params(
        count: usize,
        type_name: &str,
        params: &[String],
        route: &RouteMeta,
    ) -> Finding {
        let s = if count == 1 { "" } else { "s" };
        let has = match params {
            [] => "has none: name them, as in `/{id}`".to_owned(),
            [one] => format!("has 1 ({one}): take one value"),
            more => {
                let names = more.join(", ");
                format!(
                    "has {} ({names}): take a tuple of {0} or a struct with these names",
                    more.len()
                )
            }
        };
        let text = format!(
            "the handler `{}` takes {count} path parameter{s} as `Path<{type_name}>`, but `{}` \
             {has}",
            route.handler, route.path
        );
        Finding { kind: Kind::PathParams, text, locations: vec![file_line(route.file, route.line)] }
    }

    /// A value that is looked up before an argument that may refuse the client. A client that may
    /// not enter could then learn from a 404 whether the value exists.
    pub(crate) fn looked_up_first(need: &Need, route: &RouteMeta) -> Option<Finding> {
        let Need::Guard { value, body } = need else { return None };
        let text = format!(
            "{} looks up `{value}` before it extracts `{body}`, which reads the body and is \
             therefore last. If `{body}` refuses clients by their identity, a refused client can \
             tell from a 404 whether `{value}` exists: take the identity as an argument of its \
             own, or put a guard around the route",
            describe(route)
        );
        let locations = vec![file_line(route.file, route.line)];
        Some(Finding { kind: Kind::LookedUpFirst, text, locations })
    }

    pub(crate) fn fault(fault: Fault, file: &str, line: u32) -> Finding {
        let location = fault.place.unwrap_or_else(|| file_line(file, line));
        Finding { kind: Kind::Fault, text: fault.text, locations: vec![location] }
    }

    pub(crate) fn catcher(when: impl Display, at: &Location<'_>) -> Finding {
        let text = format!(
            "a catcher for status {when} never runs: problems have statuses from 400 to 599; to \
             catch a type of \
             error, write `catch::of::<MyError>()`"
        );
        Finding { kind: Kind::Catcher, text, locations: vec![location(at)] }
    }

    pub(crate) fn config(error: &ConfigError) -> Finding {
        let location = error.location().to_string();
        Finding { kind: Kind::Config, text: error.text().to_owned(), locations: vec![location] }
    }

    /// A mistake in the configuration that is only found when the value is used.
    pub(crate) fn server(text: String) -> Finding {
        Finding { kind: Kind::Config, text, locations: Vec::new() }
    }

    /// `what` names the part that has failed, such as "the state of type `Db`".
    pub(crate) fn start_failed(what: &str, at: &Location<'_>, error: &crate::Error) -> Finding {
        let text = format!("{what} failed: {}", format!("{error:#}").replace('\n', "\n     "));
        Finding { kind: Kind::Start, text, locations: vec![location(at)] }
    }

    pub(crate) fn port(text: String) -> Finding {
        Finding { kind: Kind::Port, text, locations: Vec::new() }
    }
}

/// A location in the source, as `file:line`.
pub(crate) fn location(location: &Location<'_>) -> String {
    file_line(location.file(), location.line())
}

fn describe(route: &RouteMeta) -> String {
    let method = route.method.as_ref().map_or("any method of", Method::as_str);
    let host = route.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
    format!("`{}` ({method} {}{host})", route.handler, route.path)
}

pub(crate) fn file_line(file: &str, line: u32) -> String {
    format!("{file}:{line}")
}

impl std::fmt::Display for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.findings.as_slice() {
            [first, ..] if first.kind.is_note() => {}
            [] => writeln!(f, "the launch audit found no mistake")?,
            [_] => writeln!(f, "the launch audit found 1 mistake:")?,
            more => writeln!(f, "the launch audit found {} mistakes:", more.len())?,
        }
        for (number, finding) in self.findings.iter().enumerate() {
            match finding.kind.is_note() {
                false => writeln!(f, "  {}. {finding}", number + 1)?,
                true => writeln!(f, "note: {finding}")?,
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)?;
        self.locations.iter().try_for_each(|location| write!(f, "\n     at {location}"))
    }
}

impl std::error::Error for Audit {}
