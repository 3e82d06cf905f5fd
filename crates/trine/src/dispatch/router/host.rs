//! Hosts, such as `api.example.com` or `{tenant}.example.com`, and their routes.

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method, Uri, header};
use trine_core::route::Params;

use super::choice::{Choice, Choices};
use super::index::Destination;
use super::{Found, Router};

/// A host, with one label for each part between two dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// The text of the declaration.
    pub(crate) text: String,
    labels: Vec<Label>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Label {
    /// In lower case.
    Text(String),
    Capture(String),
}

/// The routes of each host. The routes for any host are elsewhere.
#[derive(Default)]
pub(crate) struct Hosts {
    list: Vec<(Host, Router)>,
}

impl Host {
    /// # Errors
    /// Returns a text that says what is wrong and what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Host, String> {
        let mistake = |why: &str| Err(format!("the host `{text}`: {why}"));
        if text.contains(['/', ':']) && !text.starts_with('[') {
            return mistake("write only the name, without scheme, port or path");
        }
        if !text.is_ascii() {
            return mistake("write it as requests contain it, in Punycode: `xn--…`");
        }
        // An IPv6 address is one label.
        let parts: Vec<&str> =
            if text.starts_with('[') { vec![text] } else { text.split('.').collect() };
        let mut labels = Vec::new();
        for part in parts {
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                _ if part.is_empty() => return mistake("a label between two dots is empty"),
                Some(name)
                    if !is_name(name) || labels.contains(&Label::Capture(name.to_owned())) =>
                {
                    return mistake(&format!(
                        "`{part}` is not a valid and unique name of a parameter: write `{{tenant}}`"
                    ));
                }
                Some(name) => labels.push(Label::Capture(name.to_owned())),
                None if part.contains(['{', '}', '*']) => {
                    return mistake(&format!(
                        "`{part}`: a parameter is a whole label, such as `{{tenant}}`"
                    ));
                }
                None => labels.push(Label::Text(part.to_ascii_lowercase())),
            }
        }
        Ok(Host { text: text.to_owned(), labels })
    }

    /// The names of its parameters.
    pub(crate) fn params(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().filter_map(|label| match label {
            Label::Capture(name) => Some(name.as_str()),
            Label::Text(_) => None,
        })
    }

    /// The values of its parameters, if `host` matches. `host` has to be in lower case.
    pub(crate) fn matches<'h>(&self, host: &'h str) -> Option<Vec<&'h str>> {
        // No name that can be resolved has percent-encoded characters. Decoded, a parameter could
        // contain anything, even a dot.
        if host.contains('%') {
            return None;
        }
        let parts: Vec<&str> =
            if host.starts_with('[') { vec![host] } else { host.split('.').collect() };
        if parts.len() != self.labels.len() {
            return None;
        }
        let mut values = Vec::new();
        for (label, part) in self.labels.iter().zip(parts) {
            match label {
                Label::Text(text) if text == part => {}
                Label::Text(_) => return None,
                Label::Capture(_) if part.is_empty() => return None,
                Label::Capture(_) => values.push(part),
            }
        }
        Some(values)
    }

    /// Whether two groups have the same host, or none.
    pub(crate) fn are_same(a: Option<&Host>, b: Option<&Host>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => a.is_same(b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    /// Whether the hosts are the same, regardless of the names of their parameters.
    fn is_same(&self, other: &Host) -> bool {
        self.labels.len() == other.labels.len()
            && self.labels.iter().zip(&other.labels).all(|(a, b)| match (a, b) {
                (Label::Capture(_), Label::Capture(_)) => true,
                (a, b) => a == b,
            })
    }
}

impl Hosts {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The router of a host. Each host has one.
    pub(crate) fn router(&mut self, host: &Host) -> &mut Router {
        let index = match self.list.iter().position(|(known, _)| known.is_same(host)) {
            Some(index) => index,
            None => {
                // Hosts with fewer parameters come first, so that `api.example.com` is not taken
                // for a tenant.
                let index = self
                    .list
                    .partition_point(|(known, _)| known.params().count() <= host.params().count());
                self.list.insert(index, (host.clone(), Router::default()));
                index
            }
        };
        &mut self.list[index].1
    }

    pub(crate) fn routers_mut(&mut self) -> impl Iterator<Item = (&Host, &mut Router)> {
        self.list.iter_mut().map(|(host, router)| (&*host, router))
    }

    /// Finds the route in the routers of the hosts that match, then in `any`. If no route fits, the
    /// result is the refusal of the first router that has the path. `vary` gets the names of the
    /// header fields that decided which router the result comes from.
    #[cold]
    pub(crate) fn find(
        &self,
        any: &Router,
        choices: &Choices,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        vary: &mut Vec<HeaderName>,
    ) -> Found {
        let host = host_of(uri, headers);
        let mut refusal = Found::Nothing;
        for (values, router) in self.matching(any, &host) {
            let Found::Route(destination, params) = router.find(method, uri) else { continue };
            let found = with_values(&values, params)
                .map_or(Found::Nothing, |params| Found::Route(destination, params));
            let choice = choices.get(destination);
            vary.extend(choice.into_iter().flat_map(Choice::vary));
            match choice {
                None if matches!(destination, Destination::Route(_)) => return found,
                Some(choice) if choice.pick(method, headers).is_some() => return found,
                _ if matches!(refusal, Found::Nothing) => refusal = found,
                _ => {}
            }
        }
        refusal
    }

    /// The routers of the hosts that match, in the order of precedence, each with the parameter
    /// values of the host.
    fn matching<'a>(
        &'a self,
        any: &'a Router,
        host: &'a str,
    ) -> impl Iterator<Item = (Vec<&'a str>, &'a Router)> {
        let own = self
            .list
            .iter()
            .filter_map(move |(known, router)| Some((known.matches(host)?, router)));
        own.chain([(Vec::new(), any)])
    }
}

