//! The configuration: where the server listens, its limits and timeouts, and your own sections.
//!
//! It comes from a file, `trine.toml`, and from the environment. An [`App`](crate::App) without a
//! [`Config`] loads both when it serves.
//!
//! ```toml
//! port = 8000
//!
//! [limits]
//! body = "2MiB"
//!
//! [prod]                      # wins over the above if the profile is `prod`
//! address = "0.0.0.0"
//! timeouts.shutdown = "1m"
//! ```
//!
//! The environment can set every key and wins over the file: `TRINE_PORT=80`,
//! `TRINE_LIMITS_BODY=64KiB`. A few variables are not keys:
//!
//! - `TRINE_CONFIG` names a file other than the `trine.toml` in the working directory.
//! - `TRINE_PROFILE` sets the profile, `dev` or `prod`. The default is `dev` for debug builds and
//!   `prod` for release builds.
//! - `TRINE_EDITOR` names the editor to which the error page of the profile `dev` links.
//! - `TRINE_LOG` sets the level of the log.
//! - `TRINE_AUDIT` and `TRINE_TREE` make [`App::serve`](crate::App::serve) print its audit or its
//!   tree.
//!
//! A size is a number of bytes, with or without a unit: `65536`, `64KiB`, `2MB`. A duration always
//! has a unit: `250ms`, `10s`, `1m30s`. `none` stands for no value, or for an empty list.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `address` | `127.0.0.1` | IP address to listen on: [`address`](ServerConfig::address) |
//! | `port` | `8000` | TCP port to listen on; 0 for any free one: [`port`](ServerConfig::port) |
//! | `listeners` | `none` | further listeners, each as one text, see [`Listener`](trine_server::Listener): [`listeners`](ServerConfig::listeners) |
//! | `trusted_proxies` | `none` | networks whose forwarding headers are believed: [`trusted_proxies`](ServerConfig::trusted_proxies) |
//! | `forwarded_by` | `x-forwarded` | header that the trusted proxies set: `x-forwarded` or `forwarded`: [`forwarded_by`](ServerConfig::forwarded_by) |
//! | `tls_cert` | `none` | file with the certificate chain, PEM: [`certificate`](ServerConfig::certificate) |
//! | `tls_key` | `none` | file with the private key, PEM: [`certificate`](ServerConfig::certificate) |
//! | `tls_self_signed` | `false` | whether to make a certificate for development: [`certificate`](ServerConfig::certificate) |
//! | `tls_port` | `8443` | TCP port for HTTPS: [`tls_port`](ServerConfig::tls_port) |
//! | `tls_http3` | `false` | whether to serve HTTP/3 beside HTTPS; experimental: [`tls_http3`](ServerConfig::tls_http3) |
//! | `tls_redirect` | `none` | TCP port that redirects HTTP to HTTPS: [`tls_redirect`](ServerConfig::tls_redirect) |
//! | `tls_watch` | `1m` | interval at which changed certificate files are noticed: [`tls_watch`](ServerConfig::tls_watch) |
//! | `workers` | `0` | number of worker threads; 0 for one per core: [`workers`](ServerConfig::workers) |
//! | `work_stealing` | `false` | whether idle workers take over connections of busy ones: [`work_stealing`](Config::work_stealing) |
//! | `log_requests` | `dev` | when each request is logged: `dev`, `always` or `never`: [`log_requests`](Config::log_requests) |
//! | `signals` | `true` | whether SIGTERM and ctrl-c shut the server down: [`signals`](ServerConfig::signals) |
//! | `cancel` | `reset` | when a client that is gone cancels its handler: `reset`, `fin` or `never`: [`cancel`](ServerConfig::cancel) |
//! | `limits.body` | `2MiB` | maximum size of a request body: [`body_limit`](Config::body_limit) |
//! | `limits.body_rate` | `240` | minimum rate of a request body, per second: [`min_body_rate`](ServerConfig::min_body_rate) |
//! | `limits.write_rate` | `240` | minimum rate at which a client reads its response, per second: [`min_write_rate`](ServerConfig::min_write_rate) |
//! | `limits.head` | `64KiB` | maximum size of a request head: [`max_head_bytes`](ServerConfig::max_head_bytes) |
//! | `limits.headers` | `100` | maximum number of header fields of a request: [`max_headers`](ServerConfig::max_headers) |
//! | `limits.target` | `8KiB` | maximum length of a request target: [`max_target_bytes`](ServerConfig::max_target_bytes) |
//! | `limits.trailers` | `8KiB` | maximum size of the trailers of a request: [`max_trailer_bytes`](ServerConfig::max_trailer_bytes) |
//! | `limits.chunk_extensions` | `16KiB` | maximum size of all chunk extensions of a request: [`max_chunk_extension_bytes`](ServerConfig::max_chunk_extension_bytes) |
//! | `limits.discard` | `256KiB` | maximum size of an unread request body that is discarded to keep the connection: [`max_discard_bytes`](ServerConfig::max_discard_bytes) |
//! | `limits.gathered` | `64KiB` | maximum size of pipelined responses in one write: [`max_gathered_bytes`](ServerConfig::max_gathered_bytes) |
//! | `limits.connections` | `25000` | maximum number of connections: [`max_connections`](ServerConfig::max_connections) |
//! | `limits.handshakes` | `1000` | maximum number of concurrent TLS handshakes per listener: [`max_handshakes`](ServerConfig::max_handshakes) |
//! | `limits.at_capacity` | `wait` | what happens to a connection above the maximum: `wait` or `shed`: [`at_capacity`](ServerConfig::at_capacity) |
//! | `limits.backlog` | `1024` | length of the queue of connections that are not accepted yet: [`backlog`](ServerConfig::backlog) |
//! | `http3.max_concurrent_streams` | `128` | maximum number of concurrent requests per connection: [`max_concurrent_streams`](trine_server::Http3::max_concurrent_streams) |
//! | `http3.max_cancelled` | `200` | maximum number of requests that a client cancels or that break the rules: [`max_cancelled`](trine_server::Http3::max_cancelled) |
//! | `http3.stream_window` | `256KiB` | flow-control window of a stream: [`stream_window`](trine_server::Http3::stream_window) |
//! | `http3.connection_window` | `1MiB` | flow-control window of a connection: [`connection_window`](trine_server::Http3::connection_window) |
//! | `http3.early_bytes` | `16KiB` | bytes of each request body that are received before the handler reads: [`early_bytes`](trine_server::Http3::early_bytes) |
//! | `http3.send_window` | `1MiB` | maximum size of unacknowledged responses per connection: [`send_window`](trine_server::Http3::send_window) |
//! | `http3.max_unproven` | `100` | number of concurrent handshakes above which clients must prove their address: [`max_unproven`](trine_server::Http3::max_unproven) |
//! | `http3.idle_timeout` | `30s` | idle timeout of a connection: [`idle_timeout`](trine_server::Http3::idle_timeout) |
//! | `timeouts.handshake` | `10s` | maximum time for a TLS handshake: [`handshake_timeout`](ServerConfig::handshake_timeout) |
//! | `timeouts.head` | `10s` | maximum time for a request head: [`head_timeout`](ServerConfig::head_timeout) |
//! | `timeouts.keep_alive` | `1m15s` | idle timeout between two requests: [`keep_alive_timeout`](ServerConfig::keep_alive_timeout) |
//! | `timeouts.body` | `30s` | maximum time to wait for more of a request body: [`body_timeout`](ServerConfig::body_timeout) |
//! | `timeouts.write` | `30s` | maximum time to wait for a client that does not read: [`write_timeout`](ServerConfig::write_timeout) |
//! | `timeouts.discard` | `5s` | maximum time to discard an unread request body: [`discard_timeout`](ServerConfig::discard_timeout) |
//! | `timeouts.shutdown` | `30s` | maximum time of a graceful shutdown: [`shutdown_timeout`](ServerConfig::shutdown_timeout) |
//! | `http2.enabled` | `true` | whether to serve HTTP/2: [`enabled`](trine_server::Http2::enabled) |
//! | `http2.max_concurrent_streams` | `128` | maximum number of concurrent requests per connection: [`max_concurrent_streams`](trine_server::Http2::max_concurrent_streams) |
//! | `http2.stream_window` | `256KiB` | flow-control window of a stream: [`stream_window`](trine_server::Http2::stream_window) |
//! | `http2.connection_window` | `1MiB` | flow-control window of a connection: [`connection_window`](trine_server::Http2::connection_window) |
//! | `http2.early_bytes` | `16KiB` | bytes of each request body that are received before the handler reads: [`early_bytes`](trine_server::Http2::early_bytes) |
//! | `http2.max_frame_bytes` | `16KiB` | maximum size of a frame: [`max_frame_bytes`](trine_server::Http2::max_frame_bytes) |
//! | `http2.header_table_bytes` | `4KiB` | size of the header compression table: [`header_table_bytes`](trine_server::Http2::header_table_bytes) |
//! | `http2.max_send_buffer` | `64KiB` | maximum size of the send buffer of a stream: [`max_send_buffer`](trine_server::Http2::max_send_buffer) |
//! | `http2.max_pending_resets` | `20` | maximum number of reset streams that the application has not seen yet: [`max_pending_resets`](trine_server::Http2::max_pending_resets) |
//! | `http2.max_resets` | `1000` | maximum number of streams that a client resets in ten seconds: [`max_resets`](trine_server::Http2::max_resets) |
//! | `http2.max_error_resets` | `256` | maximum number of streams per connection that break the rules: [`max_error_resets`](trine_server::Http2::max_error_resets) |
//! | `http2.max_remembered_resets` | `64` | number of reset streams that are remembered: [`max_remembered_resets`](trine_server::Http2::max_remembered_resets) |
//! | `http2.data_frame_budget` | `256KiB` | budget for the overhead of small DATA frames: [`data_frame_budget`](trine_server::Http2::data_frame_budget) |
//! | `http2.max_control_frames` | `10000` | maximum number of frames without progress in ten seconds: [`max_control_frames`](trine_server::Http2::max_control_frames) |
//! | `http2.ping_interval` | `30s` | interval of PING frames on a silent connection: [`ping_interval`](trine_server::Http2::ping_interval) |
//! | `http2.ping_timeout` | `20s` | maximum time to wait for the answer to a PING: [`ping_timeout`](trine_server::Http2::ping_timeout) |
//! | `acme.domains` | `none` | domains to get certificates for: [`domains`](trine_server::Acme#structfield.domains) |
//! | `acme.contact` | `none` | contact addresses of the account: [`contact`](trine_server::Acme#structfield.contact) |
//! | `acme.agree_to_terms` | `false` | whether you agree to the authority's terms of service: [`agree_to_terms`](trine_server::Acme#structfield.agree_to_terms) |
//! | `acme.cache` | `none` | folder for the account and the certificates: [`cache`](trine_server::Acme#structfield.cache) |
//! | `acme.directory` | `https://acme-v02.api.letsencrypt.org/directory` | URL of the authority: [`directory`](trine_server::Acme#structfield.directory) |
//! | `acme.roots` | `none` | file with the root certificates that the authority's own certificate is checked against: [`roots`](trine_server::Acme#structfield.roots) |
//! | `acme.challenge` | `tls-alpn-01` | how control of a domain is proved: `tls-alpn-01` or `http-01`: [`challenge`](trine_server::Acme#structfield.challenge) |
//! | `acme.request_timeout` | `30s` | timeout of a request to the authority: [`request_timeout`](trine_server::Acme#structfield.request_timeout) |
//! | `acme.max_response_bytes` | `256KiB` | maximum size of a response of the authority: [`max_response_bytes`](trine_server::Acme#structfield.max_response_bytes) |
//! | `acme.order_timeout` | `5m` | maximum time for one certificate: [`order_timeout`](trine_server::Acme#structfield.order_timeout) |
//! | `acme.poll_interval` | `1s` | interval at which an order is polled: [`poll_interval`](trine_server::Acme#structfield.poll_interval) |
//! | `acme.first_retry` | `3m` | delay after the first failure: [`first_retry`](trine_server::Acme#structfield.first_retry) |
//! | `acme.longest_retry` | `4h` | maximum delay between retries: [`longest_retry`](trine_server::Acme#structfield.longest_retry) |
//! | `acme.longest_retry_after` | `1d` | maximum delay that the authority may ask for: [`longest_retry_after`](trine_server::Acme#structfield.longest_retry_after) |
//! | `acme.check_interval` | `6h` | interval at which certificates are checked for renewal: [`check_interval`](trine_server::Acme#structfield.check_interval) |
//! | `timeouts.handover` | `30s` | maximum time for a new process to take over: [`handover_timeout`](ServerConfig::handover_timeout) |
//!
//! Every other table is a section of the application: see [`Config::section`].
//!
//! # Layout
//! - `load`: from the file and the environment to a [`Config`]
//! - `entries` and `entry`: the file and the environment as one list, each value with its
//!   `location`
//! - `keys`: the keys of the server, which set the fields of [`Config`]; `units`: sizes, durations
//! - `tls`: the keys of the certificate, which exclude one another
//! - `section` and `sections`: the sections of the application; `value`, `size`, `secret`: the
//!   types of their keys; `field`: what the derive calls
//! - `profile`, `log_requests`: types of fields of [`Config`]
//! - `error`: a mistake; `names`: which names are taken, and how near a misspelling is
//! - `variables`: the variables of the environment

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
mod tls;
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

/// The configuration of an application. Every limit and every timeout is finite.
///
/// ```
/// use trine::config::Config;
/// use trine::prelude::*;
///
/// let mut config = Config::default();
/// config.server.port = 8080;
/// assert_eq!(config.body_limit, 2 * 1024 * 1024);
/// let app = App::new().config(config);
/// ```
///
/// The [module](self) lists the keys of `trine.toml` and of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Development or production. Default: `dev` for debug builds, `prod` for release builds.
    pub profile: Profile,
    /// The configuration of the server: listeners, limits and timeouts.
    pub server: ServerConfig,
    /// The maximum size of a request body in bytes, unless the route sets its own. A larger body is
    /// answered with 413. Default: 2 MiB.
    pub body_limit: u64,
    /// Whether idle workers take over connections of busy ones. Otherwise a connection stays with
    /// the worker that accepted it. Work stealing helps if few connections do most of the work.
    /// Default: false.
    pub work_stealing: bool,
    /// When each request is logged. Default: under the profile `dev`.
    pub log_requests: LogRequests,
    /// The keys that become `server.certificate`.
    tls: tls::TlsKeys,
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
            tls: tls::TlsKeys::default(),
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
