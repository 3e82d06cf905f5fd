//! Which problems a catcher is for.

use std::any::TypeId;
use std::error::Error;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive};

use http::StatusCode;
use trine_core::Problem;

use super::panics::Panic;

/// The problems that a catcher is for: those with a status (`404`, [`StatusCode::NOT_FOUND`]) or a
/// range of statuses (`400..=499`, `500..`), all of them (`..`), or those with an error [`of`] a
/// type.
///
/// ```
/// use trine::catch::IntoWhen as _;
///
/// assert_eq!(404_u16.into_when().to_string(), "404");
/// assert_eq!((400..500_u16).into_when().to_string(), "400..=499");
/// assert_eq!(trine::catch::of::<std::fmt::Error>().to_string(), "core::fmt::Error");
/// ```
#[derive(Debug, Clone)]
pub struct When(Which);

#[derive(Debug, Clone)]
enum Which {
    Statuses(RangeInclusive<u16>),
    Error { id: TypeId, name: &'static str, is_in: fn(&Problem) -> bool },
}

/// The problems with an error of type `E` behind them: their source, or one of its causes.
///
/// ```
/// use trine::prelude::*;
///
/// async fn no_disk(error: Caught<std::io::Error>) -> (StatusCode, String) {
///     (StatusCode::INSUFFICIENT_STORAGE, format!("disk error: {}", *error))
/// }
///
/// async fn save() -> trine::Result {
///     Err(std::io::Error::other("no space left"))?
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().route("/", post(save)).catch(catch::of::<std::io::Error>(), no_disk);
/// let response = app.test().await.post("/").await;
/// response.expect_status(507).expect_text("disk error: no space left");
/// # }
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

    /// How many statuses it covers. A catcher with a smaller breadth is more specific.
    pub(super) fn breadth(&self) -> usize {
        match &self.0 {
            Which::Statuses(range) => range.len(),
            Which::Error { .. } => 0,
        }
    }

    pub(super) fn is_for_panics(&self) -> bool {
        matches!(self.0, Which::Error { id, .. } if id == TypeId::of::<Panic>())
    }

    /// Whether no problem ever matches, because no problem has such a status.
    pub(crate) fn is_never(&self) -> bool {
        match &self.0 {
            Which::Statuses(range) => {
                *range.end() < 400 || *range.start() > 599 || range.is_empty()
            }
            Which::Error { .. } => false,
        }
    }
}

/// Types that state which problems a catcher is for: a status, a range of statuses, or a [`When`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which problems a catcher is for",
    label = "neither a status nor a type of error",
    note = "write a status (`404`), a range (`400..=499`, `..` for all), or `catch::of::<MyError>()`"
)]
pub trait IntoWhen {
    /// Converts the value into a [`When`].
    fn into_when(self) -> When;
}

impl IntoWhen for When {
    fn into_when(self) -> When {
        self
    }
}

impl IntoWhen for u16 {
    fn into_when(self) -> When {
        (self..=self).into_when()
    }
}

impl IntoWhen for StatusCode {
    fn into_when(self) -> When {
        self.as_u16().into_when()
    }
}

impl IntoWhen for RangeInclusive<u16> {
    fn into_when(self) -> When {
        When(Which::Statuses(self))
    }
}

impl IntoWhen for Range<u16> {
    fn into_when(self) -> When {
        (self.start..=self.end.saturating_sub(1)).into_when()
    }
}

impl IntoWhen for RangeFrom<u16> {
    fn into_when(self) -> When {
        (self.start..=u16::MAX).into_when()
    }
}

impl IntoWhen for RangeFull {
    fn into_when(self) -> When {
        (0..=u16::MAX).into_when()
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Which::Statuses(range) if range.start() == range.end() => {
                write!(f, "{}", range.start())
            }
            Which::Statuses(range) => write!(f, "{}..={}", range.start(), range.end()),
            Which::Error { name, .. } => f.write_str(name),
        }
    }
}
