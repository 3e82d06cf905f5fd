//! Which fields may be trailers.

use http::header::{self, HeaderName};

/// Whether a field may be a trailer. Fields that must be known before the body may not (RFC 9110,
/// 6.5.1): they could otherwise be smuggled in behind it.
pub(crate) fn may_be_trailer(name: &HeaderName) -> bool {
    const NEVER: [HeaderName; 33] = [
        header::AGE,
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONNECTION,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
        header::COOKIE,
        header::DATE,
        header::EXPECT,
        header::EXPIRES,
        header::FORWARDED,
        header::HOST,
        header::IF_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_NONE_MATCH,
        header::IF_RANGE,
        header::IF_UNMODIFIED_SINCE,
        header::LOCATION,
        header::MAX_FORWARDS,
        header::PRAGMA,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::RANGE,
        header::RETRY_AFTER,
        header::SET_COOKIE,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::VARY,
        header::WWW_AUTHENTICATE,
    ];
    let other = name.as_str();
    let never = matches!(other, "keep-alive" | "proxy-connection" | "x-real-ip")
        || other.starts_with("x-forwarded-")
        || NEVER.contains(name);
    !never
}
