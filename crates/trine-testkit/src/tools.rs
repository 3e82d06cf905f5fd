//! Programs that a test needs and a machine may lack. Where one is missing its test is skipped,
//! unless an environment variable says that it has to be there: CI sets them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a program is. `require` names the environment variable that forbids its absence.
pub fn find(names: &[&str], require: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        let name = names[0];
        assert!(std::env::var_os(require).is_none(), "{require} is set and there is no {name}");
        eprintln!("skipped: there is no {name} on this machine");
    }
    found
}

/// Whether these programs are all here.
pub fn has(names: &[&str], require: &str) -> bool {
    names.iter().all(|name| find(&[name], require).is_some())
}

/// Where Chromium is; `REQUIRE_BROWSER` forbids its absence.
pub fn chromium() -> Option<PathBuf> {
    find(&["chromium", "chromium-browser", "google-chrome"], "REQUIRE_BROWSER")
}

/// Chromium without a window. It ends when it has done what its arguments say; with
/// `--remote-debugging-port=0` it stays.
pub fn headless(chromium: &Path, profile: &Path) -> Command {
    let mut command = Command::new(chromium);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg("--no-first-run")
        .arg(format!("--user-data-dir={}", profile.display()))
        .stderr(Stdio::null());
    command
}
