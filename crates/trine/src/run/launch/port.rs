//! Why the server cannot listen on an address, and what to do.

use trine_server::ServerError;

/// Explains the error of a bind: the process that uses the port, if the system reveals it, and what
/// to write instead.
pub(super) fn explain(error: &ServerError) -> String {
    let ServerError::Bind { address, source } = error else { return error.to_string() };
    let Some(address) = address.tcp() else { return error.to_string() };
    let port = address.port();
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            let holder = process_on(port)
                .unwrap_or_else(|| "another program or another instance".to_owned());
            let other = if port == u16::MAX { port - 1 } else { port + 1 };
            format!(
                "{address} is in use: {holder} listens there; stop it, or choose another port: \
                 `port = {other}` in \
                 trine.toml or TRINE_PORT={other}"
            )
        }
        std::io::ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: {source}; ports below 1024 need a privilege: choose \
             another port, `port = 8000` \
             in trine.toml or TRINE_PORT=8000"
        ),
        std::io::ErrorKind::AddrNotAvailable => format!(
            "cannot listen on {address}: {source}; no network interface has this address: write \
             `address = \"0.0.0.0\"` for all of them"
        ),
        _ => error.to_string(),
    }
}

/// The process that listens on a port, if this process may see it: `conduit` (process 1234).
#[cfg(target_os = "linux")]
fn process_on(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let sockets: Vec<String> = tables
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| table.lines().filter_map(|line| socket(line, port)).collect::<Vec<_>>())
        .collect();
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let id: u32 = process.file_name().to_str()?.parse().ok()?;
        let mut files = std::fs::read_dir(process.path().join("fd")).ok()?.flatten();
        files.find(|file| {
            let target = std::fs::read_link(file.path()).unwrap_or_default();
            sockets.iter().any(|socket| target.as_os_str() == socket.as_str())
        })?;
        let name = std::fs::read_to_string(process.path().join("comm")).ok()?;
        Some(format!("`{}` (process {id})", name.trim()))
    })
}

/// The socket of a line of `/proc/net/tcp`, if it listens on this port.
#[cfg(target_os = "linux")]
fn socket(line: &str, port: u16) -> Option<String> {
    const LISTEN: &str = "0A";
    let mut fields = line.split_whitespace().skip(1);
    let (_, local) = fields.next()?.rsplit_once(':')?;
    let state = fields.nth(1)?;
    let listens = u16::from_str_radix(local, 16) == Ok(port) && state == LISTEN;
    let inode = fields.nth(5)?;
    listens.then(|| format!("socket:[{inode}]"))
}

#[cfg(not(target_os = "linux"))]
fn process_on(_port: u16) -> Option<String> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn each_bind_error_says_what_to_write() {
        use std::io::{Error, ErrorKind};
        for (kind, expected) in [
            (
                ErrorKind::PermissionDenied,
                "ports below 1024 need a privilege: choose another port, `port = 8000`",
            ),
            (
                ErrorKind::AddrNotAvailable,
                "no network interface has this address: write `address = \"0.0.0.0\"`",
            ),
            (
                ErrorKind::AddrInUse,
                "choose another port: `port = 65534` in trine.toml or TRINE_PORT=65534",
            ),
            (ErrorKind::Other, "cannot listen on 127.0.0.1:65535: "),
        ] {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], 65535)).into();
            let text = explain(&ServerError::Bind { address, source: Error::from(kind) });
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn the_process_that_listens_is_named() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let found = process_on(port).unwrap();
        assert!(found.ends_with(&format!("(process {})", std::process::id())), "{found}");
        drop(socket);
        assert_eq!(process_on(port), None);
    }
}
