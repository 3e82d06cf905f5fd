//! The program that a restart starts again.

use std::io;
use std::path::PathBuf;

/// The path of this program. A new version that replaces the file is found there.
///
/// The system reports the file that runs with every symbolic link resolved: if `current` points to
/// `release-7`, a restart would start the old release forever. So this returns the path of the
/// command line if it leads to the same file. It must be called at the start, because the file may
/// be gone later.
pub(super) fn program() -> io::Result<PathBuf> {
    let running = std::env::current_exe()?;
    let called = std::env::args_os().next().map(PathBuf::from);
    let called = called
        .filter(|path| path.components().count() > 1)
        .and_then(|path| std::path::absolute(path).ok());
    match called {
        Some(path) if path.canonicalize().ok() == running.canonicalize().ok() => Ok(path),
        _ => Ok(running),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_path_leads_to_this_program() {
        let found = super::program().unwrap();
        assert!(found.is_absolute());
        assert_eq!(
            found.canonicalize().unwrap(),
            std::env::current_exe().unwrap().canonicalize().unwrap()
        );
    }
}
