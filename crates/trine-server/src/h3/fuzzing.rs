//! The fuzz targets of HTTP/3: request streams, control streams, and the fields of a head.

mod read;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Version};

use self::read::{self as h3, HEAD, Pair};
use crate::h1::codec::framing::Length;
use crate::h1::codec::head;
use crate::h1::fuzzing::{LOOSE, pieces, target};

/// A request stream has the same content however it is split, buffers no more than a head, and
/// yields no more bytes than were sent.
///
/// The first byte determines how the rest is split.
pub fn h3_stream(bytes: &[u8]) {
    let Some((seed, bytes)) = bytes.split_first() else { return };
    let content = h3::stream(&[bytes]);
    assert_eq!(h3::stream(&pieces(bytes, *seed)), content, "{}", bytes.escape_ascii());
    let len = |section: &Option<Bytes>| section.as_ref().map_or(0, Bytes::len);
    assert!(len(&content.head) + content.data.len() + len(&content.trailers) <= bytes.len());
    assert!(len(&content.head) <= HEAD);
    assert!(content.head.is_some() || content.data.is_empty() && content.trailers.is_none());
    if let Some(head) = content.head {
        request(head);
    }
}

/// Control streams are accepted or refused, however they are split.
///
/// The first byte determines how the rest is split.
pub fn h3_control(bytes: &[u8]) {
    let Some((seed, bytes)) = bytes.split_first() else { return };
    assert_eq!(
        h3::control(&pieces(bytes, *seed)),
        h3::control(&[bytes]),
        "{}",
        bytes.escape_ascii()
    );
}

/// Decodes the bytes as the fields of a head and of trailers. HTTP/1 would accept the same fields
/// and understand them in the same way.
pub fn h3_request(bytes: &[u8]) {
    request(Bytes::copy_from_slice(bytes));
    let Some(trailers) = h3::trailers(Bytes::copy_from_slice(bytes)) else { return };
    fields(&trailers);
    for name in ["content-length", "host", "transfer-encoding", "authorization"] {
        assert!(!trailers.contains_key(name), "{name} is a trailer");
    }
}

fn request(section: Bytes) {
    let Some(list) = h3::fields(section.clone()) else { return };
    let size: usize = list.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
    assert!(size <= HEAD, "{size} bytes of fields");
    assert_round_trip(&list);
    let Some((request, length)) = h3::read(section) else { return };
    assert_eq!(request.version(), Version::HTTP_3);
    fields(request.headers());
    target(request.uri(), request.method());
    assert!(matches!(request.uri().scheme_str(), Some("http" | "https")));
    let authority = request.uri().authority().expect("a request without a host").as_str();
    assert_eq!(request.headers().get_all("host").iter().collect::<Vec<_>>(), [authority]);

    // An HTTP/1 server behind us would read the same request.
    let target = request.uri().path_and_query().expect("a request without a path");
    let mut text = format!("{} {target} HTTP/1.1\r\n", request.method()).into_bytes();
    for (name, value) in request.headers() {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    text.extend(b"\r\n");
    let mut input = BytesMut::from(&*text);
    let same = head::read(&mut input, &LOOSE).expect("HTTP/1 refuses it").expect("whole");
    assert!(input.is_empty(), "HTTP/1 sees two requests");
    assert_eq!(same.request.method(), request.method());
    assert_eq!(same.request.uri().path_and_query(), Some(target));
    assert_eq!(same.request.headers(), request.headers());
    assert_eq!(same.framing.length, Length::Sized(length.unwrap_or(0)));
}

/// Encoding the fields and decoding them again yields the same fields.
fn assert_round_trip(list: &[Pair]) {
    if let Some(section) = h3::encoded(list) {
        assert_eq!(h3::fields(section.clone()).as_deref(), Some(list));
        let content = h3::stream(&[&h3::framed(&section)]);
        assert!(content.too_large || content.head == Some(section));
    }
}

fn fields(headers: &HeaderMap) {
    for (name, value) in headers {
        assert!(
            !name.as_str().starts_with(':')
                && !name.as_str().bytes().any(|byte| byte.is_ascii_uppercase())
        );
        assert!(
            !value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
            "{value:?}"
        );
        assert!(!matches!(
            name.as_str(),
            "connection" | "transfer-encoding" | "upgrade" | "keep-alive"
        ));
    }
    assert!(headers.get_all("content-length").iter().count() <= 1);
}
