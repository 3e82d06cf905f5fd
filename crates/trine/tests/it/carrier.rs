//! The interface between processes: two applications, each with its own server, connect their
//! topics over a socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;
use trine::prelude::*;
use trine::sse::{LastEventId, Sse};
use trine::testing::TestServer;
use trine::topic::{Carrier, Inbox, Parcel, RoomsFull, TopicConfig, Topics};

type Rooms = Topics<String, String>;

#[get("/rooms/{room}")]
async fn listen(
    room: String,
    rooms: State<Rooms>,
    last: Option<LastEventId>,
) -> Result<impl IntoResponse, RoomsFull> {
    Ok(Sse::new(rooms.subscribe_since(&room, last)?.events()))
}

#[post("/rooms/{room}")]
async fn say(room: String, rooms: State<Rooms>, text: String) -> String {
    rooms.publish(&room, text).to_string()
}

/// Plays the part of Redis or NATS: sends every parcel to all processes, including its sender.
async fn broker() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (all, _) = broadcast::channel::<Bytes>(64);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (mut read, mut write) = socket.into_split();
            let (all, mut heard) = (all.clone(), all.subscribe());
            tokio::spawn(async move {
                while let Some(bytes) = frame(&mut read).await {
                    let _ = all.send(bytes);
                }
            });
            tokio::spawn(async move {
                while let Ok(bytes) = heard.recv().await {
                    write.write_all(&framed(&bytes)).await.unwrap();
                }
            });
        }
    });
    addr
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

async fn frame(read: &mut OwnedReadHalf) -> Option<Bytes> {
    let len = read.read_u32().await.ok()?;
    let mut bytes = BytesMut::zeroed(len as usize);
    read.read_exact(&mut bytes).await.ok()?;
    Some(bytes.freeze())
}

/// The connection of one process to the broker, with a bounded queue in front of it.
struct Connected {
    inboxes: Arc<Mutex<Vec<Inbox>>>,
    out: mpsc::Sender<Bytes>,
}

impl Connected {
    async fn to(broker: SocketAddr) -> Connected {
        let (mut read, mut write) = TcpStream::connect(broker).await.unwrap().into_split();
        let (out, mut queue) = mpsc::channel::<Bytes>(64);
        let inboxes = Arc::<Mutex<Vec<Inbox>>>::default();
        let to = Arc::clone(&inboxes);
        tokio::spawn(async move {
            while let Some(bytes) = queue.recv().await {
                write.write_all(&framed(&bytes)).await.unwrap();
            }
        });
        tokio::spawn(async move {
            while let Some(bytes) = frame(&mut read).await {
                let parcel = Parcel::from_bytes(bytes).unwrap();
                for inbox in
                    to.lock().unwrap().iter().filter(|inbox| inbox.topic() == &*parcel.topic)
                {
                    inbox.deliver(&parcel).unwrap();
                }
            }
        });
        Connected { inboxes, out }
    }
}

impl Carrier for Connected {
    fn attach(&self, inbox: Inbox) {
        self.inboxes.lock().unwrap().push(inbox);
    }

    fn send(&self, parcel: &Parcel) {
        self.out.try_send(parcel.to_bytes()).unwrap();
    }
}

async fn process(broker: SocketAddr, config: TopicConfig) -> TestServer {
    let carrier = Arc::new(Connected::to(broker).await);
    let rooms = Rooms::with(config).carried("chat", carrier);
    App::new().state(rooms).routes(routes![listen, say]).test_server().await
}

/// The events that one client receives.
struct Listener {
    body: Pin<Box<dyn futures_util::Stream<Item = Bytes>>>,
    read: String,
}

impl Listener {
    async fn at(server: &TestServer, room: &str, last: Option<&str>) -> Listener {
        let client = reqwest::Client::new();
        let mut request = client.get(format!("{}/rooms/{room}", server.url()));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        let chunks = futures_util::stream::unfold(response, |mut response| async move {
            let chunk = response.chunk().await.unwrap()?;
            Some((chunk, response))
        });
        Listener { body: Box::pin(chunks), read: String::new() }
    }

