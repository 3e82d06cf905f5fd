//! The header field `Via`.

use http::Version;
use http::header::{HeaderMap, HeaderValue, VIA};

use super::line::{self, append};

/// The element of this proxy in `Via`, for each version of HTTP (RFC 9110, 7.6.3).
#[derive(Debug, Clone)]
pub(crate) struct Via {
    http10: HeaderValue,
    http11: HeaderValue,
    http2: HeaderValue,
    http3: HeaderValue,
}

impl Via {
    /// `None` if the name cannot be part of a header field.
    pub(crate) fn new(name: &str) -> Option<Via> {
        let element = |version: &str| HeaderValue::try_from(format!("{version} {name}")).ok();
        Some(Via {
            http10: element("1.0")?,
            http11: element("1.1")?,
            http2: element("2")?,
            http3: element("3")?,
        })
    }

    /// Appends the element of this proxy, for a request that was received in this version.
    pub(crate) fn append_to(&self, headers: &mut HeaderMap, version: Version) {
        let element = match version {
            Version::HTTP_10 => &self.http10,
            Version::HTTP_2 => &self.http2,
            Version::HTTP_3 => &self.http3,
            _ => &self.http11,
        };
        append(headers, VIA, element, line::via);
    }
}
