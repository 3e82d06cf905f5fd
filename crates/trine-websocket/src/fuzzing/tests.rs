//! The fuzz targets on any toolchain: the corpus and mutations of it, messages that are cut at any
//! position, and tungstenite as a peer.

use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tungstenite::protocol::{Role as TheirRole, WebSocket};

use super::*;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 3] =
    [("decoder", decoder), ("inflate", inflate), ("handshake", handshake)];

/// The number of mutations per target; on a slow machine, the time limit ends the test first.
const MUTATIONS: usize = 100_000;
const TIME_LIMIT: Duration = Duration::from_secs(2);

#[test]
fn the_corpus_and_its_mutations() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 10, "the corpus of {name} has {} files", corpus.len());
        corpus.iter().for_each(|bytes| target(bytes));
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let start = Instant::now();
        for _ in 0..MUTATIONS {
            let mut bytes = corpus[random.below(corpus.len())].clone();
            for _ in 0..=random.below(4) {
                mutate(&mut bytes, &mut random);
            }
            let caught = std::panic::catch_unwind(|| target(&bytes));
            assert!(caught.is_ok(), "target {name} on {:?}", bytes.escape_ascii().to_string());
            if start.elapsed() > TIME_LIMIT {
                break;
            }
        }
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// A xorshift generator, so that every run has the same mutations.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(4) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
        2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        _ => {
            let from = random.below(bytes.len() + 1);
            let piece = bytes[from..].to_vec();
            bytes.splice(at..at, piece.into_iter().take(64));
        }
    }
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        ".{0,300}".prop_map(Message::Text),
        proptest::collection::vec(any::<u8>(), 0..3000).prop_map(Message::from),
        proptest::collection::vec(any::<u8>(), 0..125)
            .prop_map(|bytes| Message::Ping(bytes.into())),
        proptest::collection::vec(any::<u8>(), 0..125)
            .prop_map(|bytes| Message::Pong(bytes.into())),
    ]
}

fn theirs(message: &Message) -> tungstenite::Message {
    match message.clone() {
        Message::Text(text) => tungstenite::Message::text(text),
        Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        Message::Ping(bytes) => tungstenite::Message::Ping(bytes),
        Message::Pong(bytes) => tungstenite::Message::Pong(bytes),
        Message::Close(_) => tungstenite::Message::Close(None),
    }
}

proptest! {
    #[test]
    fn any_messages_cut_anywhere_arrive(
        messages in proptest::collection::vec(message(), 0..6),
        cuts in proptest::collection::vec(1_usize..400, 1..40),
        compressed: bool,
        from_client: bool,
    ) {
        let (from, to) = match from_client {
            true => (Role::Client, Role::Server),
            false => (Role::Server, Role::Client),
        };
        let (config, agreed) = (WebSocketConfig::default(), compressed.then_some(AGREED));
        let mut sender = Codec::new(from, &config, agreed);
        let mut receiver = Codec::new(to, &config, agreed);
        let mut wire = BytesMut::new();
        for message in &messages {
            sender.send(message, &mut wire).unwrap();
        }
        let (mut input, mut arrived) = (BytesMut::new(), Vec::new());
        let mut cuts = cuts.into_iter().cycle();
        while !wire.is_empty() {
            let cut = cuts.next().unwrap().min(wire.len());
            input.extend_from_slice(&wire.split_to(cut));
            while let Some(message) = receiver.receive(&mut input, &mut BytesMut::new()).unwrap() {
                arrived.push(message);
            }
        }
        prop_assert!(!receiver.is_within_message());
        prop_assert_eq!(arrived, messages);
    }

    #[test]
    fn tungstenite_understands_us_and_we_understand_it(message in message(), from_client: bool) {
        let (us, them, role) = if from_client {
            (Role::Client, Role::Server, TheirRole::Server)
        } else {
            (Role::Server, Role::Client, TheirRole::Client)
        };
        let config = WebSocketConfig::default();
        let mut wire = BytesMut::new();
        Codec::new(us, &config, None).send(&message, &mut wire).unwrap();
        let mut socket = WebSocket::from_raw_socket(Cursor::new(wire.to_vec()), role, None);
        prop_assert_eq!(socket.read().unwrap(), theirs(&message));

        let role = if role == TheirRole::Server { TheirRole::Client } else { TheirRole::Server };
        let mut socket = WebSocket::from_raw_socket(Cursor::new(Vec::new()), role, None);
        socket.send(theirs(&message)).unwrap();
        let mut wire = BytesMut::from(&socket.get_ref().get_ref()[..]);
        let got = Codec::new(them, &config, None).receive(&mut wire, &mut BytesMut::new());
        prop_assert_eq!(got, Ok(Some(message)));
    }

    /// The codec refuses all bytes that tungstenite refuses. It also checks more than tungstenite
    /// does.
    #[test]
    fn what_tungstenite_refuses_we_refuse(
        bytes in proptest::collection::vec(any::<u8>(), 1..60),
        first in 0_u8..11,
    ) {
        let mut bytes = bytes;
        bytes[0] = (bytes[0] & 0x80) | first;
        let stream = Cursor::new(bytes.clone());
        let mut socket = WebSocket::from_raw_socket(stream, TheirRole::Server, None);
        let refused = match socket.read() {
            Err(tungstenite::Error::Protocol(error)) => {
                error != tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
            }
            Err(tungstenite::Error::Utf8(_)) => true,
            _ => false,
        };
        let (messages, error) = decode(Role::Server, None, &[&bytes]);
        prop_assert!(!refused || error.is_some() || messages.len() > 1, "{bytes:x?}");
    }
}