/// Puts the parameter values of the host before those of the path, in a new text.
///
/// `None` if the text would be too long for the spans of the values.
pub(crate) fn with_values(values: &[&str], params: Params) -> Option<Params> {
    if values.is_empty() {
        return Some(params);
    }
    let mut text = String::new();
    let mut spans = Vec::new();
    let path = (0..params.len()).filter_map(|index| params.get(index));
    for value in values.iter().copied().chain(path) {
        text.push('/');
        let (Ok(start), Ok(end)) =
            (u16::try_from(text.len()), u16::try_from(text.len() + value.len()))
        else {
            return None;
        };
        spans.push((start, end));
        text.push_str(value);
    }
    Some(Params::new(PathAndQuery::try_from(text).ok()?, spans))
}

/// The host of a request, in lower case, since case does not matter (RFC 3986, section 6.2.2.1).
pub(crate) fn host_of(uri: &Uri, headers: &HeaderMap) -> String {
    let host = uri.host().or_else(|| host_field(headers)).unwrap_or_default();
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// The host in the `Host` field, without the port.
fn host_field(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let after_address = host.rfind(']').unwrap_or(0);
    Some(host[after_address..].find(':').map_or(host, |colon| &host[..after_address + colon]))
}

fn is_name(name: &str) -> bool {
    let valid = |(at, c): (usize, char)| {
        c == '_' || c.is_ascii_alphabetic() || at > 0 && c.is_ascii_digit()
    };
    !name.is_empty() && name.chars().enumerate().all(valid)
}

#[cfg(test)]
mod tests {
    use super::super::choice::Candidate;
    use super::super::condition::Condition;
    use super::super::index::{ChoiceIndex, RouteIndex};
    use super::*;
    use crate::dispatch::router::template::Template;

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, part) in [
            ("https://example.com", "without scheme, port or path"),
            ("example.com:80", "without scheme, port or path"),
            ("münchen.de", "Punycode"),
            ("a..b", "is empty"),
            ("", "is empty"),
            ("{a}.{a}", "unique name"),
            ("{1}.x", "not a valid"),
            ("x-{a}.y", "a whole label"),
            ("*.example.com", "a whole label"),
        ] {
            let error = Host::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(Host::parse("[::1]").is_ok());
    }

    /// One search also collects the header fields that decided.
    #[test]
    fn one_search_finds_the_route_and_the_deciding_fields() {
        let route = |router: &mut Router, path: &str, conditions: Vec<Condition>, index: usize| {
            let at = Template::parse(path).unwrap();
            let index = RouteIndex::next_of(index);
            assert!(router.insert(&at, Some(Method::GET), conditions.clone(), index).is_ok());
            conditions
        };
        let (mut hosts, mut any) = (Hosts::default(), Router::default());
        let host = Host::parse("{tenant}.example.com").unwrap();
        let version = Condition::Header("x-version".parse().unwrap(), None);
        let conditions = route(hosts.router(&host), "/report", vec![version], 0);
        route(hosts.router(&host), "/own", Vec::new(), 1);
        route(&mut any, "/report", Vec::new(), 2);
        let candidates =
            [Candidate { method: Some(Method::GET), conditions, route: RouteIndex::next_of(0) }]
                .into();
        let choices = Choices(vec![Choice {
            candidates,
            otherwise: Some(RouteIndex::next_of(11)),
            preceding_fallbacks: Vec::new(),
        }]);
        for path in hosts.router(&host).paths_mut().filter(|path| path.canonical() == "/report") {
            path.take_candidates(true);
            path.set_otherwise(Destination::Choice(ChoiceIndex::next_of(0)));
        }
        let choice = Destination::Choice(ChoiceIndex::next_of(0));
        let declared = |index| Destination::Route(RouteIndex::next_of(index));
        for (path, host, version, wanted, names) in [
            ("/report", "a.example.com", "2", choice, &["x-version"][..]),
            ("/report", "a.example.com", "", declared(2), &["x-version"]),
            ("/report", "example.org", "", declared(2), &[]),
            ("/own", "a.example.com", "", declared(1), &[]),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if !version.is_empty() {
                headers.insert("x-version", version.parse().unwrap());
            }
            let mut vary = Vec::new();
            let found = hosts.find(
                &any,
                &choices,
                &Method::GET,
                &path.parse().unwrap(),
                &headers,
                &mut vary,
            );
            assert!(
                matches!(found, Found::Route(found, _) if found == wanted),
                "{path} {host} {version}"
            );
            assert_eq!(vary, names, "{path} {host} {version}");
        }
    }

    #[test]
    fn hosts_match_by_labels_ignoring_case() {
        let host = Host::parse("{tenant}.Example.com").unwrap();
        assert_eq!(host.matches("acme.example.com"), Some(vec!["acme"]));
        for other in [
            "example.com",
            ".example.com",
            "a.b.example.com",
            "a%2eb.example.com",
            "acme.example.org",
            "",
        ] {
            assert_eq!(host.matches(other), None, "{other}");
        }
        assert_eq!(Host::parse("[::1]").unwrap().matches("[::1]"), Some(vec![]));
    }
}
