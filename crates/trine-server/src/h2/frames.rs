//! Inspects the frames that h2 reads, for limits that h2 does not have.
//!
//! - A header block must be completed in time. No other frame may come between its frames (RFC
//!   9113, 4.3).
//! - The number of frames without content is limited: floods of SETTINGS, PING, PRIORITY and
//!   WINDOW_UPDATE.
//! - The number of streams that the client resets is limited over time, because each has cost a
//!   call of the service (rapid reset, CVE-2023-44487).
//! - Header blocks are passed to [`Fields`], which finds what h2 does not report. A block that only
//!   one of the two reads ends the connection, because later blocks would mean different fields to
//!   them.

use std::time::Duration;

use tokio::time::Instant;

use super::fields::Fields;
use crate::config::limits::Limits;

/// The period over which frames are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// The preface of a connection (RFC 9113, 3.4). It is not a frame.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// A violation by the client, which ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// Too many frames without content.
    Control,
    /// Too many reset streams.
    Resets,
    /// An error that h2 ignores or treats as an error of one stream: pseudo fields in trailers (RFC
    /// 9113, 8.1), a PUSH_PROMISE of a client (8.4), a stream that depends on itself (RFC 7540,
    /// 5.3.1).
    Protocol,
    /// A header block that cannot be decoded (RFC 9113, 4.3).
    Compression,
}

/// The state of the inspection.
#[derive(Debug)]
pub(super) struct Frames {
    /// The number of bytes that the current frame still lacks.
    skip: usize,
    header: [u8; HEADER],
    have: usize,
    /// A header block is incomplete.
    block: bool,
    /// The highest stream so far. A second header block of this stream, or one of an earlier
    /// stream, contains trailers.
    last: u32,
    /// The stream of the current block, and whether the block is trailers.
    stream: u32,
    trailers: bool,
    /// The part of a block that the current frame carries.
    part: Option<BlockPart>,
    fields: Fields,
    /// The streams whose path has a fragment, and which h2 has not returned yet.
    fragments: Vec<u32>,
    /// The limit of `fragments`. It is exceeded only if h2 no longer accepts streams.
    max_fragments: usize,
    /// The current frame is DATA. Bodies have a deadline of their own.
    body: bool,
    /// The number of frames so far, which identifies an incomplete frame.
    begun: u64,
    control: FrameBudget,
    resets: FrameBudget,
    /// Bytes of bodies for which no frames were credited yet.
    useful: usize,
    pub(super) violation: Option<Violation>,
}

/// A number of frames per `WINDOW`. The clock is read only if the number is exceeded.
#[derive(Debug)]
struct FrameBudget {
    limit: u32,
    used: u32,
    since: Instant,
}

impl FrameBudget {
    fn new(limit: u32) -> FrameBudget {
        FrameBudget { limit, used: 0, since: Instant::now() }
    }

    fn spend(&mut self) -> bool {
        self.used += 1;
        self.used <= self.limit || self.renew()
    }

    #[cold]
    fn renew(&mut self) -> bool {
        let now = Instant::now();
        let renewed = now.duration_since(self.since) >= WINDOW;
        if renewed {
            self.since = now;
            self.used = 1;
        }
        renewed
    }

    fn credit(&mut self, frames: u32) {
        self.used = self.used.saturating_sub(frames);
    }
}

impl Frames {
    pub(super) fn new(limits: &Limits) -> Frames {
        let http2 = &limits.http2;
        Frames {
            skip: PREFACE.len(),
            header: [0; HEADER],
            have: 0,
            block: false,
            last: 0,
            stream: 0,
            trailers: false,
            part: None,
            fields: Fields::new(limits.head.bytes),
            fragments: Vec::new(),
            max_fragments: (http2.max_concurrent_streams as usize).saturating_mul(2),
            body: false,
            begun: 0,
            control: FrameBudget::new(http2.max_control_frames),
            resets: FrameBudget::new(http2.max_resets),
            useful: 0,
            violation: None,
        }
    }