    /// The text and the id of the next event.
    async fn next(&mut self) -> (String, String) {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .to_owned()
                };
                let event = (field("data: "), field("id: "));
                self.read = rest.to_owned();
                return event;
            }
            let chunk =
                timeout(Duration::from_secs(20), self.body.next()).await.expect("no event arrived");
            self.read.push_str(std::str::from_utf8(&chunk.expect("the stream ended")).unwrap());
        }
    }
}

async fn post(server: &TestServer, room: &str, text: &str) -> usize {
    let answer = server.client().post(format!("/rooms/{room}")).text(text).await;
    answer.text().parse().unwrap()
}

#[trine::test]
async fn messages_cross_processes_once_without_an_echo() {
    let broker = broker().await;
    let config = TopicConfig { history: 10, ..TopicConfig::default() };
    let here = process(broker, config.clone()).await;
    let there = process(broker, config).await;
    let mut ann = Listener::at(&here, "rust", None).await;
    let mut bob = Listener::at(&there, "rust", None).await;
    let mut eve = Listener::at(&there, "cats", None).await;

    assert_eq!(post(&here, "rust", "one").await, 1, "of this process");
    assert_eq!(ann.next().await.0, "\"one\"");
    let (text, one) = bob.next().await;
    assert_eq!(text, "\"one\"");
    assert_eq!(post(&there, "rust", "two").await, 1);
    // An echo of the first message would arrive before the second one.
    assert_eq!(bob.next().await.0, "\"two\"");
    let (text, two) = ann.next().await;
    assert_eq!(text, "\"two\"");
    assert_eq!(post(&here, "cats", "three").await, 0, "the other process has the listener");
    assert_eq!(eve.next().await.0, "\"three\"");

    // Message ids are the same in all processes, so a client of the other process can resume here.
    let mut back = Listener::at(&here, "rust", Some(&one)).await;
    assert_eq!(back.next().await, ("\"two\"".to_owned(), two));
    here.stop().await;
    there.stop().await;
}

/// Without a history, a process keeps no room that it does not use, and ignores messages for it.
#[trine::test]
async fn a_room_without_local_users_costs_nothing() {
    let carrier = Arc::new(trine::topic::LocalCarrier::default());
    let [here, there] = [0, 1].map(|_| Rooms::new().carried("chat", carrier.clone()));
    let mut ann = there.subscribe(&"a".into()).unwrap();
    assert_eq!(here.publish(&"a".into(), "one".into()), 0);
    assert_eq!(here.publish(&"b".into(), "two".into()), 0);
    assert_eq!(*ann.recv().await.unwrap().unwrap(), "one");
    assert!(here.rooms().is_empty());
    assert_eq!(there.rooms(), ["a"]);
}

#[trine::test]
async fn an_invalid_message_is_reported_to_the_carrier() {
    #[derive(Default)]
    struct Kept(Mutex<Option<Inbox>>, Mutex<Option<Parcel>>);
    impl Carrier for Kept {
        fn attach(&self, inbox: Inbox) {
            *self.0.lock().unwrap() = Some(inbox);
        }
        fn send(&self, parcel: &Parcel) {
            *self.1.lock().unwrap() = Some(parcel.clone());
        }
    }
    let kept = Arc::new(Kept::default());
    let topic = trine::Topic::<u8>::new().carried("numbers", kept.clone());
    topic.publish(7);
    let (inbox, parcel) =
        (kept.0.lock().unwrap().clone().unwrap(), kept.1.lock().unwrap().take().unwrap());
    let mut subscription = topic.subscribe();
    inbox.deliver(&parcel).unwrap();
    let mut foreign = Parcel { from: trine::topic::Origin(1), ..parcel };
    inbox.deliver(&foreign).unwrap();
    assert_eq!(*subscription.recv().await.unwrap().unwrap(), 7, "not its own, which came first");
    assert!(subscription.recv().now_or_never().is_none());
    foreign.payload = Bytes::from_static(b"300");
    let error = inbox.deliver(&foreign).unwrap_err().to_string();
    assert!(error.contains("300"), "{error}");
    drop((topic, subscription));
    assert!(inbox.is_closed());
    inbox.deliver(&foreign).unwrap();
}
