//! Which problems a catcher is for.

use std::any::TypeId;
use std::error::Error;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive};

use http::StatusCode;
use trine_core::Problem;

use super::Panic;

/// Which problems a catcher is for: `404`, [`StatusCode::NOT_FOUND`], `400..=499`, `500..`, `..` for all, or an error
/// [`of`] a type.
#[derive(Debug, Clone)]
pub struct When(Which);

#[derive(Debug, Clone)]
enum Which {
    Statuses(RangeInclusive<u16>),
    Error { id: TypeId, name: &'static str, is_in: fn(&Problem) -> bool },
}

/// For problems behind which an error of this type is: their source, or one among the causes of it.
///
/// ```
/// use trine::prelude::*;
///
/// async fn no_disk(error: Caught<std::io::Error>) -> (StatusCode, String) {
///     (StatusCode::INSUFFICIENT_STORAGE, format!("the disk says: {}", *error))
/// }
///
/// let app = App::new().catch(catch::of::<std::io::Error>(), no_disk);
/// ```
#[must_use]
pub fn of<E: Error + 'static>() -> When {
    When(Which::Error {
        id: TypeId::of::<E>(),
        name: std::any::type_name::<E>(),
        is_in: |problem| problem.error::<E>().is_some(),
    })
}

impl When {
    pub(super) fn fits(&self, problem: &Problem) -> bool {
        match &self.0 {
            Which::Statuses(range) => range.contains(&problem.status().as_u16()),
            Which::Error { is_in, .. } => is_in(problem),
        }
    }

    /// The smaller, the more it knows of its problems.
    pub(super) fn breadth(&self) -> usize {
        match &self.0 {
            Which::Statuses(range) => range.len(),
            Which::Error { .. } => 0,
        }
    }

    pub(super) fn is_for_panics(&self) -> bool {
        matches!(self.0, Which::Error { id, .. } if id == TypeId::of::<Panic>())
    }

    /// Whether it can never happen: no problem has such a status.
    pub(crate) fn is_never(&self) -> bool {
        match &self.0 {
            Which::Statuses(range) => *range.end() < 400 || *range.start() > 599 || range.is_empty(),
            Which::Error { .. } => false,
        }
    }
}

impl From<u16> for When {
    fn from(status: u16) -> When {
        When::from(status..=status)
    }
}

impl From<StatusCode> for When {
    fn from(status: StatusCode) -> When {
        When::from(status.as_u16())
    }
}

impl From<RangeInclusive<u16>> for When {
    fn from(statuses: RangeInclusive<u16>) -> When {
        When(Which::Statuses(statuses))
    }
}

impl From<Range<u16>> for When {
    fn from(statuses: Range<u16>) -> When {
        When::from(statuses.start..=statuses.end.saturating_sub(1))
    }
}

impl From<RangeFrom<u16>> for When {
    fn from(statuses: RangeFrom<u16>) -> When {
        When::from(statuses.start..=u16::MAX)
    }
}

impl From<RangeFull> for When {
    fn from(_: RangeFull) -> When {
        When::from(0..=u16::MAX)
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Which::Statuses(range) if range.start() == range.end() => write!(f, "{}", range.start()),
            Which::Statuses(range) => write!(f, "{}..={}", range.start(), range.end()),
            Which::Error { name, .. } => f.write_str(name),
        }
    }
}
