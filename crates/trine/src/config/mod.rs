//! Where the server listens and how much it puts up with: `trine.toml`, then the environment, then code.
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
//! Every key can be said by the environment too, which wins: `TRINE_PORT=80`, `TRINE_LIMITS_BODY=64KiB`.
//!
//! - `TRINE_CONFIG` names another file than the `trine.toml` of the working directory.
//! - `TRINE_PROFILE` is `dev` or `prod`; without it, debug builds are `dev` and release builds `prod`.
//!
//! A size is a number of bytes with or without a unit (`65536`, `64KiB`, `2MB`), a duration is a number with a unit
//! (`250ms`, `10s`, `1m30s`). The keys are the fields of [`Config`].
//!
//! # Layout
//! - `source`: the two sources as one list of entries, each with its place
//! - `keys`: the table of keys, which puts an entry into its field
//! - `units`: sizes and durations in words
//! - `error`: what is wrong with an entry

mod error;
mod keys;
mod source;
mod units;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

pub use self::error::{ConfigError, ConfigErrors, Source};

/// What can be configured. Every limit and every timeout is finite.
///
/// ```
/// use trine::config::Config;
///
/// let config = Config { port: 8080, ..Config::default() };
/// assert_eq!(config.limits.body, 2 * 1024 * 1024);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Whether this is development or production. `TRINE_PROFILE` says so, else the kind of build.
    pub profile: Profile,
    /// `address`: where to listen. Default: `127.0.0.1`, which other machines do not reach.
    pub address: IpAddr,
    /// `port`: where to listen; 0 takes any free one. Default: 8000.
    pub port: u16,
    /// `workers`: how many threads serve connections; 0 is one per core. Default: 0.
    pub workers: usize,
    /// `signals`: whether SIGTERM and ctrl-c stop the server, requests in flight first. Default: true.
    pub signals: bool,
    /// `limits`: how much a client may send and hold.
    pub limits: Limits,
    /// `timeouts`: how long a client may take.
    pub timeouts: Timeouts,
}

/// How much a client may send and hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `limits.body`: bytes of a request body, unless the route says otherwise. Past it: 413. Default: 2 MiB.
    pub body: u64,
    /// `limits.head`: bytes of a request head. Past it: 431. Default: 64 KiB.
    pub head: usize,
    /// `limits.headers`: header fields of a request, and of its trailers; up to 256. Past it: 431. Default: 100.
    pub headers: usize,
    /// `limits.target`: bytes of a request target; up to 65534. Past it: 414. Default: 8 KiB.
    pub target: usize,
    /// `limits.trailers`: bytes of the trailers of a chunked body. Past it: 400. Default: 8 KiB.
    pub trailers: usize,
    /// `limits.chunk_extensions`: bytes of all chunk extensions of a body, which carry nothing. Past it: 400.
    /// Default: 16 KiB.
    pub chunk_extensions: usize,
    /// `limits.discard`: bytes of a refused body that are read, so that the client can read the answer. Past it, the
    /// connection ends. Default: 256 KiB.
    pub discard: u64,
    /// `limits.gathered`: bytes of answers that are gathered before they are written, which bounds what a client that
    /// does not read can claim. Default: 64 KiB.
    pub gathered: usize,
    /// `limits.connections`: open connections of all workers. Past it, new ones wait in the backlog.
    /// Default: 25000.
    pub connections: usize,
    /// `limits.backlog`: connections that wait in the system to be accepted, per listener. Past it, the system lets
    /// clients try again. Default: 1024.
    pub backlog: i32,
}

/// How long a client may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// `timeouts.head`: from the first byte of a head to its last. Past it: 408. Default: 10 s.
    pub head: Duration,
    /// `timeouts.keep_alive`: a connection without a request. Past it, it is closed. Default: 75 s.
    pub keep_alive: Duration,
    /// `timeouts.body`: without a byte of a body that somebody reads. Past it: 408. Default: 30 s.
    pub body: Duration,
    /// `timeouts.write`: without a byte of an answer that the client takes. Past it, the connection is cut.
    /// Default: 30 s.
    pub write: Duration,
    /// `timeouts.discard`: reading a refused body, and waiting for the client's end. Past it, the connection is cut.
    /// Default: 5 s.
    pub discard: Duration,
    /// `timeouts.shutdown`: requests in flight once the server stops. Past it, they are cut. Default: 30 s.
    pub shutdown: Duration,
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
    /// # Errors
    /// All that is wrong, at once, each with its place and what was expected there.
    pub fn load() -> Result<Config, ConfigErrors> {
        // `std::env::vars` panics where any variable is not UTF-8, whosever it is.
        let env: Vec<(String, String)> = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        let named = env.iter().find(|(name, _)| name == source::FILE).map(|(_, path)| path.as_str());
        match std::fs::read_to_string(named.unwrap_or(source::DEFAULT_FILE)) {
            Ok(text) => Config::read(&text, env),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                Config::read("", env)
            }
            Err(error) => {
                let path = named.unwrap_or(source::DEFAULT_FILE);
                Err(ConfigErrors(vec![ConfigError::unreadable(path, named.is_some(), &error)]))
            }
        }
    }

    /// Reads the text of a `trine.toml` and an environment, whose variables are heard if they start with `TRINE_`.
    ///
    /// ```
    /// use trine::config::Config;
    ///
    /// let env = [("TRINE_PORT".to_owned(), "80".to_owned())];
    /// let config = Config::read("port = 8080\nlimits.body = '64KiB'", env)?;
    /// assert_eq!((config.port, config.limits.body), (80, 65536));
    ///
    /// let errors = Config::read("[limits]\nbdy = 1", []).unwrap_err();
    /// assert_eq!(errors.to_string(), "trine.toml:2: there is no key `limits.bdy`; did you mean `limits.body`?");
    /// # Ok::<_, trine::config::ConfigErrors>(())
    /// ```
    ///
    /// # Errors
    /// All that is wrong, at once, each with its place and what was expected there.
    pub fn read(text: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Config, ConfigErrors> {
        let env: Vec<_> = env.into_iter().collect();
        let mut errors = Vec::new();
        let mut config = Config { profile: source::profile(&env, &mut errors), ..Config::default() };
        let mut unused = config.clone();
        for entry in source::entries(text, &env, config.profile, &mut errors) {
            let target = if entry.applies { &mut config } else { &mut unused };
            if let Err(error) = keys::apply(target, entry) {
                errors.push(error);
            }
        }
        errors.sort_by_key(ConfigError::order);
        if errors.is_empty() { Ok(config) } else { Err(ConfigErrors(errors)) }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            profile: Profile::default(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8000,
            workers: 0,
            signals: true,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body: trine_core::route::DEFAULT_BODY_LIMIT,
            head: 64 * 1024,
            headers: 100,
            target: 8 * 1024,
            trailers: 8 * 1024,
            chunk_extensions: 16 * 1024,
            discard: 256 * 1024,
            gathered: 64 * 1024,
            connections: 25_000,
            backlog: 1024,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            discard: Duration::from_secs(5),
            shutdown: Duration::from_secs(30),
        }
    }
}

impl Default for Profile {
    fn default() -> Profile {
        if cfg!(debug_assertions) { Profile::Dev } else { Profile::Prod }
    }
}
