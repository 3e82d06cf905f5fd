//! The table of the keys of the server.

use std::borrow::Cow;

use super::entry::Entry;
use super::units::{self, Kind};
use super::{Config, ConfigError};

/// Sets the field of an entry. Returns the entry if it can only belong to a section of the
/// application.
pub(super) fn apply(config: &mut Config, entry: Entry) -> Result<Option<Entry>, ConfigError> {
    match KEYS.iter().find(|key| entry.names(key.name)) {
        Some(key) => {
            let value = text_of(key, &entry).into_owned();
            match (key.set)(config, &value) {
                Ok(()) => Ok(None),
                Err(expected) => {
                    Err(ConfigError::value(Entry { value, ..entry }, key.name, expected))
                }
            }
        }
        None if entry.is_of_server() => Err(ConfigError::unknown(&entry, names())),
        None => Ok(Some(entry)),
    }
}

/// The text of a value. For a key that takes a list, its items joined by commas.
fn text_of<'a>(key: &Key, entry: &'a Entry) -> Cow<'a, str> {
    match &entry.items {
        Some(items) if LISTS.contains(&key.name) => items.join(", ").into(),
        _ => entry.value.as_str().into(),
    }
}

/// The names of all keys.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

/// A key of the server.
struct Key {
    name: &'static str,
    /// Sets its field. The error says what was expected.
    set: fn(&mut Config, &str) -> Result<(), &'static str>,
}

fn set<T>(field: &mut T, kind: &Kind<T>, value: &str) -> Result<(), &'static str> {
    *field = (kind.parse)(value).ok_or(kind.expected)?;
    Ok(())
}

macro_rules! keys {
    ($($name:literal => $($field:ident).+: $kind:expr;)*) => {
        &[$(Key { name: $name, set: |config, value| set(&mut config.$($field).+, &$kind, value) }),*]
    };
}

/// The keys that take more than one value.
const LISTS: [&str; 4] = ["acme.contact", "acme.domains", "listeners", "trusted_proxies"];

