//! Measures our reverse proxy against nginx, with one worker each, the same upstream, and kept
//! connections on both sides.
//!
//! The upstream is `floor`, which needs very little CPU time. It shares one core with the load, and
//! the proxies have the other core.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::callgrind::{self, Measured};
use crate::load::Load;
use crate::machine::{self, Cores};
use crate::scenario::{SCENARIOS, Scenario};
use crate::server::{Program, Server};
use crate::{Error, contenders, report};

/// The requests: a small one, one from a browser, and one with a body.
const ROUTES: [&str; 3] = ["plaintext-3-headers", "plaintext-12-headers", "echo"];

/// The number of open connections. All of them send requests.
const CONNECTIONS: usize = 64;

const NAMES: [&str; 2] = ["trine", "nginx"];

/// Microseconds of CPU time and requests/s of each cell, for each route and proxy.
type Cells = Vec<[Vec<(f64, f64)>; 2]>;

pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    let quick = args.iter().any(|arg| arg == "--quick");
    let version = nginx_version()?;
    let workspace = contenders::workspace()?;
    let cores = Cores::find()?;
    contenders::build(&workspace, &[contenders::FLOOR, "proxy"])?;
    // From here on, the runner and the upstream are on the load's core.
    let upstream = cores.start(|| Ok(())).and_then(|()| Server::start(contenders::FLOOR))?;
    let ours = Program::of("proxy")?.env("UPSTREAM", format!("http://{}", upstream.address()));
    let folder = Folder::make()?;
    let theirs = nginx(&folder.0, upstream.address())?;
    let cells = under_load(cores, [&ours, &theirs], if quick { 3 } else { 15 })?;
    let counts = match callgrind::version() {
        Ok(_) => {
            let tries = if quick { 1 } else { callgrind::TRIES };
            let ours = callgrind::measure_program(NAMES[0], &ours, &ROUTES, tries)?;
            let theirs = callgrind::measure_program(NAMES[1], &theirs, &ROUTES, tries)?;
            Some([ours, theirs])
        }
        Err(error) => {
            eprintln!("instructions are skipped: {error}");
            None
        }
    };
    let page = page(&version, &cells, counts.as_ref())?;
    println!("\n{page}");
    if !quick {
        std::fs::write(workspace.join("results/proxy.md"), page)?;
    }
    Ok(())
}

fn routes() -> impl Iterator<Item = &'static Scenario> {
    SCENARIOS.iter().filter(|scenario| ROUTES.contains(&scenario.name))
}

fn under_load(cores: Cores, proxies: [&Program; 2], rounds: usize) -> Result<Cells, Error> {
    let start = |program: &Program| Server::spawn(&mut program.command(&[]));
    let [ours, theirs] = proxies;
    let running = cores.start(|| Ok([start(ours)?, start(theirs)?]))?;
    let mut cells: Cells = routes().map(|_| Default::default()).collect();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for (route, cells) in routes().zip(&mut cells) {
            for (server, cells) in running.iter().zip(cells) {
                cells.push(cell(server, route)?);
            }
        }
    }
    Ok(cells)
}

fn cell(server: &Server, route: &Scenario) -> Result<(f64, f64), Error> {
    const TIME: Duration = Duration::from_millis(350);
    let mut load = Load::new(server.address(), route, CONNECTIONS)?;
    load.saturate(TIME / 5)?;
    let cpu = machine::cpu(server.pid())?;
    let start = Instant::now();
    let requests = load.saturate(TIME)? as f64;
    let rate = requests / start.elapsed().as_secs_f64();
    Ok(((machine::cpu(server.pid())? - cpu).as_secs_f64() * 1e6 / requests, rate))
}

fn nginx_version() -> Result<String, Error> {
    let output = Command::new("nginx").arg("-v").output();
    let output = output.map_err(|_| "nginx is not installed: `apt-get install nginx-light`")?;
    Ok(String::from_utf8_lossy(&output.stderr)
        .trim()
        .trim_start_matches("nginx version: ")
        .to_owned())
}

/// nginx, configured for kept connections as its documentation says. It sends the upstream the same
/// header fields as our proxy.
fn nginx(folder: &Path, upstream: SocketAddr) -> Result<Program, Error> {
    let listens = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let here = folder.display();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {here}/pid; error_log {here}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
    keepalive_requests 1000000000;
    upstream up {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen {listens} backlog=1024;
        location / {{
            proxy_pass http://up;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $http_host;
            proxy_set_header Forwarded \"for=$remote_addr;host=$http_host;proto=$scheme\";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Via \"1.1 nginx\";
        }}
    }}
}}
"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config)?;
    let args = vec![
        "-p".into(),
        folder.into(),
        "-e".into(),
        folder.join("error.log").into(),
        "-c".into(),
        file.into(),
    ];
    Ok(Program::foreign("nginx", args, listens))
}

fn page(
    version: &str,
    cells: &Cells,
    counts: Option<&[Vec<Measured>; 2]>,
) -> Result<String, Error> {
    let head = [
        "per request",
        "CPU µs trine",
        "CPU µs nginx",
        "ratio",
        "requests/s trine",
        "nginx",
        "instructions trine",
        "nginx",
    ];
    let mut lines: Vec<Vec<String>> =
        vec![head.map(str::to_owned).to_vec(), vec!["---".to_owned(); head.len()]];
    for (index, (route, cells)) in routes().zip(cells).enumerate() {
        let [ours, theirs] = cells;
        let cpu = [median(ours, |cell| cell.0), median(theirs, |cell| cell.0)];
        let spread = |cells: &[(f64, f64)], median: f64| {
            let least = cells.iter().map(|cell| cell.0).fold(f64::INFINITY, f64::min);
            format!("{median:.1} ({least:.1})")
        };
        let count = |proxy: usize| {
            counts.map_or_else(
                || "-".to_owned(),
                |counts| format!("{:.0}", counts[proxy][index].instructions),
            )
        };
        lines.push(vec![
            route.name.to_owned(),
            spread(ours, cpu[0]),
            spread(theirs, cpu[1]),
            format!("{:.2}", cpu[0] / cpu[1]),
            format!("{:.0}", median(ours, |cell| cell.1)),
            format!("{:.0}", median(theirs, |cell| cell.1)),
            count(0),
            count(1),
        ]);
    }
    Ok(format!(
        "# A reverse proxy: trine-proxy against {version}\n\n\
         Made by `cargo run --release --manifest-path compare/Cargo.toml -- proxy`; load average {}.\n\n\
         {}\n\
         One worker each on one core, {CONNECTIONS} connections that always ask, connections kept to the upstream (`floor`), \
         which shares the other core with the load. Median over {} cells, the least in brackets; both proxies add the same \
         header fields. Instructions are user space only, by callgrind, with 16 connections in step. On a shared machine \
         differences of CPU under 15 % are noise.\n",
        machine::load_average()?,
        report::align(&lines),
        cells.first().map_or(0, |cells| cells[0].len()),
    ))
}

fn median(cells: &[(f64, f64)], of: impl Fn(&(f64, f64)) -> f64) -> f64 {
    let mut values: Vec<f64> = cells.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The folder for the files of nginx. It is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Folder, Error> {
        let path = std::env::temp_dir().join(format!("compare-nginx-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
