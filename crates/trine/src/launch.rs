//! From a declared application to open sockets: configuration, audit, listeners, the print at the start.

use std::fmt::Write as _;

use http::Method;
use trine_server::Server;

use crate::app::App;
use crate::audit::{Audit, Finding};
use crate::config::{Config, Profile};
use crate::service::AppService;
use crate::testing::TestClient;

impl App {
    /// Checks everything, opens the sockets and serves until SIGTERM or ctrl-c.
    ///
    /// # Errors
    /// The findings of the [audit](App::audit) and of the configuration, all at once, before a socket opens; then
    /// what the system says to the address.
    pub async fn serve(mut self) -> crate::Result {
        let (config, mistakes) = match self.take_config().map_or_else(Config::load, Ok) {
            Ok(config) => (config, None),
            Err(errors) => {
                (Config::default(), Some(Audit::new(errors.0.iter().map(Finding::config).collect())))
            }
        };
        self.limit_bodies(config.body_limit);
        self.set_profile(config.profile);
        Audit::all(self.audit().err().into_iter().chain(mistakes))?;
        let service = self.build().await?;
        let workers = config.server.worker_count();
        let bound = Server::new(config.server).bind()?;
        print!("{}", banner(&service, &format!("http://{}", bound.local_addr()), config.profile, workers));
        match config.work_stealing {
            false => bound.serve(service).await?,
            true => bound.serve_stealing(service).await?,
        }
        Ok(())
    }

    /// Builds the application for tests: a client that needs no socket.
    ///
    /// # Panics
    /// With the findings of the [audit](App::audit).
    pub async fn test(self) -> TestClient {
        match self.build().await {
            Ok(service) => TestClient::new(service),
            Err(audit) => panic!("{audit}"),
        }
    }
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
        let _ =
            writeln!(text, "  {method:<7} {:<path$}  {:<handler$}  {file}:{line}", route.path, route.handler);
    }
    text
}
