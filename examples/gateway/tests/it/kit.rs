//! Runs the gateway as a separate process, and its upstreams in the test.

use std::path::Path;
use std::process::Command;

use reqwest::{Client, StatusCode};
use trine::prelude::*;
use trine::testing::TestServer;
use trine_testkit::process::{Process, address_in};
pub(crate) use trine_testkit::wait::until_async as until;

pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) url: String,
    /// The address of the TLS listener, if there is one.
    pub(crate) tls: Option<String>,
    pub(crate) folder: tempfile::TempDir,
}

impl Gateway {
    /// Starts the gateway with these routes.
    pub(crate) fn start(routes: &str) -> Gateway {
        Gateway::start_in(tempfile::tempdir().unwrap(), routes)
    }

    /// Starts the gateway in an existing folder, which may already contain files.
    pub(crate) fn start_in(folder: tempfile::TempDir, routes: &str) -> Gateway {
        write(folder.path(), routes);
        let mut process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_gateway"))
                .current_dir(folder.path())
                .env("TRINE_PORT", "0")
                .stderr(std::fs::File::create(folder.path().join("log")).unwrap()),
        );
        let first = process.line();
        let url =
            address_in(&first, "http://").unwrap_or_else(|| panic!("no address in {first:?}"));
        let tls = address_in(&first, "https://");
        Gateway { process, url: format!("http://{url}"), tls, folder }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = Client::new().get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

pub(crate) fn write(folder: &Path, routes: &str) {
    std::fs::write(folder.join("trine.toml"), routes).unwrap();
}

/// An upstream that responds with its name and a description of the request.
pub(crate) async fn upstream(name: &'static str) -> TestServer {
    let tell = move |request: Request| async move {
        let forwarded =
            request.headers().get("forwarded").map(|value| value.to_str().unwrap().to_owned());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let length = request.into_body().bytes().await.unwrap().len();
        format!("{name} {method} {uri} {length} {}", forwarded.unwrap_or_default())
    };
    App::new().route("/{*rest}", any(tell)).test_server().await
}
