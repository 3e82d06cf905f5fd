//! Everything that is known about a problem.

use std::panic::Location;

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use trine_core::{Problem, RouteMeta};

use super::frames::{self, Frame};
use super::location::{self, SourceLocation};
use super::near::{self, NearMiss};
use super::request::RequestSummary;
use crate::dispatch::built_in::{OTHER_METHODS, is_declared};
use crate::dispatch::snapshot::RequestSnapshot;
use crate::problem::catch::Panic;
use crate::problem::render::causes;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    // In JSON these are members of the problem itself, next to `dev`.
    #[serde(skip)]
    pub(super) status: StatusCode,
    #[serde(skip)]
    pub(super) title: String,
    #[serde(skip)]
    pub(super) detail: Option<String>,
    #[serde(skip)]
    pub(super) members: Vec<(String, String)>,

    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) made_at: Option<SourceLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) handler: Option<RouteSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) near: Vec<NearMiss>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<Note>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) backtrace: Vec<Frame>,
    pub(super) request: RequestSummary,
    /// All routes, if no route matched.
    #[serde(skip)]
    pub(super) routes: Vec<RouteSummary>,
}

/// A route in the report.
#[derive(Debug, Serialize)]
pub(super) struct RouteSummary {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) name: String,
    pub(super) location: SourceLocation,
}

/// A text that was added with `Problem::note`.
#[derive(Debug, Serialize)]
pub(super) struct Note {
    pub(super) title: String,
    pub(super) text: String,
}

impl Report {
    pub(super) fn new(problem: &Problem, snapshot: &RequestSnapshot) -> Report {
        let all = &snapshot.route.app().routes;
        let matched = snapshot.route.route().filter(|route| route.handler != OTHER_METHODS);
        let unmatched = matched.is_none() && matches!(problem.status().as_u16(), 404 | 405);
        let declared = all.iter().filter(|route| unmatched && is_declared(route));
        let declared: Vec<&RouteMeta> = declared.collect();
        Report {
            status: problem.status(),
            title: problem.title_text().to_owned(),
            detail: problem.detail_text().map(str::to_owned),
            members: members(problem),
            causes: causes(problem),
            refused_by: problem.refused_by().map(without_modules),
            made_at: made_at(problem),
            handler: matched.map(RouteSummary::of),
            near: near::near_misses(&snapshot.method, snapshot.uri.path(), &declared),
            notes: problem
                .notes()
                .map(|(title, text)| Note { title: title.to_owned(), text: text.to_owned() })
                .collect(),
            backtrace: problem.backtrace().map_or_else(Vec::new, frames::program_frames),
            request: RequestSummary::of(snapshot),
            routes: declared.into_iter().map(RouteSummary::of).collect(),
        }
    }

    /// The location whose lines are shown: where the error was made, else the handler.
    pub(super) fn focus(&self) -> Option<&SourceLocation> {
        self.made_at.as_ref().or(self.handler.as_ref().map(|handler| &handler.location))
    }
}

impl RouteSummary {
    fn of(route: &RouteMeta) -> RouteSummary {
        RouteSummary {
            method: route.method.as_ref().map_or("any", |method| method.as_str()).to_owned(),
            path: route.path.clone(),
            name: route.handler.to_string(),
            location: SourceLocation::new(route.file, route.line),
        }
    }
}

/// The location of the panic, else of the code that made the problem, unless that is in the
/// framework.
fn made_at(problem: &Problem) -> Option<SourceLocation> {
    if let Some(panic) = problem.error::<Panic>() {
        return SourceLocation::parse(panic.location()?);
    }
    let at: &Location<'_> = problem.made_at();
    (!location::is_outside_the_program(at.file()))
        .then(|| SourceLocation::new(at.file(), at.line()))
}

/// The extension members of a problem.
fn members(problem: &Problem) -> Vec<(String, String)> {
    let Ok(Value::Object(object)) = serde_json::to_value(problem) else { return Vec::new() };
    let own = object
        .into_iter()
        .filter(|(name, _)| !["type", "title", "status", "detail"].contains(&&**name));
    own.map(|(name, value)| match value {
        Value::String(text) => (name, text),
        value => (name, value.to_string()),
    })
    .collect()
}

/// `trine::extract::json::Json<app::NewUser>` is `Json<NewUser>`.
fn without_modules(type_name: &str) -> String {
    let mut name = String::new();
    let mut word = String::new();
    for c in type_name.chars() {
        match c {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                name.push_str(&word);
                word.clear();
                name.push(c);
            }
        }
    }
    name + &word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_without_their_modules() {
        for (long, expected) in [
            ("trine::extract::json::Json<app::users::NewUser>", "Json<NewUser>"),
            ("(u8, core::option::Option<&str>)", "(u8, Option<&str>)"),
            ("alloc::vec::Vec<[app::A; 4]>", "Vec<[A; 4]>"),
            ("u8", "u8"),
        ] {
            assert_eq!(without_modules(long), expected);
        }
    }
}
