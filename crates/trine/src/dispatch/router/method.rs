//! How methods match, and the value of `Allow`.

use http::Method;

/// Whether the route of GET also handles requests with this method, if no route declares it.
///
/// This holds for HEAD, and for a CONNECT that has a path: HTTP/1.1 opens a WebSocket with a GET,
/// and HTTP/2 with such a CONNECT (RFC 8441, section 4). A CONNECT for a tunnel has no path and
/// matches no route.
pub(crate) fn is_kind_of_get(method: &Method) -> bool {
    method == Method::HEAD || method == Method::CONNECT
}

/// The value of `Allow`: the methods in the order of declaration. GET implies HEAD, and OPTIONS is
/// always allowed.
pub(crate) fn allow<'m>(methods: impl Iterator<Item = &'m Method>) -> String {
    let mut allow: Vec<&str> = Vec::new();
    let with_head = methods.flat_map(|method| match *method == Method::GET {
        true => [method.as_str(), "HEAD"],
        false => [method.as_str(), method.as_str()],
    });
    for method in with_head.chain(["OPTIONS"]) {
        if !allow.contains(&method) {
            allow.push(method);
        }
    }
    allow.join(", ")
}
