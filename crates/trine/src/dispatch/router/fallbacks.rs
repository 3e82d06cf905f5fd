//! The fallbacks of groups, by prefix and host. They are searched if no route matches, or only a
//! more general one.

use http::{HeaderMap, HeaderName, Method, Uri};
use trine_core::route::Params;

use super::choice::Choice;
use super::host::{Host, host_of, with_values};
use super::index::RouteIndex;
use super::template::Template;

/// All fallbacks of groups, ordered so that the first whose prefix matches is the nearest.
#[derive(Default)]
pub(crate) struct Fallbacks(Vec<PrefixFallbacks>);

/// The fallbacks of one prefix. Conditions decide between them.
pub(crate) struct PrefixFallbacks {
    pub(crate) host: Option<Host>,
    pub(crate) prefix: Prefix,
    pub(crate) choice: Choice,
}

/// A prefix, as a list of segments in the form that the tree uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix(Vec<Segment>);

/// Text, or a parameter between two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(String),
    Parameter(String, String),
}

/// A fallback that matches: its route, and the values of the parameters in the prefix.
pub(crate) struct FallbackMatch {
    pub(crate) route: RouteIndex,
    pub(crate) params: Params,
}

impl Fallbacks {
    /// The fallbacks of a prefix. The list is created empty.
    pub(crate) fn at_prefix(
        &mut self,
        host: Option<&Host>,
        prefix: &Prefix,
    ) -> &mut PrefixFallbacks {
        let same = |entry: &PrefixFallbacks| {
            entry.prefix == *prefix && Host::are_same(entry.host.as_ref(), host)
        };
        let index = self.0.iter().position(same).unwrap_or_else(|| {
            let choice =
                Choice { candidates: [].into(), otherwise: None, preceding_fallbacks: Vec::new() };
            let entry = PrefixFallbacks { host: host.cloned(), prefix: prefix.clone(), choice };
            let index = self.0.partition_point(|known| known.rank() <= entry.rank());
            self.0.insert(index, entry);
            index
        });
        &mut self.0[index]
    }

    /// The indices of the fallbacks that take precedence over a path, because a parameter of the
    /// path would match their prefix.
    pub(crate) fn preceding(&self, host: Option<&Host>, canonical: &str) -> Vec<usize> {
        let entries = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, entry)| Host::are_same(entry.host.as_ref(), host));
        entries
            .filter(|(_, entry)| entry.prefix.is_taken_by(canonical))
            .map(|(index, _)| index)
            .collect()
    }

    /// The nearest fallback for a request, among all or among those with these indices. `vary` gets
    /// the names of the header fields that decided, even if no fallback matches.
    #[cold]
    pub(crate) fn find(
        &self,
        among: Option<&[usize]>,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        vary: &mut Vec<HeaderName>,
    ) -> Option<FallbackMatch> {
        for (index, entry) in self.0.iter().enumerate() {
            if among.is_some_and(|among| !among.contains(&index)) {
                continue;
            }
            let host = entry.host.as_ref().map(|_| host_of(uri, headers));
            let values = match (&entry.host, &host) {
                (Some(known), Some(host)) => known.matches(host),
                _ => Some(Vec::new()),
            };
            let (Some(values), Some(spans)) = (values, entry.prefix.spans(uri.path())) else {
                continue;
            };
            vary.extend(entry.choice.vary());
            let Some(route) = entry.choice.pick(method, headers) else { continue };
            let params = Params::new(uri.path_and_query()?.clone(), spans);
            return Some(FallbackMatch { route, params: with_values(&values, params)? });
        }
        None
    }
}

impl PrefixFallbacks {
    /// The order: first the fallbacks for a certain host, then longer prefixes, then fewer
    /// parameters.
    fn rank(&self) -> impl Ord + use<> {
        let host = self.host.as_ref().map_or(usize::MAX, |host| host.params().count());
        let parameters: Vec<bool> =
            self.prefix.0.iter().map(|segment| matches!(segment, Segment::Parameter(..))).collect();
        (host, std::cmp::Reverse(self.prefix.0.len()), parameters)
    }
}

impl Prefix {
    pub(crate) fn of(template: &Template) -> Prefix {
        let path = template.canonical.strip_suffix('/').unwrap_or(&template.canonical);
        Prefix(path.split('/').skip(1).map(Segment::of).collect())
    }

