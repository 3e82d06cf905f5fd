//! The formats of a problem, and which of them a client accepts.

use http::HeaderValue;

/// A format of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/problem+json`.
    Json,
    /// `text/html`.
    Html,
    /// `text/markdown`.
    Markdown,
    /// `text/plain`.
    Plain,
}

impl Format {
    // In the order of preference, for a range such as `text/*` that leaves the choice to the
    // server.
    const OFFERS: [(Format, &'static str, &'static str); 5] = [
        (Format::Json, "application", "problem+json"),
        (Format::Json, "application", "json"),
        (Format::Plain, "text", "plain"),
        (Format::Markdown, "text", "markdown"),
        (Format::Html, "text", "html"),
    ];

    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/problem+json",
            Format::Html => "text/html; charset=utf-8",
            Format::Markdown => "text/markdown; charset=utf-8",
            Format::Plain => "text/plain; charset=utf-8",
        }
    }

    /// The format that an `Accept` field prefers.
    // RFC 9110, section 12.5.1: the most specific range determines the quality of a type, the
    // highest quality wins, and among equals the first range. If `Accept` allows none of the
    // formats, the result is JSON: an error in an unexpected format is better than a 406 about it.
    #[must_use]
    pub fn negotiate(accept: Option<&HeaderValue>) -> Format {
        let Some(accept) = accept else { return Format::Json };
        // A range that is not UTF-8 is skipped. The others are still used.
        let items = accept
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(|item| str::from_utf8(item).unwrap_or_default());
        let ranges: Vec<Range<'_>> = items.enumerate().filter_map(Range::parse).collect();
        let mut best: Option<(Format, &Range<'_>)> = None;
        for (format, main, sub) in Format::OFFERS {
            let most_specific = ranges
                .iter()
                .filter(|range| range.covers(main, sub))
                .max_by_key(|range| range.precision());
            let Some(range) = most_specific.filter(|range| range.quality > 0) else { continue };
            if best.is_none_or(|(_, other)| range.is_better_than(other)) {
                best = Some((format, range));
            }
        }
        best.map_or(Format::Json, |(format, _)| format)
    }
}

/// One range of an `Accept` field, such as `text/*;q=0.5`.
struct Range<'a> {
    main: &'a str,
    sub: &'a str,
    /// In thousandths.
    quality: u16,
    position: usize,
}

impl<'a> Range<'a> {
    fn parse((position, text): (usize, &'a str)) -> Option<Range<'a>> {
        let mut parts = text.split(';').map(str::trim);
        let (main, sub) = parts.next()?.split_once('/')?;
        let quality =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some(Range { main, sub, quality: quality.map_or(1000, thousandths), position })
    }

    fn covers(&self, main: &str, sub: &str) -> bool {
        let main_fits =
            self.main.eq_ignore_ascii_case(main) || (self.main == "*" && self.sub == "*");
        main_fits && (self.sub == "*" || self.sub.eq_ignore_ascii_case(sub))
    }

    fn precision(&self) -> u8 {
        u8::from(self.main != "*") + u8::from(self.sub != "*")
    }

    fn is_better_than(&self, other: &Range<'_>) -> bool {
        (self.quality, other.position) > (other.quality, self.position)
    }
}

fn thousandths(quality: &str) -> u16 {
    quality.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accepted_format_is_chosen() {
        for (accept, expected) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("application/*", Format::Json),
            ("text/*", Format::Plain),
            ("text/html", Format::Html),
            ("TEXT/HTML", Format::Html),
            ("text/markdown, */*;q=0.1", Format::Markdown),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Html),
            ("application/json, text/html", Format::Json),
            ("text/html, application/json", Format::Html),
            ("text/html;q=0.5, application/json;q=0.9", Format::Json),
            ("application/json;q=0.5, text/html", Format::Html),
            ("text/html;q=0, */*", Format::Json),
            ("text/html;q=0, text/*", Format::Plain),
            ("text/plain;q=0, text/*", Format::Markdown),
            ("application/json;q=0, application/problem+json;q=0, */*", Format::Plain),
            ("*/*;q=0", Format::Json),
            ("image/png", Format::Json),
            ("*/html", Format::Json),
            ("text/html; level=1; q=0.2, text/plain; Q=0.3", Format::Plain),
            ("text/html;q=x, text/plain;q=0.1", Format::Plain),
            ("nonsense, ;, /", Format::Json),
        ] {
            let value = HeaderValue::from_static(accept);
            assert_eq!(Format::negotiate(Some(&value)), expected, "{accept}");
        }
        assert_eq!(Format::negotiate(None), Format::Json);
    }

    #[test]
    fn a_range_that_is_not_utf8_is_skipped() {
        for accept in [
            &b"t\xe4xt/html, text/plain"[..],
            b"text/plain, \xff",
            b"text/plain;x=\xff, text/html;q=0.1, text/plain",
        ] {
            let value = HeaderValue::from_bytes(accept).unwrap();
            assert_eq!(Format::negotiate(Some(&value)), Format::Plain, "{value:?}");
        }
    }
}
