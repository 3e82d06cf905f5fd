//! The names under which a request tells of its client: whoever it passes by is believed there by
//! somebody.

use http::header::{FORWARDED, HeaderMap, HeaderName};
use trine_server::ForwardedBy;

/// Takes out what tells of clients, but for the kind that is believed.
pub(crate) fn drop_all(headers: &mut HeaderMap, but: Option<ForwardedBy>) {
    let told: Vec<HeaderName> =
        headers.keys().filter(|name| tells(name) && !is_of(name, but)).cloned().collect();
    for name in told {
        headers.remove(name);
    }
}

/// Whether some server takes the field of this name for the truth about the client, its connection
/// or the URL it asked for.
///
/// CGI and what descends from it cannot tell `_` from `-`: to them both are `HTTP_X_FORWARDED_FOR`.
fn tells(name: &HeaderName) -> bool {
    let name = name.as_str();
    if !name.contains('_') {
        return is_listed(name);
    }
    is_listed(&name.replace('_', "-"))
}

fn is_of(name: &HeaderName, by: Option<ForwardedBy>) -> bool {
    match by {
        None => false,
        Some(ForwardedBy::Forwarded) => *name == FORWARDED,
        Some(ForwardedBy::XForwarded) => {
            matches!(name.as_str(), "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto")
        }
    }
}

#[rustfmt::skip]
fn is_listed(name: &str) -> bool {
    // Most fields are none of the first kind, and then done with a few looks.
    if let Some(name) = name.strip_prefix("x-") {
        return matches!(
            name,
            // The client's address.
            "forwarded" | "forwarded-for" | "original-for" | "original-forwarded-for" | "real-ip" | "real-port" | "client-ip" | "true-client-ip"
            | "remote-ip" | "remote-addr" | "originating-ip" | "cluster-client-ip" | "proxyuser-ip" | "azure-clientip"
            | "azure-socketip" | "envoy-external-address" | "appengine-user-ip" | "forwarded-by"
            // How it is connected.
            | "forwarded-proto" | "forwarded-protocol" | "forwarded-scheme" | "forwarded-ssl" | "forwarded-port" | "scheme"
            | "url-scheme" | "proto" | "original-proto" | "arr-ssl" | "arr-clientcert"
            // What it asked for.
            | "forwarded-host" | "forwarded-server" | "host" | "original-host" | "http-host-override" | "forwarded-uri"
            | "forwarded-path" | "forwarded-prefix" | "forwarded-method" | "script-name" | "original-url" | "original-uri"
            | "original-method" | "rewrite-url" | "envoy-original-path" | "envoy-original-host"
        );
    }
    matches!(
        name,
        "forwarded" | "forwarded-for" | "client-ip" | "true-client-ip" | "remote-addr" | "cf-connecting-ip"
        | "cf-connecting-ipv6" | "cf-pseudo-ipv4" | "cf-visitor" | "fastly-client-ip" | "fly-client-ip"
        | "cloudfront-forwarded-proto" | "front-end-https" | "proxy-client-ip" | "wl-proxy-client-ip" | "wl-proxy-client-port"
        | "wl-proxy-client-cert" | "wl-proxy-ssl" | "http-client-ip" | "http-x-forwarded-for" | "http-forwarded"
        // As a variable of CGI it is the proxy that programs send their own requests through.
        | "proxy"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(names: &[&'static str], but: Option<ForwardedBy>) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(HeaderName::from_static(name), "a lie".parse().unwrap());
            headers.append(HeaderName::from_static(name), "another".parse().unwrap());
        }
        drop_all(&mut headers, but);
        headers.keys().map(|name| name.as_str().to_owned()).collect()
    }

    #[test]
    fn names_that_some_server_believes_are_known_however_they_are_spelt() {
        let believed = [
            "forwarded",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded_for",
            "x_forwarded_proto",
            "x-forwarded-ssl",
            "true-client-ip",
            "true_client_ip",
            "x-original-url",
            "x-rewrite-url",
            "x_rewrite_url",
            "x-real-ip",
            "cf-connecting-ip",
            "front-end-https",
            "wl-proxy-client-ip",
            "http_client_ip",
            "x-arr-ssl",
            "x-original-for",
            "proxy",
        ];
        assert_eq!(left(&believed, None), Vec::<String>::new());
        let others = [
            "accept",
            "authorization",
            "forwarded-to",
            "my_header",
            "x-forwarded-user",
            "x-request-id",
            "from",
        ];
        assert_eq!(left(&others, None), others);
    }

    #[test]
    fn of_a_trusted_proxy_one_kind_is_left_and_only_in_its_own_spelling() {
        let names = [
            "forwarded",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded-ssl",
            "true-client-ip",
        ];
        assert_eq!(left(&names, Some(ForwardedBy::Forwarded)), ["forwarded"]);
        assert_eq!(left(&names, Some(ForwardedBy::XForwarded)), ["x-forwarded-for"]);
    }
}
