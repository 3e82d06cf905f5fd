//! Runs the fuzz targets on any toolchain: the corpus, mutations of it, and every way to split a
//! stream.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::forwarded::fuzzing::forwarded;
#[cfg(feature = "http3")]
use crate::h3::fuzzing::{h3_control, h3_request, h3_stream};
use crate::listen::proxy_protocol::fuzz_target::proxy_protocol;

type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("head", head),
    ("framing", framing),
    ("chunked", chunked),
    ("uri", uri),
    ("forwarded", forwarded),
    ("proxy_protocol", proxy_protocol),
    #[cfg(feature = "http3")]
    ("h3_control", h3_control),
    #[cfg(feature = "http3")]
    ("h3_request", h3_request),
    #[cfg(feature = "http3")]
    ("h3_stream", h3_stream),
];

/// The minimum number of mutations per target. On a slow machine, a time limit ends the test.
const MUTATIONS: usize = 100_000;
const PATIENCE: Duration = Duration::from_secs(2);

#[test]
fn the_corpus_and_its_mutations() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 10, "the corpus of {name} has {} files", corpus.len());
        corpus.iter().for_each(|bytes| target(bytes));
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let start = Instant::now();
        for _ in 0..MUTATIONS {
            let bytes = mutate(&corpus, &mut random);
            let caught = std::panic::catch_unwind(|| target(&bytes));
            assert!(caught.is_ok(), "target {name} on {:?}", bytes.escape_ascii().to_string());
            if start.elapsed() > PATIENCE {
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

/// The generator of Knuth and Marsaglia, so that the mutations are the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const WORDS: [&[u8]; 24] = [
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\0",
        b" ",
        b"\t",
        b":",
        b",",
        b";",
        b"0",
        b"0\r\n\r\n",
        b"ffffffffffffffff",
        b"+1",
        b"-1",
        b"0x",
        b"Host: b\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b" HTTP/1.1\r\n",
        b"HTTP/1.0",
        b"\xff",
        b"%",
    ];
    let mut bytes = random.pick(corpus).clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            4 => {
                let other = random.pick(corpus);
                let from = random.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            5 => {
                let end = at + random.below(bytes.len() - at + 1);
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => drop(bytes.splice(at..at, random.pick(&WORDS).iter().copied())),
        }
        bytes.truncate(20_000);
    }
    bytes
}

/// A request that is sometimes invalid.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        8 => "(GET|POST|HEAD|OPTIONS) /[a-z%]{0,9}(\\?[a-z=&]{0,9})? HTTP/1\\.[01]",
        1 => "CONNECT [a-z]{1,5}:80 HTTP/1.1",
        1 => "[ -~]{0,20}",
    ];
    let field = prop_oneof![
        4 => "[A-Za-z-]{1,12}:[ \t]?[ -~]{0,12}",
        1 => "(Connection|Expect|Upgrade|Host): [a-z, -]{0,10}",
        1 => "[ -~\0\u{e9}]{0,12}",
    ];
    let body = prop_oneof![
        3 => Just(("", String::new())),
        2 => "[a-z\r\n]{0,20}".prop_map(|body| ("Content-Length", body)),
        2 => proptest::collection::vec("[a-z\r\n]{1,9}", 0..4).prop_map(|chunks| {
            let chunks: String = chunks.iter().map(|chunk| format!("{:x};a=b\r\n{chunk}\r\n", chunk.len())).collect();
            ("Transfer-Encoding", chunks + "0\r\nX: b\r\n\r\n")
        }),
        1 => "[0-9a-f\r\n;]{0,30}".prop_map(|body| ("Transfer-Encoding", body)),
    ];
    let end = prop_oneof![19 => Just("\r\n"), 1 => Just("\n")];
    (line, proptest::collection::vec(field, 0..4), body, end).prop_map(
        |(line, fields, (framing, body), end)| {
            let mut text = format!("{line}{end}Host: a{end}");
            fields.iter().for_each(|field| text += &format!("{field}{end}"));
            match framing {
                "" => {}
                "Content-Length" => text += &format!("Content-Length: {}{end}", body.len()),
                framing => text += &format!("{framing}: chunked{end}"),
            }
            (text + end + &body).into_bytes()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_requests_bodies_and_verdict(
        stream in proptest::collection::vec(request(), 1..4),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let bytes = stream.concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.push(bytes.len());
        at.sort_unstable();
        let mut from = 0;
        let mut pieces = Vec::new();
        for at in at {
            pieces.push(&bytes[from..at]);
            from = at;
        }
        let whole = requests(&[&bytes]);
        assert_same(&whole, &requests(&pieces), &bytes);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_same(&whole, &requests(&single), &bytes);
    }

    #[test]
    fn any_bytes_hold_what_the_fuzz_targets_check(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (_, target) in TARGETS {
            target(&bytes);
        }
    }
}
