//! Where the server listens, how much it puts up with, and sections of your own: `trine.toml`, then
//! the environment, then code.
//!
//! ```toml
//! port = 8000
//!
//! [limits]
//! body = "2MiB"
//!
//! [prod]                      # over the above where TRINE_PROFILE=prod
//! address = "0.0.0.0"
//! timeouts.shutdown = "1m"
//! ```
//!
//! Every key can be said by the environment too, which wins: `TRINE_PORT=80`,
//! `TRINE_LIMITS_BODY=64KiB`.
//!
//! - `TRINE_CONFIG` names another file than the `trine.toml` of the working directory.
//! - `TRINE_PROFILE` is `dev` or `prod`; without it, debug builds are `dev` and release builds
//!   `prod`.
//! - `TRINE_EDITOR` names the editor that the error page of the `dev` profile links to.
//! - `TRINE_LOG` is for the log, `TRINE_AUDIT` and `TRINE_TREE` for
//!   [`App::serve`](crate::App::serve).
//!
//! A size is a number of bytes with or without a unit (`65536`, `64KiB`, `2MB`), a duration is a
//! number with a unit (`250ms`, `10s`, `1m30s`).
//!
//! | key | default | what it is |
//! |---|---|---|
//! | `address` | `127.0.0.1` | [`address`](ServerConfig::address) |
//! | `port` | `8000` | [`port`](ServerConfig::port) |
//! | `listeners` | `none` | [`listeners`](ServerConfig::listeners), each a line of text: see [`Listen`](trine_server::Listen) |
//! | `trusted_proxies` | `none` | [`trusted_proxies`](ServerConfig::trusted_proxies) |
//! | `forwarded_by` | `x-forwarded` | [`forwarded_by`](ServerConfig::forwarded_by): `x-forwarded` or `forwarded` |
//! | `tls_cert` | `none` | [`tls_cert`](ServerConfig::tls_cert) |
//! | `tls_key` | `none` | [`tls_key`](ServerConfig::tls_key) |
//! | `tls_self_signed` | `false` | [`tls_self_signed`](ServerConfig::tls_self_signed) |
//! | `tls_port` | `8443` | [`tls_port`](ServerConfig::tls_port) |
//! | `tls_http3` | `false` | [`tls_http3`](ServerConfig::tls_http3), experimental |
//! | `tls_redirect` | `none` | [`tls_redirect`](ServerConfig::tls_redirect) |
//! | `tls_watch` | `1m` | [`tls_watch`](ServerConfig::tls_watch) |
//! | `workers` | `0` | [`workers`](ServerConfig::workers) |
//! | `work_stealing` | `false` | [`work_stealing`](Config::work_stealing) |
//! | `log_requests` | `dev` | [`log_requests`](Config::log_requests): `dev`, `always` or `never` |
//! | `signals` | `true` | [`signals`](ServerConfig::signals) |
//! | `cancel` | `reset` | [`cancel`](ServerConfig::cancel): `reset`, `fin` or `never` |
//! | `limits.body` | `2MiB` | [`body_limit`](Config::body_limit) |
//! | `limits.body_rate` | `240` | [`min_body_rate`](ServerConfig::min_body_rate), a second |
//! | `limits.write_rate` | `240` | [`min_write_rate`](ServerConfig::min_write_rate), a second |
//! | `limits.head` | `64KiB` | [`max_head_bytes`](ServerConfig::max_head_bytes) |
//! | `limits.headers` | `100` | [`max_headers`](ServerConfig::max_headers) |
//! | `limits.target` | `8KiB` | [`max_target_bytes`](ServerConfig::max_target_bytes) |
//! | `limits.trailers` | `8KiB` | [`max_trailer_bytes`](ServerConfig::max_trailer_bytes) |
//! | `limits.chunk_extensions` | `16KiB` | [`max_chunk_extension_bytes`](ServerConfig::max_chunk_extension_bytes) |
//! | `limits.discard` | `256KiB` | [`max_discard_bytes`](ServerConfig::max_discard_bytes) |
//! | `limits.gathered` | `64KiB` | [`max_gathered_bytes`](ServerConfig::max_gathered_bytes) |
//! | `limits.connections` | `25000` | [`max_connections`](ServerConfig::max_connections) |
//! | `limits.handshakes` | `1000` | [`max_handshakes`](ServerConfig::max_handshakes) |
//! | `limits.at_capacity` | `wait` | [`at_capacity`](ServerConfig::at_capacity): `wait` or `shed` |
//! | `limits.backlog` | `1024` | [`backlog`](ServerConfig::backlog) |
//! | `http3.max_concurrent_streams` | `128` | [`max_concurrent_streams`](trine_server::Http3::max_concurrent_streams) |
//! | `http3.max_cancelled` | `200` | [`max_cancelled`](trine_server::Http3::max_cancelled) |
//! | `http3.stream_window` | `256KiB` | [`stream_window`](trine_server::Http3::stream_window) |
//! | `http3.connection_window` | `1MiB` | [`connection_window`](trine_server::Http3::connection_window) |
//! | `http3.early_bytes` | `16KiB` | [`early_bytes`](trine_server::Http3::early_bytes) |
//! | `http3.send_window` | `1MiB` | [`send_window`](trine_server::Http3::send_window) |
//! | `http3.max_unproven` | `100` | [`max_unproven`](trine_server::Http3::max_unproven) |
//! | `http3.idle_timeout` | `30s` | [`idle_timeout`](trine_server::Http3::idle_timeout) |
//! | `timeouts.handshake` | `10s` | [`handshake_timeout`](ServerConfig::handshake_timeout) |
//! | `timeouts.head` | `10s` | [`head_timeout`](ServerConfig::head_timeout) |
//! | `timeouts.keep_alive` | `1m15s` | [`keep_alive_timeout`](ServerConfig::keep_alive_timeout) |
//! | `timeouts.body` | `30s` | [`body_timeout`](ServerConfig::body_timeout) |
//! | `timeouts.write` | `30s` | [`write_timeout`](ServerConfig::write_timeout) |
//! | `timeouts.discard` | `5s` | [`discard_timeout`](ServerConfig::discard_timeout) |
//! | `timeouts.shutdown` | `30s` | [`shutdown_timeout`](ServerConfig::shutdown_timeout) |
//! | `http2.enabled` | `true` | [`enabled`](trine_server::Http2::enabled) |
//! | `http2.max_concurrent_streams` | `128` | [`max_concurrent_streams`](trine_server::Http2::max_concurrent_streams) |
//! | `http2.stream_window` | `256KiB` | [`stream_window`](trine_server::Http2::stream_window) |
//! | `http2.connection_window` | `1MiB` | [`connection_window`](trine_server::Http2::connection_window) |
//! | `http2.early_bytes` | `16KiB` | [`early_bytes`](trine_server::Http2::early_bytes) |
//! | `http2.max_frame_bytes` | `16KiB` | [`max_frame_bytes`](trine_server::Http2::max_frame_bytes) |
//! | `http2.header_table_bytes` | `4KiB` | [`header_table_bytes`](trine_server::Http2::header_table_bytes) |
//! | `http2.max_send_buffer` | `64KiB` | [`max_send_buffer`](trine_server::Http2::max_send_buffer) |
//! | `http2.max_pending_resets` | `20` | [`max_pending_resets`](trine_server::Http2::max_pending_resets) |
//! | `http2.max_resets` | `1000` | [`max_resets`](trine_server::Http2::max_resets) |
//! | `http2.max_error_resets` | `256` | [`max_error_resets`](trine_server::Http2::max_error_resets) |
//! | `http2.max_remembered_resets` | `64` | [`max_remembered_resets`](trine_server::Http2::max_remembered_resets) |
//! | `http2.data_frame_budget` | `256KiB` | [`data_frame_budget`](trine_server::Http2::data_frame_budget) |
//! | `http2.max_control_frames` | `10000` | [`max_control_frames`](trine_server::Http2::max_control_frames) |
//! | `http2.ping_interval` | `30s` | [`ping_interval`](trine_server::Http2::ping_interval) |
//! | `http2.ping_timeout` | `20s` | [`ping_timeout`](trine_server::Http2::ping_timeout) |
//! | `acme.domains` | `none` | [`domains`](trine_server::Acme#structfield.domains) |
//! | `acme.contact` | `none` | [`contact`](trine_server::Acme#structfield.contact) |
//! | `acme.agree_to_terms` | `false` | [`agree_to_terms`](trine_server::Acme#structfield.agree_to_terms) |
//! | `acme.cache` | `none` | [`cache`](trine_server::Acme#structfield.cache) |
//! | `acme.directory` | `https://acme-v02.api.letsencrypt.org/directory` | [`directory`](trine_server::Acme#structfield.directory) |
//! | `acme.roots` | `none` | [`roots`](trine_server::Acme#structfield.roots) |
//! | `acme.challenge` | `tls-alpn-01` | [`challenge`](trine_server::Acme#structfield.challenge) |
//! | `acme.request_timeout` | `30s` | [`request_timeout`](trine_server::Acme#structfield.request_timeout) |
//! | `acme.max_response_bytes` | `256KiB` | [`max_response_bytes`](trine_server::Acme#structfield.max_response_bytes) |
//! | `acme.order_timeout` | `5m` | [`order_timeout`](trine_server::Acme#structfield.order_timeout) |
//! | `acme.poll_interval` | `1s` | [`poll_interval`](trine_server::Acme#structfield.poll_interval) |
//! | `acme.first_retry` | `3m` | [`first_retry`](trine_server::Acme#structfield.first_retry) |
//! | `acme.longest_retry` | `4h` | [`longest_retry`](trine_server::Acme#structfield.longest_retry) |
//! | `acme.longest_retry_after` | `1d` | [`longest_retry_after`](trine_server::Acme#structfield.longest_retry_after) |
//! | `acme.check_interval` | `6h` | [`check_interval`](trine_server::Acme#structfield.check_interval) |
//! | `timeouts.handover` | `30s` | [`handover_timeout`](ServerConfig::handover_timeout) |
//!
//! A table of another name is a section of the application: see [`Section`].
//!
//! # Layout
//! - `source`: the two sources as one list of entries, each with its place
//! - `keys`: the table of keys, which puts an entry into its field
//! - `section`: the sections of the application; `value`: what can stand in them, with `size` and
//!   `secret`; `field`: what the derive calls
//! - `units`: sizes and durations in words
//! - `error`: what is wrong with an entry

