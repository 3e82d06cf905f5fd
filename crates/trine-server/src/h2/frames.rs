//! What goes by in frames, seen from outside: h2 understands them, this only counts what it does
//! not.
//!
//! - A header block that has begun must end in time (RFC 9113, 4.3: nothing else may come between
//!   its frames).
//! - Frames that carry nothing are bounded against those that do: offences of SETTINGS, PING,
//!   PRIORITY, WINDOW_UPDATE.
//! - Streams that are reset are bounded in time: each has cost a call of the service (rapid reset,
//!   CVE-2023-44487).
//! - Header blocks go to [`Fields`], which finds what h2 overlooks in them. Blocks that only one of
//!   the two would read end the connection: behind them both would see different fields.

use std::time::Duration;

use tokio::time::Instant;

use super::fields::Fields;
use crate::config::limits::Limits;

/// Counts are over this long.
const WINDOW: Duration = Duration::from_secs(10);

/// The preface of a connection (RFC 9113, 3.4). It is no frame.
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

/// What ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offence {
    /// Too many frames that carry nothing.
    Control,
    /// Too many streams that were reset.
    Resets,
    /// What h2 overlooks or takes for an error of one stream: pseudo fields in trailers (RFC 9113,
    /// 8.1), a promise of a client (8.4), a stream that depends on itself (5.3.1 of RFC 7540).
    Protocol,
    /// A header block that cannot be read (RFC 9113, 4.3).
    Compression,
}

#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes of the frame in hand that are still to come.
    skip: usize,
    header: [u8; HEADER],
    have: usize,
    /// A header block has begun and not ended.
    block: bool,
    /// The largest stream that was begun: another head of it, or of one before it, is trailers.
    last: u32,
    /// The stream of the block in hand, and whether it is trailers.
    stream: u32,
    trailers: bool,
    /// What of a block the frame in hand carries.
    part: Option<Part>,
    fields: Fields,
    /// Streams whose path has a fragment, and which were not asked for yet.
    fragments: Vec<u32>,
    /// The most of them: more are only begun where h2 no longer takes streams.
    most_fragments: usize,
    /// The frame in hand carries a body, which has a time of its own.
    body: bool,
    /// Frames begun so far, so that two that both are incomplete can be told apart.
    begun: u64,
    control: Budget,
    resets: Budget,
    /// Bytes of bodies that have not bought anything back yet.
    useful: usize,
    pub(super) offence: Option<Offence>,
}

/// So many in a window of time. The clock is asked only where there were too many.
#[derive(Debug)]
struct Budget {
    most: u32,
    used: u32,
    since: Instant,
}

impl Budget {
    fn new(most: u32) -> Budget {
        Budget { most, used: 0, since: Instant::now() }
    }

    fn spend(&mut self) -> bool {
        self.used += 1;
        self.used <= self.most || self.renew()
    }

    #[cold]
    fn renew(&mut self) -> bool {
        let now = Instant::now();
        let over = now.duration_since(self.since) >= WINDOW;
        if over {
            self.since = now;
            self.used = 1;
        }
        over
    }

    fn buy(&mut self, back: u32) {
        self.used = self.used.saturating_sub(back);
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
            most_fragments: (http2.max_concurrent_streams as usize).saturating_mul(2),
            body: false,
            begun: 0,
            control: Budget::new(http2.max_control_frames),
            resets: Budget::new(http2.max_resets),
            useful: 0,
            offence: None,
        }
    }

    /// Bytes from the client.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                if self.body {
                    self.carried(skipped);
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

    /// Bytes of a body, or of answers.
    pub(super) fn carried(&mut self, bytes: usize) {
        self.useful += bytes;
        if self.useful >= 1024 {
            self.control.buy(u32::try_from(self.useful / 1024 * 4).unwrap_or(u32::MAX));
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
                self.control.buy(4);
                self.stream = u32::from_be_bytes(id) & 0x7fff_ffff;
                self.trailers = self.stream <= self.last;
                self.last = self.last.max(self.stream);
                self.part = Some(Part::of_headers(flags, self.skip));
                true
            }
            CONTINUATION => {
                self.block = flags & END_HEADERS == 0;
                self.part = Some(Part { left: self.skip, ..Part::default() });
                self.control.spend()
            }
            PUSH_PROMISE => {
                self.differ();
                true
            }
            RST_STREAM if !self.resets.spend() => {
                self.offence.get_or_insert(Offence::Resets);
                true
            }
            _ => self.control.spend(),
        };
        if !fine {
            self.offence.get_or_insert(Offence::Control);
        }
        if self.skip == 0 {
            // The end of a block can be a frame of nothing.
            self.read_block(&[]);
        }
    }

    fn read_block(&mut self, bytes: &[u8]) {
        let Some(part) = &mut self.part else { return };
        let fits = self.fields.feed(part.take(bytes));
        if !fits {
            self.offence.get_or_insert(Offence::Control);
        }
        if part.depends_on == Some(self.stream) {
            // h2 resets the stream and does not read its fields.
            self.differ();
        }
        if self.skip > 0 || self.block {
            return;
        }
        let seen = self.fields.end();
        if self.fields.is_lost() {
            self.offence.get_or_insert(Offence::Compression);
        }
        if seen.pseudo && self.trailers {
            self.offence.get_or_insert(Offence::Protocol);
        }
        if seen.fragment && !self.trailers {
            if self.fragments.len() < self.most_fragments {
                self.fragments.push(self.stream);
            } else {
                self.offence.get_or_insert(Offence::Control);
            }
        }
    }

    /// A block that h2 and [`Fields`] do not both read.
    #[cold]
    fn differ(&mut self) {
        self.fields.lose();
        self.offence.get_or_insert(Offence::Protocol);
    }

    /// Whether the path of a stream has a fragment, or may have one that was not seen. Asked for
    /// streams in their order.
    pub(super) fn has_fragment(&mut self, stream: u32) -> bool {
        if self.fields.is_lost() {
            return true;
        }
        if self.fragments.is_empty() {
            return false;
        }
        let has = self.fragments.contains(&stream);
        // Those before it were refused by h2.
        self.fragments.retain(|other| *other > stream);
        has
    }

    /// A number for the frame or header block that has begun and is not complete; a body's frame
    /// does not count.
    pub(super) fn incomplete(&self) -> Option<u64> {
        let open = self.have > 0 || (self.skip > 0 && !self.body) || self.block;
        // All frames of one block are one.
        open.then_some(if self.block { u64::MAX } else { self.begun })
    }
}

