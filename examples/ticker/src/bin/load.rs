//! Measures the cost of a delivery: `cargo run --release -p ticker --bin load -- 2000` starts the
//! ticker as a separate process, opens 2,000 event streams, and counts events for ten seconds. A
//! second number changes the seconds, and a third one sets the milliseconds between two quotes.
//! With `--ws` it opens WebSockets instead.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Above this, one address has too few ports, and a process has too few descriptors by default.
const MOST: u64 = 20_000;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[trine::main]
async fn main() -> Result<()> {
    let (flags, numbers): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|text| text.starts_with('-'));
    let ask = match flags.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => EVENTS,
        ["--ws"] => SOCKET,
        _ => return Err("expected [--ws] [clients] [seconds] [milliseconds]".into()),
    };
    let mut numbers = numbers.into_iter().map(|text| text.parse::<u64>());
    let mut number = |default| numbers.next().unwrap_or(Ok(default));
    let clients = number(2_000)?.min(MOST);
    let seconds = number(10)?.clamp(1, 120);
    let every = number(100)?.max(1);
    let (server, addr) = start(every).await?;
    let pid = server.id().ok_or("the ticker has ended")?;
    let idle = usage(pid)?;

    let counted = Arc::new(AtomicU64::new(0));
    let mut reading = JoinSet::new();
    let connecting = Arc::new(Semaphore::new(64));
    for _ in 0..clients {
        let permit = Arc::clone(&connecting).acquire_owned().await?;
        let counted = Arc::clone(&counted);
        reading.spawn(async move {
            let mut stream = TcpStream::connect(addr).await?;
            stream.write_all(ask.as_bytes()).await?;
            let first = stream.read_u8().await;
            drop(permit);
            first?;
            if ask == SOCKET {
                frames(stream, &counted).await
            } else {
                events(stream, &counted).await
            }
        });
    }
    let _ = connecting.acquire_many(64).await?;
    sleep(Duration::from_secs(1)).await;

    let before = usage(pid)?;
    let (start, first) = (Instant::now(), counted.load(Ordering::Relaxed));
    sleep(Duration::from_secs(seconds)).await;
    let after = usage(pid)?;
    let took = start.elapsed().as_secs_f64();
    let deliveries = counted.load(Ordering::Relaxed) - first;
    if let Some(ended) = reading.try_join_next() {
        return Err(format!("a stream has ended: {ended:?}").into());
    }
    let used = (after.cpu - before.cpu) * 1e6 / deliveries.max(1) as f64;
    let memory = (before.memory - idle.memory) / clients.max(1) as f64;
    println!("{clients} clients, a quote every {every} ms, {took:.1} s");
    println!("{deliveries} deliveries, {:.0} a second", deliveries as f64 / took);
    println!("{used:.2} µs of CPU for each: of the server alone, user and system");
    println!("{memory:.1} KiB of memory for each client, the system's own for sockets not counted");
    Ok(())
}

/// Starts the ticker from the same folder as this program, on a port that the system chooses.
async fn start(every: u64) -> Result<(Child, SocketAddr)> {
    let program: PathBuf = std::env::current_exe()?.with_file_name("ticker");
    let mut server = Command::new(&program)
        .env("TRINE_PORT", "0")
        .env("TRINE_TICKER_EVERY", format!("{every}ms"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            format!("{}: {error}; build it with `cargo build -p ticker`", program.display())
        })?;
    let mut lines = BufReader::new(server.stdout.take().ok_or("no output")?).lines();
    let first = lines.next_line().await?.unwrap_or_default();
    let addr =
        first.split_once("http://").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
    let addr = addr.ok_or_else(|| format!("the ticker did not start: {first}"))?;
    // Keep reading, so that the ticker never blocks on a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((server, addr))
}

const EVENTS: &str = "GET /quotes HTTP/1.1\r\nHost: ticker\r\n\r\n";
const SOCKET: &str = "GET /quotes/socket HTTP/1.1\r\nHost: ticker\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Counts events until the stream ends.
async fn events(mut stream: TcpStream, counted: &AtomicU64) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut ended = false;
    loop {
        let len = stream.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        let mut events = 0;
        for byte in &buffer[..len] {
            // An empty line ends an event. The lines of the chunked coding end with CR LF, so they
            // do not count.
            events += u64::from(*byte == b'\n' && ended);
            ended = *byte == b'\n';
        }
        counted.fetch_add(events, Ordering::Relaxed);
    }
}

/// Counts text frames until the socket ends.
async fn frames(stream: TcpStream, counted: &AtomicU64) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(4096, stream);
    let mut head = String::new();
    while head != "\r\n" {
        head.clear();
        stream.read_line(&mut head).await?;
    }
    let mut payload = [0; 125];
    loop {
        let [kind, len] = stream.read_u16().await?.to_be_bytes();
        // Quotes and pings are short.
        let payload = payload.get_mut(..usize::from(len)).ok_or(io::ErrorKind::InvalidData)?;
        stream.read_exact(payload).await?;
        counted.fetch_add(u64::from(kind == 0x81), Ordering::Relaxed);
    }
}

/// The resources that a process has used.
struct Usage {
    /// CPU time in seconds.
    cpu: f64,
    /// Memory in KiB.
    memory: f64,
}

fn usage(pid: u32) -> Result<Usage> {
    // Read the fields after the name, because the name may contain spaces: proc(5).
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let memory = resident
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .ok_or("no RssAnon")?;
    Ok(Usage { cpu: ticks as f64 / 100.0, memory })
}
