//! Everything that is known of a problem.

use std::panic::Location;

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use trine_core::{Problem, RouteMeta};

use super::frames::{self, Frame};
use super::location::{self, Place};
use super::near::{self, Near};
use super::request::Asked;
use crate::dispatch::fallback::{OtherMethods, is_declared};
use crate::problem::catch::{Head, Panic};
use crate::problem::finish::causes;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    // These stand beside `dev` in JSON.
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
    pub(super) made_at: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) handler: Option<Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) near: Vec<Near>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<Note>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) backtrace: Vec<Frame>,
    pub(super) request: Asked,
    /// Every route, where none was found.
    #[serde(skip)]
    pub(super) routes: Vec<Row>,
}

/// A route.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) name: String,
    pub(super) place: Place,
}

/// What somebody added for developers.
#[derive(Debug, Serialize)]
pub(super) struct Note {
    pub(super) title: String,
    pub(super) text: String,
}

impl Report {
    pub(super) fn of(problem: &Problem, head: &Head) -> Report {
        let all = &head.route.app().routes;
        let matched = head.route.route().filter(|route| route.handler != OtherMethods::NAME);
        let unmatched = matched.is_none() && matches!(problem.status().as_u16(), 404 | 405);
        let declared = all.iter().filter(|route| unmatched && is_declared(route));
        let declared: Vec<&RouteMeta> = declared.collect();
        Report {
            status: problem.status(),
            title: problem.title_text().to_owned(),
            detail: problem.detail_text().map(str::to_owned),
            members: members(problem),
            causes: causes(problem),
            refused_by: problem.refused_by().map(short),
            made_at: made_at(problem),
            handler: matched.map(Row::of),
            near: near::misses(&head.method, head.uri.path(), &declared),
            notes: problem
                .notes()
                .map(|(title, text)| Note { title: title.to_owned(), text: text.to_owned() })
                .collect(),
            backtrace: problem.backtrace().map_or_else(Vec::new, frames::of_the_program),
            request: Asked::of(head),
            routes: declared.into_iter().map(Row::of).collect(),
        }
    }

    /// The place whose lines are shown: where the error was made, else the handler that refused.
    pub(super) fn focus(&self) -> Option<&Place> {
        self.made_at.as_ref().or(self.handler.as_ref().map(|handler| &handler.place))
    }
}

impl Row {
    fn of(route: &RouteMeta) -> Row {
        Row {
            method: route.method.as_ref().map_or("any", |method| method.as_str()).to_owned(),
            path: route.path.clone(),
            name: route.handler.to_string(),
            place: Place::new(route.file, route.line),
        }
    }
}

/// The panic, else the line that made the problem, unless that is one of ours.
fn made_at(problem: &Problem) -> Option<Place> {
    if let Some(panic) = problem.error::<Panic>() {
        return Place::parse(panic.place()?);
    }
    let at: &Location<'_> = problem.made_at();
    (!location::is_of_the_framework(at.file())).then(|| Place::new(at.file(), at.line()))
}

/// The members of its own that a problem tells everybody.
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
fn short(type_name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    for c in type_name.chars() {
        match c {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                short.push_str(&word);
                word.clear();
                short.push(c);
            }
        }
    }
    short + &word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_without_their_modules() {
        for (long, expected) in [
            ("trine::extract::json::Json<app::users::NewUser>", "Json<NewUser>"),
            ("(u8, core::option::Option<&str>)", "(u8, Option<&str>)"),
            ("alloc::vec::Vec<[app::A; 4]>", "Vec<[A; 4]>"),
            ("u8", "u8"),
        ] {
            assert_eq!(short(long), expected);
        }
    }
}
