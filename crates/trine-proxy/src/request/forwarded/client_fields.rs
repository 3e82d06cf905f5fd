//! The names of the header fields in which some server expects trusted facts about the client. A
//! client could write any of them, so they are removed.

use http::header::{FORWARDED, HeaderMap, HeaderName};
use trine_core::client::ForwardedBy;

/// Removes the fields that describe the client, except for the kind that is believed.
pub(crate) fn remove(headers: &mut HeaderMap, except: Option<ForwardedBy>) {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_client_field(name) && !is_written_by(name, except))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

/// Whether some server believes a field of this name about the client, its connection or the URL
/// that it asked for.
///
/// CGI and its descendants cannot distinguish `_` from `-`: both become `HTTP_X_FORWARDED_FOR`.
fn is_client_field(name: &HeaderName) -> bool {
    let name = name.as_str();
    if !name.contains('_') {
        return is_listed(name);
    }
    is_listed(&name.replace('_', "-"))
}

fn is_written_by(name: &HeaderName, by: Option<ForwardedBy>) -> bool {
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
    // Most names do not begin with `x-`, and are compared with the short list only.
    if let Some(name) = name.strip_prefix("x-") {
        return matches!(
            name,
            // The client's address.
            "forwarded" | "forwarded-for" | "original-for" | "original-forwarded-for" | "real-ip" | "real-port" | "client-ip" | "true-client-ip"
            | "remote-ip" | "remote-addr" | "originating-ip" | "cluster-client-ip" | "proxyuser-ip" | "azure-clientip"
            | "azure-socketip" | "envoy-external-address" | "appengine-user-ip" | "forwarded-by"
            // Its connection.
            | "forwarded-proto" | "forwarded-protocol" | "forwarded-scheme" | "forwarded-ssl" | "forwarded-port" | "scheme"
            | "url-scheme" | "proto" | "original-proto" | "arr-ssl" | "arr-clientcert"
            // The URL that it asked for.
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
        // CGI programs send their own requests through the proxy in `HTTP_PROXY`.
        | "proxy"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remaining(names: &[&'static str], except: Option<ForwardedBy>) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(HeaderName::from_static(name), "first".parse().unwrap());
            headers.append(HeaderName::from_static(name), "second".parse().unwrap());
        }
        remove(&mut headers, except);
        headers.keys().map(|name| name.as_str().to_owned()).collect()
    }

    #[test]
    fn every_spelling_of_a_forwarding_field_is_removed() {
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
        assert_eq!(remaining(&believed, None), Vec::<String>::new());
        let others = [
            "accept",
            "authorization",
            "forwarded-to",
            "my_header",
            "x-forwarded-user",
            "x-request-id",
            "from",
        ];
        assert_eq!(remaining(&others, None), others);
    }

    #[test]
    fn only_one_kind_of_field_of_a_trusted_proxy_is_kept() {
        let names = [
            "forwarded",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded-ssl",
            "true-client-ip",
        ];
        assert_eq!(remaining(&names, Some(ForwardedBy::Forwarded)), ["forwarded"]);
        assert_eq!(remaining(&names, Some(ForwardedBy::XForwarded)), ["x-forwarded-for"]);
    }
}
