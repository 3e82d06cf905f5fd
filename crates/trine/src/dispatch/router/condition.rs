//! Conditions that a request must fulfil, besides method and path, for a route to match.

use std::panic::Location;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// A condition as it was declared. The launch audit parses it.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) condition: WrittenCondition,
    pub(crate) location: &'static Location<'static>,
}

#[derive(Debug, Clone)]
pub(crate) enum WrittenCondition {
    Header(String, Option<String>),
    ContentType(String),
    Accepts(String),
}

/// The list of conditions that were declared together.
pub(crate) trait Conditions {
    fn header(&mut self, name: &str, value: Option<&str>);
    fn accepts(&mut self, media: &str);
    fn content_type(&mut self, media: &str);
}

impl Conditions for Vec<Written> {
    #[track_caller]
    fn header(&mut self, name: &str, value: Option<&str>) {
        let condition = WrittenCondition::Header(name.to_owned(), value.map(str::to_owned));
        self.push(Written { condition, location: Location::caller() });
    }

    #[track_caller]
    fn accepts(&mut self, media: &str) {
        self.push(Written {
            condition: WrittenCondition::Accepts(media.to_owned()),
            location: Location::caller(),
        });
    }

    #[track_caller]
    fn content_type(&mut self, media: &str) {
        self.push(Written {
            condition: WrittenCondition::ContentType(media.to_owned()),
            location: Location::caller(),
        });
    }
}

/// A condition that can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Header(HeaderName, Option<HeaderValue>),
    ContentType(Media),
    Accepts(Media),
}

/// A media type without its parameters, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Media {
    kind: String,
    sub: String,
}

/// How well a request fits the conditions of a route. The variants are in the order in which
/// conditions are checked, so the greatest value is the best fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    Header,
    ContentType,
    Accepts,
    /// All conditions hold. The value is the quality that `Accept` gives in thousandths, or 0 if no
    /// condition is about `Accept`.
    Holds(u16),
}

impl Written {
    /// # Errors
    /// Returns a text that says what is wrong and what to write instead.
    pub(crate) fn parse(&self) -> Result<Condition, String> {
        match &self.condition {
            WrittenCondition::Header(name, value) => {
                let parsed = name.parse().map_err(|_| {
                    format!(
                        "the header condition: `{name}` is not a valid header name: write letters, \
                         digits and `-`, such as `x-version`"
                    )
                })?;
                let value = value.as_deref().map(|value| {
                    value.parse().map_err(|_| {
                        format!(
                            "the condition on `{name}`: `{value}` is not a valid header value: \
                             write visible ASCII"
                        )
                    })
                });
                Ok(Condition::Header(parsed, value.transpose()?))
            }
            WrittenCondition::ContentType(text) => {
                Media::parse(text, true).map(Condition::ContentType)
            }
            WrittenCondition::Accepts(text) => Media::parse(text, false).map(Condition::Accepts),
        }
    }
}

impl Condition {
    pub(crate) fn fit(&self, headers: &HeaderMap) -> Fit {
        match self {
            Condition::Header(name, value) => {
                let mut values = headers.get_all(name).iter();
                match values.any(|got| value.as_ref().is_none_or(|wanted| wanted == got)) {
                    true => Fit::Holds(0),
                    false => Fit::Header,
                }
            }
            Condition::ContentType(media) => {
                let got =
                    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(split);
                match got.is_some_and(|got| media.admits(got)) {
                    true => Fit::Holds(0),
                    false => Fit::ContentType,
                }
            }
            Condition::Accepts(media) => match media.quality(headers) {
                0 => Fit::Accepts,
                quality => Fit::Holds(quality),
            },
        }
    }

    /// Whether every request that fulfils `other` also fulfils this condition.
    pub(crate) fn follows_from(&self, other: &Condition) -> bool {
        match (self, other) {
            (Condition::Header(name, None), Condition::Header(other, _)) => name == other,
            (Condition::ContentType(media), Condition::ContentType(other)) => {
                media.admits((&other.kind, &other.sub))
            }
            _ => self == other,
        }
    }
}

