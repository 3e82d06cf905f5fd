//! Measures HTTP/1 over TLS 1.3, on kept connections, and with a new connection and a full
//! handshake per request.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::h2load::{self, Load, ROUNDS};
use crate::machine::Cores;
use crate::server::Program;
use crate::{Error, contenders, machine, report};

/// The servers to build. nginx is measured as well. Ratios are relative to the first.
const SERVERS: [&str; 3] = ["axum-tls", "actix-tls", "trine-tls"];

const KEPT: Load = Load {
    name: "JSON, 64 kept connections",
    scheme: "https",
    path: "/json",
    args: &["--h1"],
    connections: Some(64),
    warm_up: 640,
    counted: 6_400,
    cell: 30_000,
};

const NEW: Load = Load {
    name: "a new connection a request",
    connections: None,
    warm_up: 32,
    counted: 320,
    cell: 500,
    ..KEPT
};

/// Measures, prints the table and writes `results/tls.md`.
pub(crate) fn run() -> Result<(), Error> {
    let workspace = contenders::workspace()?;
    contenders::build(&workspace, &SERVERS)?;
    let folder = std::env::temp_dir().join(format!("compare-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let table = certify(&folder).and_then(|()| measure(&folder));
    std::fs::remove_dir_all(&folder)?;
    let table = table?;
    println!("\n{table}");
    let average = machine::load_average()?;
    let text = format!(
        "# HTTP/1 over TLS 1.3, a certificate of P-256\n\n{table}\nThe load is h2load of nghttp2. Instructions and calls of the \
         allocator: callgrind, user space, {} requests on kept connections and {} on new ones. CPU: microseconds of the \
         server's process, user and kernel, minimum and median of {ROUNDS} cells of {} and {} requests; load of the machine \
         {average}. In brackets: the ratio to {}. The first three speak by rustls with aws-lc-rs, nginx by OpenSSL and from a \
         constant. Of nginx calls of the allocator are not all seen.\n",
        KEPT.counted, NEW.counted, KEPT.cell, NEW.cell, SERVERS[0]
    );
    std::fs::write(workspace.join("results/tls.md"), text)?;
    Ok(())
}

fn measure(folder: &Path) -> Result<String, Error> {
    let ours = |name| {
        let file = |name: &str| folder.join(name).display().to_string();
        Ok((
            name,
            Program::of(name)?.env("CERTIFICATE", file("cert.pem")).env("KEY", file("key.pem")),
        ))
    };
    let mut servers = SERVERS.into_iter().map(ours).collect::<Result<Vec<_>, Error>>()?;
    if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_ok() {
        servers.push(("nginx", nginx(folder)?));
    } else {
        eprintln!("nginx is skipped: `apt-get install nginx-light`");
    }
    let cores = Cores::find()?;
    let mut lines = h2load::heads(&servers);
    for load in [&KEPT, &NEW] {
        lines.push(h2load::instructions(load, &servers)?);
        lines.push(h2load::cpu(load, cores, &servers)?);
    }
    Ok(report::align(&lines))
}

/// A self-signed certificate. No client verifies it.
fn certify(folder: &Path) -> Result<(), Error> {
    let told = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-keyout", "key.pem", "-out", "cert.pem", "-days", "7", "-subj", "/CN=localhost"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("openssl: {error}"))?;
    if told.success() { Ok(()) } else { Err("openssl makes no certificate".into()) }
}

fn nginx(folder: &Path) -> Result<Program, Error> {
    let listens = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let here = folder.display();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {here}/pid; error_log {here}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
    keepalive_requests 1000000000;
    server {{
        listen {listens} ssl backlog=1024;
        ssl_certificate {here}/cert.pem; ssl_certificate_key {here}/key.pem; ssl_protocols TLSv1.3;
        location = /json {{ default_type application/json; return 200 '{{\"message\":\"Hello, World!\"}}'; }}
    }}
}}
"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config)?;
    let log = folder.join("error.log");
    let args: [OsString; 6] =
        ["-p".into(), folder.into(), "-e".into(), log.into(), "-c".into(), file.into()];
    Ok(Program::foreign("nginx", args.into(), listens))
}
