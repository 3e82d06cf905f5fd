//! The Date header, which is formatted once per second and thread.

use std::cell::Cell;
#[cfg(any(feature = "http2", feature = "http3"))]
use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(any(feature = "http2", feature = "http3"))]
use http::HeaderValue;

thread_local! {
    static NOW: Cell<(u64, Line)> = const { Cell::new((u64::MAX, [0; 37])) };
    #[cfg(any(feature = "http2", feature = "http3"))]
    static VALUE: RefCell<(Line, HeaderValue)> =
        const { RefCell::new(([0; 37], HeaderValue::from_static(""))) };
}

/// The whole header line, which is written into every response.
pub(crate) type Line = [u8; 37];

/// The time of the last [`refresh`], in the format of RFC 9110, 5.6.7.
pub(crate) fn now() -> Line {
    NOW.with(|now| now.get().1)
}

/// The value of the header. It is made once per second and shared.
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) fn value() -> HeaderValue {
    let line = now();
    VALUE.with_borrow_mut(|(made_of, value)| {
        if *made_of != line {
            *made_of = line;
            *value = HeaderValue::from_bytes(&line[6..35]).unwrap_or(HeaderValue::from_static(""));
        }
        value.clone()
    })
}

/// Reads the clock. This is called whenever a connection is polled, so responses that are sent in
/// one poll have the same time.
pub(crate) fn refresh() {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    NOW.with(|now| {
        if now.get().0 != seconds {
            now.set((seconds, format(seconds)));
        }
    });
}

#[cold]
fn format(seconds: u64) -> Line {
    let line =
        format!("date: {}\r\n", httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds)));
    line.as_bytes().try_into().unwrap_or(*b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_known_second() {
        assert_eq!(&super::format(784_111_777), b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
        super::refresh();
        assert!(super::now().ends_with(b" GMT\r\n"));
    }
}
