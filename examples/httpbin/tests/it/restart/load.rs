//! Clients of several kinds that send requests all the time. They never retry: every failed request
//! is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::program::within;
use super::target::{Stream, Target};

/// An HTTP/1 connection.
pub(crate) struct Kept {
    stream: Stream,
    /// The server announced that it will close the connection after this response.
    pub(crate) is_last: bool,
}

impl Kept {
    pub(crate) async fn connect(address: &str) -> Result<Kept, String> {
        Kept::connect_to(&Target::plain(address)).await
    }

    async fn connect_to(target: &Target) -> Result<Kept, String> {
        Ok(Kept { stream: target.connect("http/1.1").await?, is_last: false })
    }

    /// Sends a request and reads the response.
    pub(crate) async fn get(&mut self, path: &str) -> Result<String, String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        self.stream
            .write_all(request.as_bytes())
            .await
            .map_err(|error| format!("write: {error}"))?;
        self.stream.flush().await.map_err(|error| format!("flush: {error}"))?;
        let mut answer = Vec::new();
        loop {
            if let Some((head, body)) = whole(&answer)? {
                self.is_last = head.contains("connection: close");
                return Ok(body);
            }
            match within(self.stream.read_buf(&mut answer)).await {
                Ok(0) => return Err(format!("an end after {} bytes", answer.len())),
                Ok(_) => {}
                Err(error) => return Err(format!("read: {error}")),
            }
        }
    }

    /// Waits until the server closes the connection.
    pub(crate) async fn closed(&mut self) {
        assert_eq!(self.stream.read(&mut [0]).await.unwrap(), 0);
    }
}

/// Sends a request over a Unix socket and returns the id of the process that responds.
pub(crate) async fn ask_unix(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    let request = b"GET /pid HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    whole(&answer).unwrap().unwrap().1
}

/// Head and body, once both are complete.
fn whole(answer: &[u8]) -> Result<Option<(String, String)>, String> {
    let text = String::from_utf8_lossy(answer).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(None) };
    let head = head.to_ascii_lowercase();
    if !head.starts_with("http/1.1 200 ") {
        return Err(format!("answered with {head}"));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).ok_or("no length")?;
    Ok((body.len() >= length).then(|| (head.clone(), body.to_owned())))
}

/// The observations of all clients.
#[derive(Default)]
struct Seen {
    over: AtomicBool,
    failures: Mutex<Vec<String>>,
    pids: Mutex<BTreeSet<u32>>,
    /// The number of requests that a GOAWAY frame declared as not processed.
    turned_away: AtomicUsize,
}

impl Seen {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn note(&self, kind: &str, answer: Result<String, String>, count: &AtomicUsize) {
        count.fetch_add(1, Ordering::Relaxed);
        match answer.and_then(|pid| pid.parse().map_err(|_| format!("no process id: {pid}"))) {
            Ok(pid) => drop(self.pids.lock().unwrap().insert(pid)),
            Err(failure) => self.failures.lock().unwrap().push(format!("{kind}: {failure}")),
        }
    }
}

pub(crate) struct Load {
    seen: Arc<Seen>,
    requests: BTreeMap<&'static str, Arc<AtomicUsize>>,
    clients: JoinSet<()>,
}

pub(crate) struct Counts {
    pub(crate) requests: BTreeMap<&'static str, Arc<AtomicUsize>>,
    pub(crate) failures: Vec<String>,
    pub(crate) pids: BTreeSet<u32>,
    pub(crate) turned_away: usize,
}

impl Display for Counts {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for (kind, count) in &self.requests {
            write!(f, "{kind}: {}, ", count.load(Ordering::Relaxed))?;
        }
        let Counts { failures, pids, turned_away, .. } = self;
        write!(f, "{turned_away} turned away, {} failures, processes {pids:?}", failures.len())
    }
}

impl Load {
    pub(crate) fn begin(target: &Target) -> Load {
        let mut load =
            Load { seen: Arc::default(), requests: BTreeMap::new(), clients: JoinSet::new() };
        for _ in 0..2 {
            load.add("kept and busy", target, |at, seen, count| kept(at, seen, count, 1));
            load.add("new", target, new);
            load.add("http2", target, http2);
        }
        for pause in [50, 150, 300, 450] {
            load.add("kept and idle", target, move |at, seen, count| kept(at, seen, count, pause));
        }
        load
    }