    /// The spans of the parameter values in a path that begins with the prefix.
    fn spans(&self, path: &str) -> Option<Vec<(u16, u16)>> {
        let mut spans = Vec::new();
        let mut at = 0;
        let mut segments = path.split('/');
        for wanted in &self.0 {
            // After the slash before each segment.
            at += segments.next()?.len() + 1;
            let got = segments.clone().next()?;
            match wanted {
                Segment::Text(text) if text == got => {}
                Segment::Text(_) => return None,
                Segment::Parameter(before, after) => {
                    let value = got.strip_prefix(&**before)?.strip_suffix(&**after)?;
                    let start = at + before.len();
                    let span =
                        (u16::try_from(start).ok()?, u16::try_from(start + value.len()).ok()?);
                    spans.push((!value.is_empty()).then_some(span)?);
                }
            }
        }
        Some(spans)
    }

    /// Whether a path is more general than the prefix: in the first segment that differs, the path
    /// has a parameter that matches the segment of the prefix.
    fn is_taken_by(&self, canonical: &str) -> bool {
        let mut others = canonical.split('/').skip(1);
        for own in &self.0 {
            let Some(other) = others.next() else { return false };
            if other.starts_with("{*") {
                return true;
            }
            match (own, Segment::of(other)) {
                (own, other) if *own == other => {}
                (Segment::Text(text), Segment::Parameter(before, after)) => {
                    return text.len() > before.len() + after.len()
                        && text.starts_with(&before)
                        && text.ends_with(&after);
                }
                (Segment::Parameter(..), Segment::Parameter(before, after)) => {
                    return before.is_empty() && after.is_empty();
                }
                (_, Segment::Text(_)) => return false,
            }
        }
        false
    }
}

impl Segment {
    fn of(segment: &str) -> Segment {
        // A literal brace is percent-encoded.
        let parameter = segment
            .split_once('{')
            .and_then(|(before, rest)| Some((before, rest.split_once('}')?.1)));
        match parameter {
            Some((before, after)) => Segment::Parameter(before.to_owned(), after.to_owned()),
            None => Segment::Text(segment.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::of(&Template::parse(text).unwrap())
    }

    #[test]
    fn a_prefix_is_whole_segments() {
        for (text, path, wanted) in [
            ("/api", "/api", Some(&[][..])),
            ("/api", "/api/", Some(&[])),
            ("/api", "/api/x/y", Some(&[])),
            ("/api", "/apis", None),
            ("/api", "/", None),
            ("/", "/x", Some(&[])),
            ("/", "*", Some(&[])),
            ("/a b", "/a%20b/c", Some(&[])),
            ("/{t}/x", "/acme/x/1", Some(&["acme"])),
            ("/{t}/x", "//x/1", None),
            ("/v{major}.{{}}/{id}", "/v12.%7B%7D/7/8", Some(&["12", "7"])),
            ("/v{major}", "/v", None),
        ] {
            let spans = prefix(text).spans(path);
            let values: Option<Vec<&str>> = spans.map(|spans| {
                spans
                    .iter()
                    .map(|&(start, end)| &path[usize::from(start)..usize::from(end)])
                    .collect()
            });
            assert_eq!(values.as_deref(), wanted, "{text} {path}");
        }
    }

    #[test]
    fn a_more_general_path_takes_a_prefix_by_a_parameter() {
        for (text, canonical, wanted) in [
            ("/api", "/{*p0}", true),
            ("/api", "/{p0}/{p1}", true),
            ("/api", "/{p0}", true),
            ("/api", "/a{p0}/x", true),
            ("/api", "/api/{*p0}", false),
            ("/api", "/b{p0}", false),
            ("/api", "/other/{p0}", false),
            ("/api", "/", false),
            ("/{t}", "/users/{p0}", false),
            ("/{t}", "/{*p0}", true),
            ("/{t}/x", "/{p0}/{p1}", true),
            ("/{t}/x", "/{p0}/x/{*p1}", false),
            ("/v{n}", "/{p0}/x", true),
            ("/", "/{*p0}", false),
        ] {
            assert_eq!(prefix(text).is_taken_by(canonical), wanted, "{text} {canonical}");
        }
    }
}
