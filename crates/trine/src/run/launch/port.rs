//! Why the server cannot listen on an address, and what to do.

use std::net::SocketAddr;

use trine_server::{ServerConfig, ServerError};

/// Explains the error of a bind: the process that uses the port, if the system reveals it, and what
/// to write instead.
pub(super) fn explain(error: &ServerError, config: &ServerConfig) -> String {
    let ServerError::Bind { address, source } = error else { return error.to_string() };
    let Some(address) = address.tcp() else { return error.to_string() };
    let (port, key) = (address.port(), Key::of(address, config));
    let next = if port == u16::MAX { port - 1 } else { port + 1 };
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            let holder = process_on(port)
                .unwrap_or_else(|| "another program or another instance".to_owned());
            let change = key.with_port(next);
            format!("{address} is in use: {holder} listens there; stop it, or {change}")
        }
        std::io::ErrorKind::PermissionDenied if port < 1024 => format!(
            "cannot listen on {address}: {source}; ports below 1024 need a privilege: give it to \
             the process, or {}",
            key.with_port(if key == Key::TlsPort { 8443 } else { 8000 })
        ),
        std::io::ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: {source}; the system refuses this port: {}",
            key.with_port(next)
        ),
        std::io::ErrorKind::AddrNotAvailable => format!(
            "cannot listen on {address}: {source}; no network interface has this address: {} for \
             all of them",
            match key {
                Key::Listeners => "write the address `0.0.0.0` in `listeners`",
                Key::Port | Key::TlsPort => "write `address = \"0.0.0.0\"`",
            }
        ),
        _ => error.to_string(),
    }
}

/// The key of the configuration that an address comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Port,
    TlsPort,
    Listeners,
}

impl Key {
    fn of(address: SocketAddr, config: &ServerConfig) -> Key {
        match address.port() {
            _ if !config.listeners.is_empty() => Key::Listeners,
            port if port == config.tls_port && port != config.port => Key::TlsPort,
            _ => Key::Port,
        }
    }

    /// How to move the listener to another port.
    fn with_port(self, port: u16) -> String {
        let (key, variable) = match self {
            Key::Port => ("port", "TRINE_PORT"),
            Key::TlsPort => ("tls_port", "TRINE_TLS_PORT"),
            Key::Listeners => {
                return "choose another port for this address in `listeners`".to_owned();
            }
        };
        format!("choose another port: `{key} = {port}` in trine.toml or {variable}={port}")
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

    fn explained(kind: std::io::ErrorKind, port: u16, config: &ServerConfig) -> String {
        let address = SocketAddr::from(([127, 0, 0, 1], port)).into();
        explain(&ServerError::Bind { address, source: kind.into() }, config)
    }

    #[test]
    fn each_bind_error_says_what_to_write() {
        use std::io::ErrorKind;
        for (kind, port, expected) in [
            (
                ErrorKind::PermissionDenied,
                80,
                "; ports below 1024 need a privilege: give it to the process, or choose another \
                 port: `port = 8000` in trine.toml or TRINE_PORT=8000",
            ),
            (
                ErrorKind::PermissionDenied,
                1024,
                "; the system refuses this port: choose another port: `port = 1025` in trine.toml \
                 or TRINE_PORT=1025",
            ),
            (
                ErrorKind::AddrNotAvailable,
                65535,
                "no network interface has this address: write `address = \"0.0.0.0\"` for all of \
                 them",
            ),
            (
                ErrorKind::AddrInUse,
                65535,
                "choose another port: `port = 65534` in trine.toml or TRINE_PORT=65534",
            ),
            (ErrorKind::Other, 65535, "cannot listen on 127.0.0.1:65535: "),
        ] {
            let text = explained(kind, port, &ServerConfig::default());
            assert!(text.contains(expected), "{text}");
        }
    }

    /// `port` does not move the listener of `tls_port`, and the server ignores it beside
    /// `listeners`.
    #[test]
    fn a_bind_error_names_the_key_of_the_address() {
        use std::io::ErrorKind;
        let tls = ServerConfig { port: 80, tls_port: 443, ..ServerConfig::default() };
        let listeners = vec!["http://127.0.0.1:80".parse().unwrap()];
        let list = ServerConfig { listeners, ..ServerConfig::default() };
        for (kind, port, config, expected) in [
            (ErrorKind::AddrInUse, 443, &tls, "`tls_port = 444` in trine.toml or TRINE_TLS_PORT="),
            (ErrorKind::PermissionDenied, 443, &tls, "`tls_port = 8443` in trine.toml"),
            (ErrorKind::AddrInUse, 80, &tls, "`port = 81` in trine.toml or TRINE_PORT=81"),
            (
                ErrorKind::AddrInUse,
                80,
                &list,
                "stop it, or choose another port for this address in `listeners`",
            ),
            (
                ErrorKind::AddrNotAvailable,
                80,
                &list,
                "write the address `0.0.0.0` in `listeners` for all of them",
            ),
        ] {
            let text = explained(kind, port, config);
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
