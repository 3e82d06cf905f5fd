//! The names under which a request tells of its client: whoever it passes by is believed there by somebody.

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

/// Whether some server takes the field of this name for the truth about the client, its connection or the URL it asked for.
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
    matches!(
        name,
        // The client's address.
        "forwarded" | "forwarded-for" | "x-forwarded" | "x-forwarded-for" | "x-original-forwarded-for"
        | "x-real-ip" | "x-real-port" | "client-ip" | "x-client-ip" | "true-client-ip" | "x-true-client-ip"
        | "x-remote-ip" | "x-remote-addr" | "remote-addr" | "x-originating-ip" | "x-cluster-client-ip" | "x-proxyuser-ip"
        | "cf-connecting-ip" | "cf-connecting-ipv6" | "cf-pseudo-ipv4" | "fastly-client-ip" | "fly-client-ip"
        | "x-azure-clientip" | "x-azure-socketip" | "x-envoy-external-address" | "x-appengine-user-ip" | "x-forwarded-by"
        // How it is connected.
        | "x-forwarded-proto" | "x-forwarded-protocol" | "x-forwarded-scheme" | "x-forwarded-ssl" | "x-forwarded-port"
        | "x-scheme" | "x-url-scheme" | "x-proto" | "front-end-https" | "cf-visitor" | "cloudfront-forwarded-proto"
        // What it asked for.
        | "x-forwarded-host" | "x-forwarded-server" | "x-host" | "x-original-host" | "x-http-host-override"
        | "x-forwarded-uri" | "x-forwarded-path" | "x-forwarded-prefix" | "x-forwarded-method" | "x-script-name"
        | "x-original-url" | "x-original-uri" | "x-original-method" | "x-rewrite-url" | "x-envoy-original-path"
        | "x-envoy-original-host"
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
        let names = ["forwarded", "x-forwarded-for", "x_forwarded_for", "x-forwarded-ssl", "true-client-ip"];
        assert_eq!(left(&names, Some(ForwardedBy::Forwarded)), ["forwarded"]);
        assert_eq!(left(&names, Some(ForwardedBy::XForwarded)), ["x-forwarded-for"]);
    }
}
