//! What is started again: the program, as it was called.

use std::io;
use std::path::PathBuf;

/// The path of this program, such that a new version that is put in its place is found there.
///
/// The system tells the file that runs, with every link resolved: where `current` points to
/// `release-7`, it would be the old release for ever. So the path that the program was called by
/// counts, where it is one, and leads to the same file. Ask at the start: later the file may be
/// gone.
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
