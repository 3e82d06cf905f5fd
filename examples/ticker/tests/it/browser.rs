//! Tests of the program with a browser: the page fills, and open streams end with the program.
//!
//! Set `SCREENSHOTS=folder` to save screenshots.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use trine_testkit::process::{Process, address_in};
use trine_testkit::tools;
use trine_testkit::wait::until_blocking;

/// The running program. Dropping it ends the process.
struct Ticker {
    process: Process,
    url: String,
}

impl Ticker {
    fn start() -> Ticker {
        let mut process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_ticker"))
                .env("TRINE_PORT", "0")
                .env("TRINE_TICKER_EVERY", "20ms"),
        );
        let first = process.line();
        let address =
            address_in(&first, "http://").unwrap_or_else(|| panic!("no address in {first:?}"));
        Ticker { process, url: format!("http://{address}/") }
    }

    fn quotes(&self) -> BufReader<TcpStream> {
        self.get("/quotes")
    }

    fn watching(&self) -> usize {
        let mut answer = String::new();
        self.get("/watching").read_to_string(&mut answer).unwrap();
        answer.rsplit_once("\r\n\r\n").unwrap().1.parse().unwrap()
    }

    fn get(&self, path: &str) -> BufReader<TcpStream> {
        let addr = self.url.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        BufReader::new(stream)
    }

    /// Ends the process as a supervisor does, and returns how long that took.
    fn stop(mut self) -> Duration {
        let start = Instant::now();
        self.process.signal("TERM");
        assert!(self.process.wait().success());
        start.elapsed()
    }
}

#[test]
fn the_page_fills_and_the_program_ends_under_open_streams() {
    let ticker = Ticker::start();
    let mut streams: Vec<_> = (0..50).map(|_| ticker.quotes()).collect();
    for stream in &mut streams {
        let mut line = String::new();
        while !line.starts_with("data: {\"symbol\":\"") {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        }
    }
    if let Some(chromium) = tools::chromium() {
        let profile = tempfile::tempdir().unwrap();
        // With a debugging port, the headless browser stays open on the page.
        let browser = tools::headless(&chromium, profile.path())
            .args(["--remote-debugging-port=0", &ticker.url])
            .spawn();
        let mut browser = browser.unwrap();
        until_blocking("the page among those who watch", || ticker.watching() == streams.len() + 1);
        browser.kill().unwrap();
        browser.wait().unwrap();
        if let Some(folder) = std::env::var_os("SCREENSHOTS") {
            screenshots(&chromium, &ticker.url, Path::new(&folder));
        }
    }
    let took = ticker.stop();
    assert!(took < Duration::from_secs(2), "{took:?}: streams must hear of the shutdown");
}

fn screenshots(chromium: &Path, url: &str, folder: &Path) {
    for (scheme, number) in [("dark", 0), ("light", 1)] {
        for (width, height) in [(1280, 760), (390, 844)] {
            let file = folder.join(format!("ticker-{scheme}-{width}.png"));
            let size = format!("--window-size={width},{height}");
            let shot = format!("--screenshot={}", file.display());
            let scheme = format!("--blink-settings=preferredColorScheme={number}");
            run(chromium, &[&size, &shot, &scheme, "--hide-scrollbars", "--timeout=2500", url]);
            assert!(std::fs::metadata(&file).unwrap().len() > 5_000, "{}", file.display());
        }
    }
}

fn run(chromium: &Path, arguments: &[&str]) {
    let profile = tempfile::tempdir().unwrap();
    let output = tools::headless(chromium, profile.path())
        .args(arguments)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