/// Which bytes of a frame are a part of a block: those between what stands before it (RFC 9113,
/// 6.2) and the padding.
#[derive(Debug, Default)]
struct Part {
    padded: bool,
    /// Bytes of a priority that are still to come, and what they say so far: the first four are the
    /// stream that this one depends on.
    before: usize,
    said: u64,
    depends_on: Option<u32>,
    left: usize,
}

impl Part {
    fn of_headers(flags: u8, length: usize) -> Part {
        let padded = flags & PADDED != 0;
        let before = if flags & PRIORITY != 0 { 5 } else { 0 };
        let left = length.saturating_sub(before + usize::from(padded));
        Part { padded, before, left, ..Part::default() }
    }

    fn take<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        if self.padded
            && let Some((padding, rest)) = bytes.split_first()
        {
            self.padded = false;
            self.left = self.left.saturating_sub(usize::from(*padding));
            bytes = rest;
        }
        let (before, rest) = bytes.split_at(self.before.min(bytes.len()));
        if !before.is_empty() {
            self.before -= before.len();
            self.said = before.iter().fold(self.said, |said, byte| said << 8 | u64::from(*byte));
            // The first bit of the five bytes is a flag.
            self.depends_on = (self.before == 0).then_some((self.said >> 8) as u32 & 0x7fff_ffff);
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
    fn a_header_block_is_incomplete_until_its_last_byte_however_it_is_cut() {
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
                "the settings are bought back, the continuation is not"
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
    fn a_stream_that_depends_on_itself_is_seen_however_it_is_cut() {
        let cases: [(&[u8], u8, Option<Offence>); 5] = [
            (b"\0\0\0\x03\x10\x82", PRIORITY, Some(Offence::Protocol)),
            (b"\x80\0\0\x03\x10\x82", PRIORITY, Some(Offence::Protocol)),
            (b"\x01\0\0\0\x03\x10\x82\0", PRIORITY | PADDED, Some(Offence::Protocol)),
            (b"\0\0\0\x01\x03\x82", PRIORITY, None),
            (b"\x82\x82\x82\x82\x82\x82", 0, None),
        ];
        for (payload, flags, offence) in cases {
            let bytes = [PREFACE, &headers(flags, 3, payload)].concat();
            for size in 1..=bytes.len() {
                let mut frames = Frames::new(&Limits::default());
                bytes.chunks(size).for_each(|piece| frames.read(piece));
                assert_eq!(frames.offence, offence, "{payload:x?} in pieces of {size}");
                assert_eq!(frames.has_fragment(3), offence.is_some());
            }
        }
    }

    /// Streams behind a GOAWAY are nobody's, and nobody asks for them.
    #[test]
    fn fragments_that_nobody_asks_for_have_an_end() {
        let limits = Limits::default();
        let mut frames = Frames::new(&limits);
        frames.read(PREFACE);
        let most = limits.http2.max_concurrent_streams * 2;
        for at in 0..most {
            frames.read(&headers(0, 2 * at + 1, b"\x04\x02/#"));
        }
        assert_eq!(frames.offence, None);
        frames.read(&headers(0, 2 * most + 1, b"\x04\x02/#"));
        assert_eq!(frames.offence, Some(Offence::Control));
        assert_eq!(frames.fragments.len(), most as usize);
        assert!(frames.has_fragment(2 * most - 1));
        assert!(frames.fragments.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn counts_begin_anew_after_their_time_and_bodies_buy_frames_back() {
        let http2 = Http2 { max_control_frames: 100, max_resets: 10, ..Http2::default() };
        let limits = Limits { http2, ..Limits::default() };
        let mut frames = Frames::new(&limits);
        frames.read(PREFACE);
        let pings = |frames: &mut Frames, count: usize| frames.read(&frame(6, 0, 8).repeat(count));
        pings(&mut frames, 100);
        frames.read(&frame(DATA, 0, 16 * 1024));
        pings(&mut frames, 64);
        assert_eq!(frames.offence, None);
        tokio::time::sleep(WINDOW).await;
        pings(&mut frames, 100);
        assert_eq!(frames.offence, None);
        pings(&mut frames, 1);
        assert_eq!(frames.offence, Some(Offence::Control));

        let mut frames = Frames::new(&limits);
        frames.read(PREFACE);
        frames.read(&frame(RST_STREAM, 0, 4).repeat(10));
        assert_eq!(frames.offence, None);
        frames.read(&frame(RST_STREAM, 0, 4));
        assert_eq!(frames.offence, Some(Offence::Resets));
    }
}
