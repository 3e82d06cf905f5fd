//! The table of keys.

use super::source::Entry;
use super::units::{self, Kind};
use super::{Config, ConfigError};

/// Puts a value where it belongs.
pub(super) fn apply(config: &mut Config, entry: Entry) -> Result<(), ConfigError> {
    match KEYS.iter().find(|key| entry.names(key.name)) {
        Some(key) => {
            (key.set)(config, &entry.value).map_err(|expected| ConfigError::value(entry, key.name, expected))
        }
        None => Err(ConfigError::unknown(entry, KEYS.iter().map(|key| key.name))),
    }
}

/// One key.
struct Key {
    name: &'static str,
    /// Sets its field, or says what was expected.
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

const KEYS: &[Key] = keys! {
    "address" => address: units::ADDRESS;
    "port" => port: units::PORT;
    "workers" => workers: units::WORKERS;
    "signals" => signals: units::SWITCH;
    "limits.body" => limits.body: units::BYTES;
    "limits.head" => limits.head: units::MEMORY;
    "limits.headers" => limits.headers: units::HEADERS;
    "limits.target" => limits.target: units::TARGET;
    "limits.trailers" => limits.trailers: units::MEMORY;
    "limits.chunk_extensions" => limits.chunk_extensions: units::MEMORY;
    "limits.discard" => limits.discard: units::BYTES;
    "limits.gathered" => limits.gathered: units::MEMORY;
    "limits.connections" => limits.connections: units::CONNECTIONS;
    "limits.backlog" => limits.backlog: units::BACKLOG;
    "timeouts.head" => timeouts.head: units::TIMEOUT;
    "timeouts.keep_alive" => timeouts.keep_alive: units::TIMEOUT;
    "timeouts.body" => timeouts.body: units::TIMEOUT;
    "timeouts.write" => timeouts.write: units::TIMEOUT;
    "timeouts.discard" => timeouts.discard: units::DURATION;
    "timeouts.shutdown" => timeouts.shutdown: units::DURATION;
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The docs of the fields are what a reader has; a key that they do not name does not exist for him.
    #[test]
    fn every_key_is_documented() {
        let docs = include_str!("mod.rs");
        for key in KEYS {
            assert!(docs.contains(&format!("    /// `{}`: ", key.name)), "`{}` is not documented", key.name);
        }
    }
}