    fn add<F>(
        &mut self,
        kind: &'static str,
        target: &Target,
        client: impl FnOnce(Target, Arc<Seen>, Arc<AtomicUsize>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let count = Arc::clone(self.requests.entry(kind).or_default());
        self.clients.spawn(client(target.clone(), Arc::clone(&self.seen), count));
    }

    pub(crate) async fn end(mut self) -> Counts {
        self.seen.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        let failures = std::mem::take(&mut *self.seen.failures.lock().unwrap());
        let pids = std::mem::take(&mut *self.seen.pids.lock().unwrap());
        let turned_away = self.seen.turned_away.load(Ordering::Relaxed);
        Counts { requests: self.requests, failures, pids, turned_away }
    }
}

/// Uses one connection until the server announces that it will close it.
async fn kept(target: Target, seen: Arc<Seen>, count: Arc<AtomicUsize>, pause: u64) {
    let mut open = None;
    while !seen.is_over() {
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => match Kept::connect_to(&target).await {
                Ok(connection) => connection,
                Err(failure) => return seen.note("kept", Err(failure), &count),
            },
        };
        let answer = connection.get("/pid").await;
        let goes_on = answer.is_ok() && !connection.is_last;
        seen.note("kept", answer, &count);
        open = goes_on.then_some(connection);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Opens a connection per request.
async fn new(target: Target, seen: Arc<Seen>, count: Arc<AtomicUsize>) {
    while !seen.is_over() {
        let answer = match Kept::connect_to(&target).await {
            Ok(mut connection) => connection.get("/pid").await,
            Err(failure) => Err(failure),
        };
        seen.note("new", answer, &count);
    }
}

/// Sends four requests at a time on one connection until the server announces that it takes no
/// more. The server has to respond to each request that was sent, or declare it as not processed in
/// the GOAWAY frame. The client may send such a request again (RFC 9113, section 6.8). This happens
/// because the crate `h2` acknowledges the PING of the server before it sends the requests that are
/// queued. A request that the client knows not to send does not count.
async fn http2(target: Target, seen: Arc<Seen>, count: Arc<AtomicUsize>) {
    let mut goes_on = true;
    while goes_on && !seen.is_over() {
        match http2_connection(&target, &seen, &count).await {
            Ok(()) => {}
            Err(failure) => {
                seen.note("http2", Err(failure), &count);
                goes_on = false;
            }
        }
    }
}

async fn http2_connection(target: &Target, seen: &Seen, count: &AtomicUsize) -> Result<(), String> {
    let stream = target.connect("h2").await?;
    let shake = h2::client::handshake(stream).await;
    let (send, connection) = shake.map_err(|error| format!("handshake: {error}"))?;
    let connection = tokio::spawn(connection);
    let mut open = Some(send);
    while let Some(send) = open.take()
        && !seen.is_over()
    {
        // An error here means that the server is shutting down.
        let Ok(mut send) = send.ready().await else { break };
        let sent: Vec<_> = (0..4).map_while(|_| request(&mut send, target.scheme())).collect();
        let all_sent = sent.len() == 4;
        for answer in sent {
            match within(answer).await {
                Ok(Some(pid)) => seen.note("http2", Ok(pid), count),
                Ok(None) => drop(seen.turned_away.fetch_add(1, Ordering::Relaxed)),
                Err(failure) => seen.note("http2", Err(failure), count),
            }
        }
        open = all_sent.then_some(send);
    }
    drop(open);
    within(connection).await.unwrap().map_err(|error| format!("the end: {error}"))
}

fn request(
    send: &mut SendRequest<Bytes>,
    scheme: &str,
) -> Option<impl Future<Output = Result<Option<String>, String>> + use<>> {
    let request = http::Request::get(format!("{scheme}://a/pid")).body(()).unwrap();
    let (answer, _) = send.send_request(request, true).ok()?;
    Some(async {
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(error) if error.is_go_away() && error.reason() == Some(Reason::NO_ERROR) => {
                return Ok(None);
            }
            Err(error) => return Err(format!("no answer: {error}")),
        };
        if answer.status() != 200 {
            return Err(format!("answered with {}", answer.status()));
        }
        let mut body = answer.into_body();
        let mut text = Vec::new();
        while let Some(part) = body.data().await {
            text.extend_from_slice(&part.map_err(|error| format!("in the answer: {error}"))?);
        }
        String::from_utf8(text).map(Some).map_err(|error| error.to_string())
    })
}