    /// Inspects bytes from the client.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                if self.body {
                    self.credit_body(skipped);
                } else if self.part.is_some() {
                    self.read_block(&bytes[..skipped]);
                }
                bytes = &bytes[skipped..];
                continue;
            }
            if self.have == 0 {
                self.begun += 1;
            }
            let taken = (HEADER - self.have).min(bytes.len());
            self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == HEADER {
                self.have = 0;
                self.begin();
            }
        }
    }

    /// Credits bytes of a request body, or of responses.
    pub(super) fn credit_body(&mut self, bytes: usize) {
        self.useful += bytes;
        if self.useful >= 1024 {
            self.control.credit(u32::try_from(self.useful / 1024 * 4).unwrap_or(u32::MAX));
            self.useful %= 1024;
        }
    }

    fn begin(&mut self) {
        let [a, b, c, kind, flags, id @ ..] = self.header;
        self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.body = kind == DATA;
        self.part = None;
        let fine = match kind {
            DATA if self.skip > 0 => true,
            HEADERS => {
                self.block = flags & END_HEADERS == 0;
                self.control.credit(4);
                self.stream = u32::from_be_bytes(id) & 0x7fff_ffff;
                self.trailers = self.stream <= self.last;
                self.last = self.last.max(self.stream);
                self.part = Some(BlockPart::of_headers(flags, self.skip));
                true
            }
            CONTINUATION => {
                self.block = flags & END_HEADERS == 0;
                self.part = Some(BlockPart { left: self.skip, ..BlockPart::default() });
                self.control.spend()
            }
            PUSH_PROMISE => {
                self.lose_table();
                true
            }
            RST_STREAM if !self.resets.spend() => {
                self.violation.get_or_insert(Violation::Resets);
                true
            }
            _ => self.control.spend(),
        };
        if !fine {
            self.violation.get_or_insert(Violation::Control);
        }
        if self.skip == 0 {
            // The last frame of a block may be empty.
            self.read_block(&[]);
        }
    }

    fn read_block(&mut self, bytes: &[u8]) {
        let Some(part) = &mut self.part else { return };
        let fits = self.fields.feed(part.take(bytes));
        if !fits {
            self.violation.get_or_insert(Violation::Control);
        }
        if part.depends_on == Some(self.stream) {
            // h2 resets the stream and does not decode its fields.
            self.lose_table();
        }
        if self.skip > 0 || self.block {
            return;
        }
        let seen = self.fields.end();
        if self.fields.is_lost() {
            self.violation.get_or_insert(Violation::Compression);
        }
        if seen.pseudo && self.trailers {
            self.violation.get_or_insert(Violation::Protocol);
        }
        if seen.fragment && !self.trailers {
            if self.fragments.len() < self.max_fragments {
                self.fragments.push(self.stream);
            } else {
                self.violation.get_or_insert(Violation::Control);
            }
        }
    }

    /// Called for a block that only one of h2 and [`Fields`] decodes.
    #[cold]
    fn lose_table(&mut self) {
        self.fields.lose();
        self.violation.get_or_insert(Violation::Protocol);
    }

    /// Whether the path of a stream has a fragment, or may have one that was not seen. It must be
    /// called for streams in their order.
    pub(super) fn has_fragment(&mut self, stream: u32) -> bool {
        if self.fields.is_lost() {
            return true;
        }
        if self.fragments.is_empty() {
            return false;
        }
        let has = self.fragments.contains(&stream);
        // h2 refused the streams before it.
        self.fragments.retain(|other| *other > stream);
        has
    }

    /// Identifies the incomplete frame or header block, if there is one. DATA frames do not count.
    pub(super) fn incomplete(&self) -> Option<u64> {
        let open = self.have > 0 || (self.skip > 0 && !self.body) || self.block;
        // All frames of a block count as one.
        open.then_some(if self.block { u64::MAX } else { self.begun })
    }
}

/// The bytes of a frame that belong to a header block. They are preceded by the pad length and the
/// priority (RFC 9113, 6.2), and followed by padding.
#[derive(Debug, Default)]
struct BlockPart {
    padded: bool,
    /// The number of missing bytes of the priority, and its value so far. The first four bytes are
    /// the stream that this one depends on.
    priority_left: usize,
    priority: u64,
    depends_on: Option<u32>,
    left: usize,
}

impl BlockPart {
    fn of_headers(flags: u8, length: usize) -> BlockPart {
        let padded = flags & PADDED != 0;
        let priority_left = if flags & PRIORITY != 0 { 5 } else { 0 };
        let left = length.saturating_sub(priority_left + usize::from(padded));
        BlockPart { padded, priority_left, left, ..BlockPart::default() }
    }

