//! The identifier by which a server error is found in the log.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Instant;

use http::HeaderValue;

/// 32 lower-case hexadecimal digits: the trace id of the client, or a random one.
pub(crate) fn trace_id(traceparent: Option<&HeaderValue>) -> String {
    traceparent
        .and_then(|value| value.to_str().ok())
        .and_then(of_parent)
        .map_or_else(random, str::to_owned)
}

// W3C Trace Context, section 3.2: version, trace id, parent id and flags. Later versions may append
// fields. Version `ff` and ids that consist of zeros are invalid.
fn of_parent(value: &str) -> Option<&str> {
    let mut fields = value.trim().split('-');
    let (version, id, parent, flags) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let lengths = (version.len(), id.len(), parent.len(), flags.len()) == (2, 32, 16, 2);
    let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let blank = |text: &str| text.bytes().all(|byte| byte == b'0');
    let valid = lengths
        && [version, id, parent, flags].into_iter().all(hex)
        && version != "ff"
        && (version != "00" || fields.next().is_none())
        && !blank(id)
        && !blank(parent);
    valid.then_some(id)
}

// The id has to be unique, not secret: the random keys that the operating system gives to hash
// maps are enough.
fn random() -> String {
    let half = || RandomState::new().hash_one(Instant::now());
    format!("{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn only_the_id_of_a_valid_parent_is_used() {
        for (parent, taken) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            (
                "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
                true,
            ),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false),
            ("<script>", false),
            ("", false),
        ] {
            let id = trace_id(Some(&HeaderValue::from_static(parent)));
            assert_eq!(id == ID, taken, "{parent}");
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        }
        assert_ne!(trace_id(None), trace_id(None));
    }
}
