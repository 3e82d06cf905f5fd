//! Where Chromium is, and how it is started. Tests of examples use this file too.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where there is none the test is skipped, unless `REQUIRE_BROWSER` says that there has to be one.
pub(crate) fn find() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&paths)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("REQUIRE_BROWSER").is_none(),
            "REQUIRE_BROWSER is set and there is no chromium"
        );
        eprintln!("skipped: there is no chromium on this machine");
    }
    found
}

/// Without a window. It ends when it has done what its arguments say; with
/// `--remote-debugging-port=0` it stays.
pub(crate) fn command(chromium: &Path, profile: &Path) -> Command {
    let mut command = Command::new(chromium);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .stderr(Stdio::null());
    command
}
