//! `compare`: measures the servers of this workspace.
//!
//! # Layout
//! - [`contenders`]: the servers that are measured, and how to build them
//! - [`scenario`]: the requests, and the only correct response to each
//! - [`server`]: the process of one server, from start to stop
//! - [`client`]: sends requests over blocking sockets and checks every response
//! - [`callgrind`]: counts instructions and allocations, with the parser in [`profile`];
//!   [`report`]: their table
//! - [`guard`]: fails if Trine needs more instructions than before
//! - [`proxy`]: our reverse proxy against nginx
//! - [`http2`] in clear text and [`tls`] with HTTP/1, under the load of [`h2load`]
//! - [`websocket`]: WebSockets, feeds and event streams
//! - [`engine`]: all other measurements, with the load of [`load`] and the kernel's figures of
//!   [`machine`]

mod callgrind;
mod client;
mod contenders;
mod engine;
mod guard;
mod h2load;
mod http2;
mod load;
mod machine;
mod profile;
mod proxy;
mod report;
mod scenario;
mod server;
mod tls;
mod websocket;

use std::process::ExitCode;

const USAGE: &str = "usage: compare instructions [server..]
       compare engine [--quick] [server..]
       compare http2 [server..]
       compare guard [--accept]
       compare proxy [--quick]
       compare tls
       compare websocket [--quick] [profile..]

instructions  counts instructions and allocator calls per request under callgrind
http2         instructions and CPU of HTTP/2 in clear text, with h2load of nghttp2
engine        measures CPU, requests/s, latency, system calls and idle memory besides
proxy         measures our reverse proxy and nginx as one, in one run
tls           instructions and CPU of HTTP/1 over TLS 1.3, beside nginx
websocket     CPU, instructions and memory of WebSockets, feeds and event streams
guard         fails when Trine costs more instructions, as a ratio to hyper, than guard.json allows

The first two measure all servers and write results/; with names they only print.";

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.split_first() {
        Some((command, names)) if command == "instructions" => instructions(names),
        Some((command, names)) if command == "http2" => http2::run(names),
        Some((command, args)) if command == "engine" => engine::run(args),
        Some((command, args)) if command == "proxy" => proxy::run(args),
        Some((command, [])) if command == "tls" => tls::run(),
        Some((command, args)) if command == "websocket" => websocket::run(args),
        Some((command, [])) if command == "guard" => guard::check(),
        Some((command, [accept])) if command == "guard" && accept == "--accept" => guard::accept(),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn instructions(names: &[String]) -> Result<(), Error> {
    let servers = contenders::chosen(names)?;
    let valgrind = callgrind::version()?;
    let workspace = contenders::workspace()?;
    contenders::build(&workspace, &servers)?;
    let mut all = Vec::new();
    for name in servers {
        all.push((name, callgrind::measure(name, &[], callgrind::TRIES)?));
    }
    let table = report::table(&all);
    println!("\n{table}");
    if names.is_empty() {
        report::write(&workspace, &table, &all, &valgrind)?;
    }
    Ok(())
}
