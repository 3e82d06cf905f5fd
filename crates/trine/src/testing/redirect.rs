//! Where a redirect leads (RFC 9110 section 15.4).

use http::{Method, StatusCode, Uri};

/// The next request of a redirect.
#[derive(Debug, PartialEq)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) keeps_body: bool,
}

/// The request to which a response redirects; `None` if it does not redirect, or if it redirects to
/// another host.
pub(super) fn hop(
    status: StatusCode,
    location: Option<&str>,
    method: &Method,
    from: &Uri,
    host: &str,
) -> Option<Hop> {
    let keeps_body = match (status.as_u16(), method.as_str()) {
        (307 | 308, _) => true,
        // As browsers do, to avoid sending a form twice.
        (301 | 302, "POST") => false,
        (301 | 302, _) => true,
        (303, _) => false,
        _ => return None,
    };
    let target = resolve(location?, from, host)?;
    let method = match keeps_body || *method == Method::HEAD {
        true => method.clone(),
        false => Method::GET,
    };
    Some(Hop { method, target, keeps_body })
}

/// The target of a `Location` (RFC 3986 section 5.2); `None` for another host, or an invalid
/// target.
fn resolve(location: &str, from: &Uri, host: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let path = match location.split_once("://") {
        Some((_, rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let same = rest[..end].eq_ignore_ascii_case(host);
            return if same { absolute(&rest[end..], from) } else { None };
        }
        None => location,
    };
    match path.strip_prefix("//") {
        Some(_) => None,
        None => absolute(path, from),
    }
}

fn absolute(reference: &str, from: &Uri) -> Option<Uri> {
    let base = from.path();
    let (path, query) =
        reference.split_once('?').map_or((reference, None), |(path, query)| (path, Some(query)));
    let path = match path {
        "" if reference.is_empty() && from.query().is_some() => return Some(from.clone()),
        "" => base.to_owned(),
        path if path.starts_with('/') => without_dots(path),
        path => {
            let folder = &base[..base.rfind('/').map_or(0, |slash| slash + 1)];
            without_dots(&format!("{folder}{path}"))
        }
    };
    query.map_or_else(|| path.clone(), |query| format!("{path}?{query}")).parse().ok()
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        match *part {
            "." | ".." => {
                if *part == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(status: u16, location: &str, method: &Method) -> Option<String> {
        let status = StatusCode::from_u16(status).unwrap();
        let hop = hop(status, Some(location), method, &"/a/b/c?x=1".parse().unwrap(), "localhost")?;
        Some(format!("{} {}{}", hop.method, hop.target, if hop.keeps_body { " +" } else { "" }))
    }

    #[test]
    fn methods_and_bodies() {
        assert_eq!(next(303, "/n", &Method::PUT).unwrap(), "GET /n");
        assert_eq!(next(303, "/n", &Method::HEAD).unwrap(), "HEAD /n");
        assert_eq!(next(302, "/n", &Method::POST).unwrap(), "GET /n");
        assert_eq!(next(301, "/n", &Method::DELETE).unwrap(), "DELETE /n +");
        assert_eq!(next(307, "/n", &Method::POST).unwrap(), "POST /n +");
        assert_eq!(next(200, "/n", &Method::GET), None);
        assert_eq!(next(304, "/n", &Method::GET), None);
    }

    #[test]
    fn targets() {
        let target = |location| {
            next(303, location, &Method::GET).map(|next| next["GET ".len()..].to_owned())
        };
        for (location, expected) in [
            ("/n?y=2#top", "/n?y=2"),
            ("d", "/a/b/d"),
            ("../d", "/a/d"),
            ("../../../d", "/d"),
            ("./", "/a/b/"),
            ("?y", "/a/b/c?y"),
            ("", "/a/b/c?x=1"),
            ("http://LOCALHOST/n", "/n"),
        ] {
            assert_eq!(target(location).as_deref(), Some(expected), "{location}");
        }
        assert_eq!(target("https://elsewhere.example/n"), None);
        assert_eq!(target("//elsewhere.example/n"), None);
        assert_eq!(target("http://localhost.example/n"), None);
    }
}
