//! Why a route answers a request, or why it does not.

use std::fmt::{Display, Formatter};

use serde::Serialize;

/// Why a route does or does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It answers.
    Matches,
    /// The path fits, the method does not.
    Method {
        /// The method of the route.
        expected: String,
    },
    /// It would fit, but another one fits better.
    LessSpecific {
        /// The template of the other.
        than: String,
    },
    /// A segment of the path is not that of the template.
    Segment {
        /// Which, counted from 1.
        at: usize,
        /// What the path has.
        got: String,
        /// What the template has.
        expected: String,
    },
    /// A parameter would be empty.
    EmptyParameter {
        /// Its name.
        name: String,
    },
    /// The path ends before the template does.
    PathEnds {
        /// The rest of the template.
        missing: String,
    },
    /// The path goes on where the template ends.
    PathGoesOn {
        /// The rest of the path.
        rest: String,
    },
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Matches => f.write_str("it answers"),
            Verdict::Method { expected } => {
                write!(f, "the path fits, but its method is {expected}")
            }
            Verdict::LessSpecific { than } => write!(f, "it would fit, but `{than}` fits better"),
            Verdict::Segment { at, got, expected } => {
                write!(f, "segment {at} is `{got}`, not `{expected}`")
            }
            Verdict::EmptyParameter { name } => write!(f, "the parameter `{name}` would be empty"),
            Verdict::PathEnds { missing } => {
                write!(f, "the path ends where the template goes on with `{missing}`")
            }
            Verdict::PathGoesOn { rest } if rest == "/" => {
                f.write_str("the path has a slash more at its end")
            }
            Verdict::PathGoesOn { rest } => write!(f, "the path goes on with `{rest}`"),
        }
    }
}
