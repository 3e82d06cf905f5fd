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
//! | `listeners` | `none` | [`listeners`](ServerConfig::listeners), each a line of text: see [`Listener`](trine_server::Listener) |
//! | `trusted_proxies` | `none` | [`trusted_proxies`](ServerConfig::trusted_proxies) |
//! | `forwarded_by` | `x-forwarded` | [`forwarded_by`](ServerConfig::forwarded_by): `x-forwarded` or `forwarded` |
//! | `tls_cert` | `none` | [`certificate`](ServerConfig::certificate): the file of the chain |
//! | `tls_key` | `none` | [`certificate`](ServerConfig::certificate): the file of the private key |
//! | `tls_self_signed` | `false` | [`certificate`](ServerConfig::certificate): a self-signed one, for development |
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
//! - `tls`: the keys of the certificate, which exclude each other
//! - `units`: sizes and durations in words
//! - `error`: what is wrong with an entry

mod error;
pub(crate) mod field;
mod keys;
mod secret;
mod section;
mod size;
mod source;
mod tls;
mod units;
mod value;

use trine_server::ServerConfig;

pub(crate) use self::error::distance;
pub use self::error::{ConfigError, ConfigErrors, Source};
pub use self::secret::Secret;
use self::section::Sections;
pub use self::section::{Reader, Section, SectionKey};
pub use self::size::Size;
pub use self::value::{FromConfig, Value};

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
    /// The keys that become `server.certificate`.
    tls: tls::TlsKeys,
    sections: Sections,
}

/// When each request is a line of the log, at level INFO and target `trine::request`.
///
/// It has the method, the path, the status, the milliseconds up to the head of the answer, the
/// template of the route, and, of what was refused, why and by which extractor or guard. There is
/// nothing of the query in it, nor of headers and bodies but what the detail of a problem repeats:
/// that is told under the profile `dev` alone, without values of the query.
///
/// What the server refuses before the application gets it, such as a head that is too large, has no
/// line. Where there are none, they cost nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogRequests {
    /// Under the profile `dev`.
    #[default]
    Dev,
    /// Under each profile.
    Always,
    /// Under none.
    Never,
}

impl LogRequests {
    pub(crate) fn applies(self, dev: bool) -> bool {
        self == LogRequests::Always || (self == LogRequests::Dev && dev)
    }
}

/// What kind of use this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Development: error pages say what went wrong where. `TRINE_PROFILE=dev`, or a debug build.
    Dev,
    /// Production: error pages say nothing of the inside. `TRINE_PROFILE=prod`, or a release build.
    Prod,
}

impl Config {
    /// Reads `trine.toml` of the working directory, which may be missing, and the environment.
    ///
    /// Tables and variables that are none of the server's are kept for
    /// [`section`](Config::section). [`App::serve`](crate::App::serve) refuses what no section
    /// took, of this `Config` or of another that this process has loaded before.
    ///
    /// # Errors
    /// All that is wrong, at once, each with its place and what was expected there.
    pub fn load() -> Result<Config, ConfigErrors> {
        without_errors(Config::load_all())
    }

    /// The same with what could be read beside the errors, for the audit, which has more to say.
    pub(crate) fn load_all() -> (Config, Vec<ConfigError>) {
        // `std::env::vars` panics where any variable is not UTF-8, whosever it is.
        let env: Vec<(String, String)> = std::env::vars_os()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect();
        let named = env.iter().any(|(name, _)| name == source::FILE);
        let path = source::file_name(&env);
        let (mut config, errors) = match std::fs::read_to_string(path) {
            Ok(text) => Config::read_all(&text, &env),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => {
                Config::read_all("", &env)
            }
            Err(error) => {
                let unreadable = ConfigError::unreadable(path, named, &error);
                let (mut config, errors) = Config::read_all("", &env);
                config.sections.incomplete = true;
                (config, std::iter::once(unreadable).chain(errors).collect())
            }
        };
        config.sections.loaded = true;
        (config, errors)
    }

    /// Reads the text of a `trine.toml` and an environment, whose variables are heard if they start
    /// with `TRINE_`.
    ///
    /// ```
    /// use trine::config::Config;
    ///
    /// let env = [("TRINE_PORT".to_owned(), "80".to_owned())];
    /// let config = Config::read("port = 8080\nlimits.body = '64KiB'", env)?;
    /// assert_eq!((config.server.port, config.body_limit), (80, 65536));
    ///
    /// let errors = Config::read("[limits]\nbdy = 1", []).unwrap_err();
    /// assert_eq!(errors.to_string(), "trine.toml:2: there is no key `limits.bdy`; did you mean `limits.body`?");
    /// # Ok::<_, trine::config::ConfigErrors>(())
    /// ```
    ///
    /// # Errors
    /// All that is wrong, at once, each with its place and what was expected there.
    pub fn read(
        text: &str,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigErrors> {
        without_errors(Config::read_all(text, &env.into_iter().collect::<Vec<_>>()))
    }

    fn read_all(text: &str, env: &[(String, String)]) -> (Config, Vec<ConfigError>) {
        let mut errors = Vec::new();
        let mut config = Config { profile: source::profile(env, &mut errors), ..Config::default() };
        source::file_name(env).clone_into(&mut config.sections.file);
        let mut unused = config.clone();
        let before = errors.len();
        let entries = source::entries(text, env, config.profile, &mut errors);
        config.sections.incomplete = errors.len() > before;
        for entry in entries {
            let target = if entry.applies { &mut config } else { &mut unused };
            target.tls.record(&entry);
            match keys::apply(target, entry) {
                Ok(of_section) => config.sections.entries.extend(of_section),
                Err(error) => errors.push(error),
            }
        }
        match std::mem::take(&mut config.tls).certificate() {
            Ok(certificate) => config.server.certificate = certificate,
            Err(error) => errors.push(error),
        }
        errors.sort_by_key(ConfigError::order);
        (config, errors)
    }
}

fn without_errors((config, errors): (Config, Vec<ConfigError>)) -> Result<Config, ConfigErrors> {
    if errors.is_empty() { Ok(config) } else { Err(ConfigErrors(errors)) }
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
                file: source::DEFAULT_FILE.to_owned(),
                known: Vec::new(),
                incomplete: false,
                loaded: false,
            },
        }
    }
}

/// Whether a table of this name is one of the server's, or was meant to be.
fn is_of_server(section: &str) -> bool {
    let near = |name| distance(section, name) <= 1;
    section::PROFILES.contains(&section) || section::TABLES.into_iter().any(near)
}

impl Default for Profile {
    fn default() -> Profile {
        if cfg!(debug_assertions) { Profile::Dev } else { Profile::Prod }
    }
}