    fn take<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        if self.padded
            && let Some((padding, rest)) = bytes.split_first()
        {
            self.padded = false;
            self.left = self.left.saturating_sub(usize::from(*padding));
            bytes = rest;
        }
        let (priority, rest) = bytes.split_at(self.priority_left.min(bytes.len()));
        if !priority.is_empty() {
            self.priority_left -= priority.len();
            self.priority =
                priority.iter().fold(self.priority, |value, byte| value << 8 | u64::from(*byte));
            // The first bit of the priority is a flag.
            self.depends_on =
                (self.priority_left == 0).then_some((self.priority >> 8) as u32 & 0x7fff_ffff);
        }
        let taken = &rest[..self.left.min(rest.len())];
        self.left -= taken.len();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Http2;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let [.., a, b, c] = (payload as u32).to_be_bytes();
        let mut frame = vec![a, b, c, kind, flags, 0, 0, 0, 1];
        frame.resize(HEADER + payload, 0);
        frame
    }

    #[test]
    fn a_header_block_is_incomplete_until_its_last_byte_however_it_is_split() {
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame(4, 0, 12));
        bytes.extend(frame(HEADERS, 0, 30));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 5));
        for size in 1..=bytes.len() {
            let mut frames = Frames::new(&Limits::default());
            let mut read = 0;
            for piece in bytes.chunks(size) {
                frames.read(piece);
                read += piece.len();
                let complete = read == PREFACE.len()
                    || read == PREFACE.len() + HEADER + 12
                    || read == bytes.len();
                assert_eq!(frames.incomplete().is_none(), complete, "{read} in pieces of {size}");
            }
            assert_eq!(
                frames.control.used, 1,
                "the settings are credited, the continuation is not"
            );
        }
    }

    fn headers(flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = frame(HEADERS, flags | END_HEADERS, payload.len());
        frame[5..HEADER].copy_from_slice(&stream.to_be_bytes());
        frame[HEADER..].copy_from_slice(payload);
        frame
    }

    #[test]
    fn a_stream_that_depends_on_itself_is_found_however_it_is_split() {
        let cases: [(&[u8], u8, Option<Violation>); 5] = [
            (b"\0\0\0\x03\x10\x82", PRIORITY, Some(Violation::Protocol)),
            (b"\x80\0\0\x03\x10\x82", PRIORITY, Some(Violation::Protocol)),
            (b"\x01\0\0\0\x03\x10\x82\0", PRIORITY | PADDED, Some(Violation::Protocol)),
            (b"\0\0\0\x01\x03\x82", PRIORITY, None),
            (b"\x82\x82\x82\x82\x82\x82", 0, None),
        ];
        for (payload, flags, violation) in cases {
            let bytes = [PREFACE, &headers(flags, 3, payload)].concat();
            for size in 1..=bytes.len() {
                let mut frames = Frames::new(&Limits::default());
                bytes.chunks(size).for_each(|piece| frames.read(piece));
                assert_eq!(frames.violation, violation, "{payload:x?} in pieces of {size}");
                assert_eq!(frames.has_fragment(3), violation.is_some());
            }
        }
    }

    /// h2 does not return streams after a GOAWAY.
    #[test]
    fn fragments_of_ignored_streams_are_limited() {
        let limits = Limits::default();
        let mut frames = Frames::new(&limits);
        frames.read(PREFACE);
        let most = limits.http2.max_concurrent_streams * 2;
        for at in 0..most {
            frames.read(&headers(0, 2 * at + 1, b"\x04\x02/#"));
        }
        assert_eq!(frames.violation, None);
        frames.read(&headers(0, 2 * most + 1, b"\x04\x02/#"));
        assert_eq!(frames.violation, Some(Violation::Control));
        assert_eq!(frames.fragments.len(), most as usize);
        assert!(frames.has_fragment(2 * most - 1));
        assert!(frames.fragments.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn counts_restart_after_their_window_and_bodies_allow_more_frames() {
        let http2 = Http2 { max_control_frames: 100, max_resets: 10, ..Http2::default() };
        let limits = Limits { http2, ..Limits::default() };
        let mut frames = Frames::new(&limits);
        frames.read(PREFACE);
        let pings = |frames: &mut Frames, count: usize| frames.read(&frame(6, 0, 8).repeat(count));
        pings(&mut frames, 100);
        frames.read(&frame(DATA, 0, 16 * 1024));
        pings(&mut frames, 64);
        assert_eq!(frames.violation, None);
        tokio::time::sleep(WINDOW).await;
        pings(&mut frames, 100);
        assert_eq!(frames.violation, None);
        pings(&mut frames, 1);
        assert_eq!(frames.violation, Some(Violation::Control));

        let mut frames = Frames::new(&limits);
        frames.read(PREFACE);
        frames.read(&frame(RST_STREAM, 0, 4).repeat(10));
        assert_eq!(frames.violation, None);
        frames.read(&frame(RST_STREAM, 0, 4));
        assert_eq!(frames.violation, Some(Violation::Resets));
    }
}
