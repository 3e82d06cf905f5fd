//! Programs that a test needs and a machine may lack. If one is missing, the test is skipped,
//! unless an environment variable requires the program. CI sets these variables.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The path of a program. `require` is the environment variable that makes its absence an error.
pub fn find(names: &[&str], require: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        let name = names[0];
        assert!(
            std::env::var_os(require).is_none(),
            "{require} is set, but {name} is not installed"
        );
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Whether all of these programs are installed.
pub fn has(names: &[&str], require: &str) -> bool {
    names.iter().all(|name| find(&[name], require).is_some())
}

/// The path of Chromium. `REQUIRE_BROWSER` makes its absence an error.
pub fn chromium() -> Option<PathBuf> {
    find(&["chromium", "chromium-browser", "google-chrome"], "REQUIRE_BROWSER")
}

/// Chromium without a window. It ends when it has done what its arguments say. With
/// `--remote-debugging-port=0` it keeps running.
pub fn headless(chromium: &Path, profile: &Path) -> Command {
    let mut command = Command::new(chromium);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg("--no-first-run")
        .arg(format!("--user-data-dir={}", profile.display()))
        .stderr(Stdio::null());
    command
}
