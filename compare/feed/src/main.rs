//! `cargo run --release -p compare-feed -- 10000`: opens so many event streams at each server in turn, three rounds, and
//! tells the CPU of the server for each delivery, user and system, and its memory for each stream.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use compare_feed::EVERY;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A process may have 20,000 descriptors by default.
const MOST: u64 = 19_000;
const ROUNDS: usize = 3;
const MEASURED: Duration = Duration::from_secs(5);
const SERVERS: [&str; 2] = ["feed-trine", "feed-axum"];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let streams = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse::<u64>())?.clamp(1, MOST);
    println!("{streams} streams, 32 bytes every {} ms, {ROUNDS} rounds of {MEASURED:?}", EVERY.as_millis());
    println!("\n| server | CPU µs a delivery | of it user | system | KiB a stream | delivered |\n|---|---|---|---|---|---|");
    for _ in 0..ROUNDS {
        for server in SERVERS {
            println!("{}", row(server, streams).await?);
        }
    }
    Ok(())
}

async fn row(name: &str, streams: u64) -> Result<String> {
    // A port of our choice: the servers announce theirs in different words.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let program = std::env::current_exe()?.with_file_name(name);
    let mut server = Server(
        std::process::Command::new(&program)
            .env("PORT", port.to_string())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}; cargo build --release -p compare-feed", program.display()))?,
    );
    while TcpStream::connect(addr).await.is_err() {
        if let Some(ended) = server.0.try_wait()? {
            return Err(format!("{name} ended: {ended}").into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    let pid = server.0.id();
    let idle = Usage::of(pid)?;
    let counted = Arc::new(AtomicU64::new(0));
    let mut reading = JoinSet::new();
    let connecting = Arc::new(Semaphore::new(64));
    for _ in 0..streams {
        let permit = Arc::clone(&connecting).acquire_owned().await?;
        let counted = Arc::clone(&counted);
        reading.spawn(async move {
            let mut stream = TcpStream::connect(addr).await?;
            stream.write_all(b"GET /feed HTTP/1.1\r\nHost: feed\r\n\r\n").await?;
            let first = stream.read_u8().await;
            drop(permit);
            first?;
            count(stream, &counted).await
        });
    }
    let _ = connecting.acquire_many(64).await?;
    sleep(Duration::from_secs(1)).await;

    let (before, first, start) = (Usage::of(pid)?, counted.load(Ordering::Relaxed), Instant::now());
    sleep(MEASURED).await;
    let (after, took) = (Usage::of(pid)?, start.elapsed());
    let deliveries = (counted.load(Ordering::Relaxed) - first).max(1) as f64;
    if let Some(ended) = reading.try_join_next() {
        return Err(format!("{name}: a stream has ended: {ended:?}").into());
    }
    let each = |after: f64, before: f64| (after - before) * 1e6 / deliveries;
    let (user, system) = (each(after.user, before.user), each(after.system, before.system));
    let memory = (before.memory - idle.memory) / streams as f64;
    let due = streams as f64 * took.as_secs_f64() / EVERY.as_secs_f64();
    let delivered = 100.0 * deliveries / due;
    Ok(format!("| {name} | {:.2} | {user:.2} | {system:.2} | {memory:.1} | {delivered:.0} % |", user + system))
}

/// Counts events to the end of the stream.
async fn count(mut stream: TcpStream, counted: &AtomicU64) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut ended = false;
    loop {
        let len = stream.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        let mut events = 0;
        for byte in &buffer[..len] {
            // An empty line ends an event; those of chunks have a CR.
            events += u64::from(*byte == b'\n' && ended);
            ended = *byte == b'\n';
        }
        counted.fetch_add(events, Ordering::Relaxed);
    }
}

/// Ended with its row.
struct Server(std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process has used: seconds, and KiB.
struct Usage {
    user: f64,
    system: f64,
    memory: f64,
}

impl Usage {
    fn of(pid: u32) -> Result<Usage> {
        // The fields behind the name, which may have spaces in it: proc(5).
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
        let mut ticks = fields.split_whitespace().skip(11).map(|field| field.parse::<f64>().unwrap_or(0.0) / 100.0);
        let (user, system) = (ticks.next().unwrap_or(0.0), ticks.next().unwrap_or(0.0));
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let memory = resident.and_then(|line| line.split_whitespace().next()?.parse().ok()).ok_or("no RssAnon")?;
        Ok(Usage { user, system, memory })
    }
}
