//! The program as a process of its own, and the upstreams behind it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, StatusCode};
use trine::prelude::*;
use trine::testing::TestServer;

pub(crate) struct Gateway {
    pub(crate) process: Child,
    /// Read no further, but not closed: the program has more to say.
    _stdout: BufReader<ChildStdout>,
    pub(crate) url: String,
    /// Where it speaks TLS, if it does.
    pub(crate) tls: Option<String>,
    pub(crate) folder: tempfile::TempDir,
}

impl Gateway {
    /// Starts it with these routes.
    pub(crate) fn start(routes: &str) -> Gateway {
        Gateway::start_in(tempfile::tempdir().unwrap(), routes)
    }

    /// The same in a folder where something is already.
    pub(crate) fn start_in(folder: tempfile::TempDir, routes: &str) -> Gateway {
        write(folder.path(), routes);
        let mut process = Command::new(env!("CARGO_BIN_EXE_gateway"))
            .current_dir(folder.path())
            .env("TRINE_PORT", "0")
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        let at = |scheme: &str| {
            let (_, rest) = first.split_once(scheme)?;
            Some(rest.split([',', ' ']).next()?.trim().to_owned())
        };
        let url = at("http://").unwrap_or_else(|| panic!("no address in {first:?}"));
        let tls = at("https://");
        Gateway { process, _stdout: stdout, url: format!("http://{url}"), tls, folder }
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill {name} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    pub(crate) fn log(&self) -> String {
        let mut text = String::new();
        std::fs::File::open(self.folder.path().join("log"))
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = Client::new().get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn write(folder: &Path, routes: &str) {
    std::fs::write(folder.join("trine.toml"), routes).unwrap();
}

/// An upstream that says its name and what it was asked.
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

pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..300 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came: {what}");
}