mod entries;
mod entry;
mod error;
pub(crate) mod field;
mod keys;
mod load;
mod location;
mod log_requests;
mod names;
mod profile;
mod secret;
mod section;
mod sections;
mod size;
mod units;
mod value;
mod variables;

use trine_server::ServerConfig;

pub use self::error::{ConfigError, ConfigErrors};
pub use self::location::Location;
pub use self::log_requests::LogRequests;
pub(crate) use self::names::distance;
pub use self::profile::Profile;
pub use self::secret::Secret;
pub use self::section::{Reader, Section, SectionKey};
use self::sections::Sections;
pub use self::size::Size;
pub use self::value::{FromConfig, Value};
pub(crate) use self::variables::{AUDIT, EDITOR, TREE};

/// What can be configured. Every limit and every timeout is finite.
///
/// ```
/// use trine::config::Config;
///
/// let mut config = Config::default();
/// config.server.port = 8080;
/// assert_eq!(config.body_limit, 2 * 1024 * 1024);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Whether this is development or production. `TRINE_PROFILE` says so, else the kind of build.
    pub profile: Profile,
    /// Where the server listens, and all that bounds what a client can ask of it.
    pub server: ServerConfig,
    /// Bytes of a request body, unless the route says otherwise. Past it the client sees 413.
    /// Default: 2 MiB.
    pub body_limit: u64,
    /// Whether connections move between the workers when one has more to do, instead of staying
    /// with the worker that accepted them. Worth it where few connections do much work. Default:
    /// false.
    pub work_stealing: bool,
    /// Whether each request is a line of the log. Default: under the profile `dev`.
    pub log_requests: LogRequests,
    sections: Sections,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            profile: Profile::default(),
            server: ServerConfig { port: 8000, ..ServerConfig::default() },
            body_limit: trine_core::route::DEFAULT_BODY_LIMIT,
            work_stealing: false,
            log_requests: LogRequests::default(),
            sections: Sections {
                entries: Vec::new(),
                file: variables::DEFAULT_FILE.to_owned(),
                known: Vec::new(),
                incomplete: false,
                loaded: false,
            },
        }
    }
}
