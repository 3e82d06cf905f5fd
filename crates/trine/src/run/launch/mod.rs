//! From a declared application to open sockets: loads the configuration, runs the launch audit,
//! binds the listeners, and prints the banner. `port` explains why an address cannot be used, and
//! `tls` finds mistakes in the TLS settings.

mod port;
mod tls;

use std::fmt::Write as _;
use std::pin::pin;

use http::Method;
use trine_server::{Address, Bound, Listener, Server, ServerError};

use crate::build::audit::{Audit, Finding};
use crate::declare::app::App;
use crate::dispatch::service::AppService;
use crate::run::config::{AUDIT, Config, Profile, TREE};

impl App {
    /// Serves the application until SIGTERM or ctrl-c, then shuts it down gracefully.
    ///
    /// Before, it loads the configuration, runs the launch audit, binds the sockets, makes the
    /// states and runs the start hooks. `TRINE_AUDIT=text` or `TRINE_AUDIT=json` prints the
    /// [audit](App::audit) and does not serve. `TRINE_TREE=1` prints the [tree](App::tree) at the
    /// start.
    ///
    /// ```no_run
    /// use trine::prelude::*;
    ///
    /// #[trine::main]
    /// async fn main() -> trine::Result {
    ///     App::new().route("/", get(async || "hello")).serve().await
    /// }
    /// ```
    ///
    /// # Errors
    /// Before anything is served, returns all mistakes of the [audit](App::audit), of the
    /// configuration and of the address at once. Otherwise, returns the error of the first state or
    /// hook that fails, or the errors of the shutdown hooks.
    pub async fn serve(mut self) -> crate::Result {
        let mut mistakes = Vec::new();
        if self.configured().is_none() {
            let (config, errors) = Config::load_all();
            mistakes = errors.iter().map(Finding::config).collect::<Vec<_>>();
            self = self.config(config);
        }
        let config = self.configured().cloned().unwrap_or_default();
        mistakes.extend(tls::findings(&config));
        let form = std::env::var_os(AUDIT);
        // With a mistake in the configuration, the address may not be the intended one. If nothing
        // will be served, another instance may already listen there.
        let bound = if mistakes.is_empty() && form.is_none() { Some(bind(&config)?) } else { None };
        let (bound, taken) = match bound {
            Some(Ok(bound)) => (Some(bound), None),
            Some(Err(finding)) => (None, Some(finding)),
            None => (None, None),
        };
        let audit = match self.audit() {
            Ok(audit) | Err(audit) => audit.and(mistakes).and(taken).into_result(),
        };
        if let Some(form) = form {
            return report(audit, form == "json");
        }
        let notes = audit?;
        let Some(bound) = bound else { return Ok(()) };
        self.run(bound, config, &notes).await
    }

    async fn run(self, bound: Bound, config: Config, notes: &Audit) -> crate::Result {
        let service = self.build().await?;
        let workers = config.server.worker_count();
        let mut text = banner(&service, &addresses(&bound, &config), config.profile, workers);
        let notes = notes.findings().len();
        if config.profile == Profile::Dev && notes > 0 {
            let _ = writeln!(
                text,
                "  {notes} note{}: {AUDIT}=text shows them",
                if notes == 1 { "" } else { "s" }
            );
        }
        if std::env::var_os(TREE).is_some_and(|value| !value.is_empty() && value != "0") {
            text += &service.tree().to_string();
        }
        print(&text);
        let handle = bound.handle();
        let mut serving = pin!(async {
            match config.work_stealing {
                false => bound.serve(service.clone()).await,
                true => bound.serve_stealing(service.clone()).await,
            }
        });
        let served = tokio::select! {
            served = &mut serving => served,
            () = handle.draining() => {
                service.begin_shutdown();
                serving.await
            }
        };
        let ended = service.shutdown().await;
        served?;
        ended
    }
}

/// Binds the listeners. An address that is in use or not available is a finding.
fn bind(config: &Config) -> Result<Result<Bound, Finding>, ServerError> {
    match Server::new(config.server.clone()).bind() {
        Err(ServerError::Config(text)) => Ok(Err(Finding::server(text))),
        Err(error @ ServerError::Bind { .. }) => {
            Ok(Err(Finding::port(port::explain(&error, &config.server))))
        }
        bound => bound.map(Ok),
    }
}

/// The URLs at which the server listens.
fn addresses(bound: &Bound, config: &Config) -> String {
    let places = bound.local_addrs().zip(config.server.resolved_listeners());
    let url = |(address, listen): (&Address, Listener)| match address {
        Address::Tcp(address) => format!("{}://{address}", listen.scheme()),
        other => other.to_string(),
    };
    let urls: Vec<String> = places.map(url).collect();
    urls.join(" and ")
}

fn report(audit: Result<Audit, Audit>, json: bool) -> crate::Result {
    let (Ok(found) | Err(found)) = &audit;
    if json {
        print(&format!("{}\n", found.to_json()));
    } else if audit.is_ok() {
        print(&found.to_string());
    }
    // `main` prints the mistakes and exits with a failure.
    audit.map(drop).map_err(Into::into)
}

fn banner(service: &AppService, address: &str, profile: Profile, workers: usize) -> String {
    let profile = match profile {
        Profile::Dev => "dev",
        Profile::Prod => "prod",
    };
    let version = env!("CARGO_PKG_VERSION");
    let s = if workers == 1 { "" } else { "s" };
    let mut text = format!("Trine {version} ({profile}) on {address}, {workers} worker{s}\n");
    let rows: Vec<_> = service.routes().collect();
    let path = rows.iter().map(|route| route.path.len()).max().unwrap_or(0);
    let handler = rows.iter().map(|route| route.handler.len()).max().unwrap_or(0);
    for route in rows {
        let method = route.method.as_ref().map_or("ANY", Method::as_str);
        let (file, line) = (route.file, route.line);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "  {method:<7} {:<path$}  {:<handler$}  {file}:{line}",
            route.path, route.handler
        );
    }
    text
}

/// Prints to standard output and ignores errors: the reader of a pipe may have closed it after the
/// first line. `print!` would panic.
fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