const KEYS: &[Key] = keys! {
    "address" => server.address: units::ADDRESS;
    "port" => server.port: units::PORT;
    "listeners" => server.listeners: units::LISTENERS;
    "trusted_proxies" => server.trusted_proxies: units::NETWORKS;
    "forwarded_by" => server.forwarded_by: units::FORWARDED_BY;
    "tls_cert" => tls.cert: units::FILE;
    "tls_key" => tls.key: units::FILE;
    "tls_self_signed" => tls.self_signed: units::SWITCH;
    "tls_port" => server.tls_port: units::PORT;
    "tls_http3" => server.tls_http3: units::SWITCH;
    "tls_redirect" => server.tls_redirect: units::PORT_OR_NONE;
    "tls_watch" => server.tls_watch: units::DURATION;
    "workers" => server.workers: units::WORKERS;
    "work_stealing" => work_stealing: units::SWITCH;
    "log_requests" => log_requests: units::LOG_REQUESTS;
    "signals" => server.signals: units::SWITCH;
    "cancel" => server.cancel: units::CANCEL;
    "limits.body" => body_limit: units::BYTES;
    "limits.body_rate" => server.min_body_rate: units::BYTES;
    "limits.write_rate" => server.min_write_rate: units::BYTES;
    "limits.head" => server.max_head_bytes: units::HEAD;
    "limits.headers" => server.max_headers: units::HEADERS;
    "limits.target" => server.max_target_bytes: units::TARGET;
    "limits.trailers" => server.max_trailer_bytes: units::HEAD;
    "limits.chunk_extensions" => server.max_chunk_extension_bytes: units::MEMORY;
    "limits.discard" => server.max_discard_bytes: units::BYTES;
    "limits.gathered" => server.max_gathered_bytes: units::MEMORY;
    "limits.connections" => server.max_connections: units::CONNECTIONS;
    "limits.handshakes" => server.max_handshakes: units::CONNECTIONS;
    "limits.at_capacity" => server.at_capacity: units::AT_CAPACITY;
    "limits.backlog" => server.backlog: units::BACKLOG;
    "http3.max_concurrent_streams" => server.http3.max_concurrent_streams: units::QUIC_STREAMS;
    "http3.max_cancelled" => server.http3.max_cancelled: units::STREAMS;
    "http3.stream_window" => server.http3.stream_window: units::QUIC_WINDOW;
    "http3.connection_window" => server.http3.connection_window: units::QUIC_WINDOW;
    "http3.early_bytes" => server.http3.early_bytes: units::MEMORY;
    "http3.send_window" => server.http3.send_window: units::QUIC_WINDOW;
    "http3.max_unproven" => server.http3.max_unproven: units::UNPROVEN;
    "http3.idle_timeout" => server.http3.idle_timeout: units::IDLE_TIMEOUT;
    "acme.domains" => tls.acme.domains: units::WORDS;
    "acme.contact" => tls.acme.contact: units::WORDS;
    "acme.agree_to_terms" => tls.acme.agree_to_terms: units::SWITCH;
    "acme.cache" => tls.acme.cache: units::FOLDER;
    "acme.directory" => tls.acme.directory: units::TEXT;
    "acme.roots" => tls.acme.roots: units::FILE;
    "acme.challenge" => tls.acme.challenge: units::CHALLENGE;
    "acme.request_timeout" => tls.acme.request_timeout: units::TIMEOUT;
    "acme.max_response_bytes" => tls.acme.max_response_bytes: units::MEMORY;
    "acme.order_timeout" => tls.acme.order_timeout: units::TIMEOUT;
    "acme.poll_interval" => tls.acme.poll_interval: units::TIMEOUT;
    "acme.first_retry" => tls.acme.first_retry: units::TIMEOUT;
    "acme.longest_retry" => tls.acme.longest_retry: units::TIMEOUT;
    "acme.longest_retry_after" => tls.acme.longest_retry_after: units::DURATION;
    "acme.check_interval" => tls.acme.check_interval: units::TIMEOUT;
    "timeouts.handshake" => server.handshake_timeout: units::TIMEOUT;
    "timeouts.head" => server.head_timeout: units::TIMEOUT;
    "timeouts.keep_alive" => server.keep_alive_timeout: units::TIMEOUT;
    "timeouts.body" => server.body_timeout: units::TIMEOUT;
    "timeouts.write" => server.write_timeout: units::TIMEOUT;
    "timeouts.discard" => server.discard_timeout: units::DURATION;
    "timeouts.shutdown" => server.shutdown_timeout: units::DURATION;
    "timeouts.handover" => server.handover_timeout: units::TIMEOUT;
    "http2.enabled" => server.http2.enabled: units::SWITCH;
    "http2.max_concurrent_streams" => server.http2.max_concurrent_streams: units::STREAMS;
    "http2.stream_window" => server.http2.stream_window: units::WINDOW;
    "http2.connection_window" => server.http2.connection_window: units::CONNECTION_WINDOW;
    "http2.early_bytes" => server.http2.early_bytes: units::MEMORY;
    "http2.max_frame_bytes" => server.http2.max_frame_bytes: units::FRAME;
    "http2.header_table_bytes" => server.http2.header_table_bytes: units::TABLE;
    "http2.max_send_buffer" => server.http2.max_send_buffer: units::SEND_BUFFER;
    "http2.max_pending_resets" => server.http2.max_pending_resets: units::COUNT;
    "http2.max_resets" => server.http2.max_resets: units::COUNT32;
    "http2.max_error_resets" => server.http2.max_error_resets: units::COUNT;
    "http2.max_remembered_resets" => server.http2.max_remembered_resets: units::COUNT;
    "http2.data_frame_budget" => server.http2.data_frame_budget: units::MEMORY;
    "http2.max_control_frames" => server.http2.max_control_frames: units::COUNT32;
    "http2.ping_interval" => server.http2.ping_interval: units::TIMEOUT;
    "http2.ping_timeout" => server.http2.ping_timeout: units::TIMEOUT;
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in the documentation names every key with its actual default.
    #[test]
    fn every_key_is_documented_with_its_default() {
        let docs = include_str!("mod.rs");
        for key in KEYS {
            let start = format!("//! | `{}` | `", key.name);
            let row = docs.lines().find_map(|line| line.strip_prefix(start.as_str()));
            let default = row
                .and_then(|row| row.split('`').next())
                .unwrap_or_else(|| panic!("no row {start}"));
            let mut config = Config::default();
            assert_eq!((key.set)(&mut config, default), Ok(()), "{start}{default}");
            assert_eq!(config, Config::default(), "{start}{default}");
        }
    }
}
