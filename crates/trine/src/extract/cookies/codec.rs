//! A cookie as it is written in a header field.

use std::borrow::Cow;

use cookie::Cookie;
use cookie::time::Duration;
use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use trine_core::Problem;

/// The `Set-Cookie` field of a cookie.
///
/// # Errors
/// A 500 if the name is not a token, or the path or domain contains `;` or a line break: they would
/// add attributes of their own.
pub(super) fn to_field(mut cookie: Cookie<'static>) -> Result<HeaderValue, Problem> {
    let refuse = |what: &str| {
        Problem::internal(format!("cookie `{}`: {what}", cookie.name().escape_debug()))
    };
    if !is_token(cookie.name()) {
        return Err(refuse(
            "expected a name of letters, digits and `-_.!#$%&'*+^|~` (RFC 6265 section 4.1.1)",
        ));
    }
    let attributes = [cookie.path(), cookie.domain()];
    if attributes.iter().flatten().any(|text| text.contains([';', '\r', '\n'])) {
        return Err(refuse("expected a path and a domain without `;` or line breaks"));
    }
    cookie.set_value(encode_value(cookie.value()));
    HeaderValue::try_from(cookie.to_string()).map_err(Problem::internal)
}

/// Percent-encodes a cookie value for a header field.
pub(crate) fn encode_value(value: &str) -> String {
    utf8_percent_encode(value, NOT_IN_VALUE).to_string()
}

/// Undoes [`encode_value`]. A value that does not decode to UTF-8 is returned unchanged.
pub(crate) fn decode_value(value: &str) -> Cow<'_, str> {
    percent_decode_str(value).decode_utf8().unwrap_or(Cow::Borrowed(value))
}

// The characters that RFC 6265 section 4.1.1 does not allow in a value, and `%` itself.
const NOT_IN_VALUE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&b))
}

/// Whether the cookie tells the browser to delete it.
pub(super) fn is_removal(cookie: &Cookie<'_>) -> bool {
    cookie.max_age() == Some(Duration::ZERO)
}

/// Whether a browser would store both as one cookie: it keeps one for each name, domain and path
/// (RFC 6265 section 5.3).
pub(super) fn is_same(a: &Cookie<'_>, b: &Cookie<'_>) -> bool {
    (a.name(), a.domain(), a.path()) == (b.name(), b.domain(), b.path())
}
