//! The servers that are measured, and how to build them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// To add a server, make it a member of the workspace and add its name here. Ratios of instructions
/// are relative to the first server.
pub(crate) const SERVERS: &[&str] = &[
    "hyper",
    "trine",
    "trine-server",
    "trine-axum",
    "axum",
    "axum-serve",
    "actix",
    "rocket",
    "xitca",
    FLOOR,
];

/// The floor refuses nothing, so the check of refusals skips it.
pub(crate) const FLOOR: &str = "floor";

/// The servers with these names in our order, or all servers without names.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static str>, Error> {
    if let Some(unknown) = names.iter().find(|name| !SERVERS.contains(&name.as_str())) {
        return Err(format!("no server `{unknown}`: there are {}", SERVERS.join(", ")).into());
    }
    let wanted = |server: &str| names.is_empty() || names.iter().any(|name| name == server);
    Ok(SERVERS.iter().copied().filter(|server| wanted(server)).collect())
}

/// The folder of this workspace. Cargo provides the folder of the runner's manifest, which is one
/// level below it.
pub(crate) fn workspace() -> Result<PathBuf, Error> {
    let runner = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("start me with `cargo run`")?;
    Ok(Path::new(&runner).parent().ok_or("the runner has no parent folder")?.to_owned())
}

/// Builds one server after the other. Linking two whole programs at once needs more memory and is
/// no faster on two cores.
pub(crate) fn build(workspace: &Path, servers: &[&str]) -> Result<(), Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for server in servers {
        eprintln!("building {server}");
        let status = Command::new(&cargo)
            .args(["build", "--release", "--quiet", "--manifest-path"])
            .arg(workspace.join("Cargo.toml"))
            .arg("--package")
            .arg(format!("compare-{server}"))
            .stdin(Stdio::null())
            .status()?;
        if !status.success() {
            return Err(format!("the build of {server} failed: {status}").into());
        }
    }
    Ok(())
}
