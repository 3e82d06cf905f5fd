//! Why a route answers a request, or why it does not.

use std::fmt::{Display, Formatter};

use serde::Serialize;

/// Why a route answers a request, or why it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The route answers.
    Matches,
    /// The path matches, the method does not.
    Method {
        /// The method of the route.
        expected: String,
    },
    /// The route matches, but another one is more specific.
    LessSpecific {
        /// The method and the template of the other route.
        than: String,
    },
    /// A segment of the path differs from the segment of the template.
    Segment {
        /// The number of the segment, counted from 1.
        at: usize,
        /// The segment of the path.
        got: String,
        /// The segment of the template.
        expected: String,
    },
    /// A parameter would be empty.
    EmptyParameter {
        /// The name of the parameter.
        name: String,
    },
    /// The path ends before the template does.
    PathTooShort {
        /// The end of the template.
        missing: String,
    },
    /// The path continues where the template ends.
    PathTooLong {
        /// The end of the path.
        remainder: String,
    },
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Matches => f.write_str("it answers"),
            Verdict::Method { expected } => {
                write!(f, "the path matches, but the method must be {expected}")
            }
            Verdict::LessSpecific { than } => {
                write!(f, "it matches, but `{than}` is more specific")
            }
            Verdict::Segment { at, got, expected } => {
                write!(f, "segment {at} is `{got}`, not `{expected}`")
            }
            Verdict::EmptyParameter { name } => write!(f, "the parameter `{name}` would be empty"),
            Verdict::PathTooShort { missing } => {
                write!(f, "the path ends where the template continues with `{missing}`")
            }
            Verdict::PathTooLong { remainder } if remainder == "/" => {
                f.write_str("the path has an extra slash at its end")
            }
            Verdict::PathTooLong { remainder } => {
                write!(f, "the path continues with `{remainder}`")
            }
        }
    }
}