impl Media {
    fn parse(text: &str, ranges: bool) -> Result<Media, String> {
        const WANTED: &str =
            "is not a media type: expected a type and a subtype, such as `application/json`";
        const WANTED_OR_RANGE: &str =
            "is not a media type: expected a type and a subtype, such as `text/html` or `text/*`";
        let mistake = |why: &str| format!("the media type condition: `{text}` {why}");
        let (kind, sub) =
            split(text).filter(|_| !text.contains(';')).ok_or_else(|| mistake(WANTED))?;
        let token = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        if !token(kind) || !(token(sub) || ranges && sub == "*") {
            return Err(mistake(if ranges {
                WANTED_OR_RANGE
            } else {
                "is not exactly one media type: expected one such as `text/html`"
            }));
        }
        Ok(Media { kind: kind.to_ascii_lowercase(), sub: sub.to_ascii_lowercase() })
    }

    fn admits(&self, (kind, sub): (&str, &str)) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
            && (self.sub == "*" || self.sub.eq_ignore_ascii_case(sub))
    }

    /// RFC 9110, section 12.5.1: the most specific range that covers the type decides. Without
    /// `Accept`, every type is acceptable.
    fn quality(&self, headers: &HeaderMap) -> u16 {
        let mut best = None;
        for range in headers
            .get_all(ACCEPT)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        {
            // A range that is not UTF-8 is skipped. The others are still used.
            let Ok(range) = str::from_utf8(range) else { continue };
            let Some((kind, sub)) = split(range) else { continue };
            let specific = match (kind, sub) {
                ("*", "*") => 0,
                (kind, "*") if kind.eq_ignore_ascii_case(&self.kind) => 1,
                got if self.admits(got) => 2,
                _ => continue,
            };
            let quality = quality(range);
            // Of two equally specific ranges, the first counts.
            if best.is_none_or(|(known, _)| specific > known) {
                best = Some((specific, quality));
            }
        }
        match best {
            Some((_, quality)) => quality,
            None if headers.contains_key(ACCEPT) => 0,
            None => 1000,
        }
    }
}

/// Type and subtype of a media type or range, without its parameters.
fn split(text: &str) -> Option<(&str, &str)> {
    text.split(';').next()?.trim().split_once('/')
}

/// The weight of a range in thousandths (RFC 9110, section 12.4.2).
fn quality(range: &str) -> u16 {
    let weight = range
        .split(';')
        .skip(1)
        .map(str::trim)
        .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    weight.map_or(1000, |weight| {
        weight.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16)
    })
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Condition::Header(name, None) => write!(f, "with the header `{name}`"),
            Condition::Header(name, Some(value)) => {
                write!(f, "with the header `{name}: {}`", value.to_str().unwrap_or("…"))
            }
            Condition::ContentType(media) => write!(f, "of content type `{media}`"),
            Condition::Accepts(media) => write!(f, "that accepts `{media}`"),
        }
    }
}

impl std::fmt::Display for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.sub)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(media: &str, accept: &[&str]) -> u16 {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Media::parse(media, false).unwrap().quality(&headers)
    }

    #[test]
    fn the_most_specific_range_decides() {
        assert_eq!(accepts("text/html", &[]), 1000);
        assert_eq!(accepts("text/html", &["*/*;q=0.1"]), 100);
        assert_eq!(accepts("text/html", &["text/*; q=0.5, */*;q=0.1"]), 500);
        assert_eq!(accepts("text/html", &["*/*", "TEXT/HTML;level=1;q=0"]), 0);
        assert_eq!(accepts("text/html", &["text/html;q=2"]), 1000);
        assert_eq!(accepts("text/html", &["text/html;q=x, text/*"]), 0);
        assert_eq!(accepts("text/html", &["application/json", "nonsense"]), 0);
    }

    #[test]
    fn a_range_that_is_not_utf8_is_skipped() {
        assert_eq!(accepts("text/html", &["ä/b, text/html;q=0.5"]), 500);
        let mut headers = HeaderMap::new();
        headers.append(
            ACCEPT,
            HeaderValue::from_bytes(b"text/plain;x=\xff, text/html;q=0.5").unwrap(),
        );
        assert_eq!(Media::parse("text/html", false).unwrap().quality(&headers), 500);
        assert_eq!(Media::parse("text/plain", false).unwrap().quality(&headers), 0);
    }

    #[test]
    fn invalid_media_types_are_refused() {
        for text in ["json", "text/", "text/*", "a b/c", "text/html; q=1", ""] {
            assert!(Media::parse(text, false).is_err(), "{text}");
        }
        assert!(Media::parse("image/*", true).is_ok() && Media::parse("*/*", true).is_err());
    }
}
