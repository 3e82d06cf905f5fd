//! The launch audit: everything that is wrong before a socket opens, all at once.

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

/// What the audit of an application found. Its text lists everything, each with its places and what
/// to do; so does its JSON, which `TRINE_AUDIT=json` prints in place of serving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    findings: Vec<Finding>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of mistake it is.
    pub kind: Kind,
    /// What is wrong and what to do.
    pub text: String,
    /// The places in the source that it is about, as `file:line`.
    pub places: Vec<String>,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Two routes answer the same requests.
    Collision,
    /// Nothing ever reaches a route or the fallback.
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
    /// A catcher is for a status that no problem has.
    Catcher,
    /// A `Path<T>` takes another number of parameters than the template has.
    PathParams,
    /// An extractor finds that what the application holds has a mistake: a template, a folder, a
    /// name.
    Fault,
    /// The configuration has a mistake.
    Config,
    /// The address cannot be listened on.
    Port,
    /// A state or a hook of the start failed.
    Start,
    /// A note: a mounted service, or a route with parameters, does not see all that it might.
    Shadowed,
    /// A note: a layer or a group that wraps nothing.
    Empty,
    /// A note: state that no handler asks for.
    StateUnused,
    /// A note: a value of the path or the query is looked up before an argument that may ask who it
    /// is.
    LookedUpFirst,
}

impl Kind {
    /// Whether it is worth a look, but stops no start.
    #[must_use]
    pub fn is_note(self) -> bool {
        matches!(self, Kind::Shadowed | Kind::Empty | Kind::StateUnused | Kind::LookedUpFirst)
    }
}

impl Audit {
    pub(crate) fn new(mut findings: Vec<Finding>) -> Audit {
        // A note may only be what a mistake left over, such as state of a handler that was refused.
        if findings.iter().any(|finding| !finding.kind.is_note()) {
            findings.retain(|finding| !finding.kind.is_note());
        }
        Audit { findings }
    }

    /// The mistakes; where there are none, the notes.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The findings as JSON:
    /// `{"findings":[{"kind":"collision","text":"…","places":["src/main.rs:7"]}]}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// `Ok` where there is no mistake.
    pub(crate) fn into_result(self) -> Result<Audit, Audit> {
        if self.findings.iter().all(|finding| finding.kind.is_note()) {
            Ok(self)
        } else {
            Err(self)
        }
    }

    /// The same with further findings.
    pub(crate) fn and(self, findings: impl IntoIterator<Item = Finding>) -> Audit {
        Audit::new(self.findings.into_iter().chain(findings).collect())
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
                places: vec![file_line(route.file, route.line), file_line(other.file, other.line)],
            },
            None => Finding {
                kind: Kind::Collision,
                text: format!("{this} cannot stand beside the other routes: change its path"),
                places: vec![file_line(route.file, route.line)],
            },
        }
    }

    pub(crate) fn unreachable(route: &RouteMeta, other: &RouteMeta) -> Finding {
        let text = format!(
            "{} is never reached: {} answers all of its requests and is declared before it; change the order",
            describe(route),
            describe(other)
        );
        let places = vec![file_line(route.file, route.line), file_line(other.file, other.line)];
        Finding { kind: Kind::Unreachable, text, places }
    }

    pub(crate) fn fallback_unreachable(meta: &RouteMeta) -> Finding {
        let text = format!(
            "nothing reaches {}: routes take every path of the group; remove it",
            describe(meta)
        );
        Finding { kind: Kind::Unreachable, text, places: vec![file_line(meta.file, meta.line)] }
    }

    pub(crate) fn condition(text: String, place: &Location<'_>) -> Finding {
        Finding { kind: Kind::Condition, text, places: vec![location(place)] }
    }

    pub(crate) fn template(text: &str, file: &str, line: u32) -> Finding {
        let text = format!("the path template {text}");
        Finding { kind: Kind::Template, text, places: vec![file_line(file, line)] }
    }

    pub(crate) fn no_methods(path: &str, at: &Location<'_>) -> Finding {
        let text =
            format!("the path `{path}` has no handler: write `get(handler)` or another method");
        Finding { kind: Kind::NoMethods, text, places: vec![location(at)] }
    }

    /// `needing` is who needs it and where: one mistake, however many they are.
    pub(crate) fn missing_state(type_name: &str, needing: &[(String, String)]) -> Finding {
        // More places would hide the other findings.
        const SHOWN: usize = 3;
        let first = needing.first().map_or("nobody", |(who, _)| who);
        let need = match needing.len().saturating_sub(1) {
            0 => format!("{first} needs"),
            1 => format!("{first} and another need"),
            others => format!("{first} and {others} others need"),
        };
        let text = format!(
            "{need} state of type `{type_name}`, which the application does not hold: add `.state(…)` with a value of \
             this type"
        );
        let places = needing.iter().take(SHOWN).map(|(_, place)| place.clone()).collect();
        Finding { kind: Kind::MissingState, text, places }
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
            "the handler `{}` takes {count} path parameter{s} as `Path<{type_name}>`, but `{}` {has}",
            route.handler, route.path
        );
        Finding { kind: Kind::PathParams, text, places: vec![file_line(route.file, route.line)] }
    }

    /// What is looked up for somebody who may be refused: 404 or not tells them what exists.
    pub(crate) fn looked_up_first(need: &Need, route: &RouteMeta) -> Option<Finding> {
        let Need::Guard { value, body } = need else { return None };
        let text = format!(
            "{} looks up `{value}` before `{body}`, which reads the body and so comes last: if that refuses by who asks, \
             404 or not tells a stranger what exists; take who asks as an argument of its own, or put a guard around it",
            describe(route)
        );
        let places = vec![file_line(route.file, route.line)];
        Some(Finding { kind: Kind::LookedUpFirst, text, places })
    }

    pub(crate) fn fault(fault: Fault, file: &str, line: u32) -> Finding {
        let place = fault.place.unwrap_or_else(|| file_line(file, line));
        Finding { kind: Kind::Fault, text: fault.text, places: vec![place] }
    }

    pub(crate) fn catcher(when: impl Display, place: &Location<'_>) -> Finding {
        let text = format!(
            "a catcher for status {when} never runs: problems have statuses from 400 to 599; for a kind of error, \
             write `catch::of::<MyError>()`"
        );
        Finding { kind: Kind::Catcher, text, places: vec![location(place)] }
    }

    pub(crate) fn config(error: &ConfigError) -> Finding {
        let place = error.place().to_string();
        Finding { kind: Kind::Config, text: error.text().to_owned(), places: vec![place] }
    }

    /// A mistake of the configuration that shows only when it is put to use.
    pub(crate) fn server(text: String) -> Finding {
        Finding { kind: Kind::Config, text, places: Vec::new() }
    }

    /// `what` is what failed, such as "the state of type `Db`".
    pub(crate) fn start_failed(what: &str, at: &Location<'_>, error: &crate::Error) -> Finding {
        let text = format!("{what} failed: {}", format!("{error:#}").replace('\n', "\n     "));
        Finding { kind: Kind::Start, text, places: vec![location(at)] }
    }

    pub(crate) fn port(text: String) -> Finding {
        Finding { kind: Kind::Port, text, places: Vec::new() }
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
        self.places.iter().try_for_each(|place| write!(f, "\n     at {place}"))
    }
}

impl std::error::Error for Audit {}
