//! What goes by in frames, seen from outside: h2 understands them, this only counts what it does not.
//!
//! - A header block that has begun must end in time (RFC 9113, 4.3: nothing else may come between its frames).
//! - Frames that carry nothing are bounded against those that do: offences of SETTINGS, PING, PRIORITY, WINDOW_UPDATE.
//! - Streams that are reset are bounded in time: each has cost a call of the service (rapid reset, CVE-2023-44487).
//! - Header blocks go to [`Fields`], which finds what h2 overlooks in them.

use std::time::Duration;

use tokio::time::Instant;

use super::fields::Fields;
use crate::config::ServerConfig;

/// Counts are over this long.
const WINDOW: Duration = Duration::from_secs(10);

/// The preface of a connection (RFC 9113, 3.4). It is no frame.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
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
    /// Pseudo fields in trailers (RFC 9113, 8.1), which h2 overlooks.
    Trailers,
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
    pub(super) fn new(config: &ServerConfig) -> Frames {
        let limits = &config.http2;
        Frames {
            skip: PREFACE.len(),
            header: [0; HEADER],
            have: 0,
            block: false,
            last: 0,
            stream: 0,
            trailers: false,
            part: None,
            fields: Fields::new(config.max_head_bytes),
            fragments: Vec::new(),
            body: false,
            begun: 0,
            control: Budget::new(limits.max_control_frames),
            resets: Budget::new(limits.max_resets),
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
        if self.skip > 0 || self.block {
            return;
        }
        let seen = self.fields.end();
        if seen.pseudo && self.trailers {
            self.offence.get_or_insert(Offence::Trailers);
        }
        if seen.fragment && !self.trailers {
            self.fragments.push(self.stream);
        }
    }

    /// Whether the path of a stream has a fragment. Asked for streams in their order.
    pub(super) fn has_fragment(&mut self, stream: u32) -> bool {
        if self.fragments.is_empty() {
            return false;
        }
        let has = self.fragments.contains(&stream);
        // Those before it were refused by h2.
        self.fragments.retain(|other| *other > stream);
        has
    }

    /// A number for the frame or header block that has begun and is not complete; a body's frame does not count.
    pub(super) fn incomplete(&self) -> Option<u64> {
        let open = self.have > 0 || (self.skip > 0 && !self.body) || self.block;
        // All frames of one block are one.
        open.then_some(if self.block { u64::MAX } else { self.begun })
    }
}

/// Which bytes of a frame are a part of a block: those between what stands before it (RFC 9113, 6.2) and the padding.
#[derive(Debug, Default)]
struct Part {
    padded: bool,
    before: usize,
    left: usize,
}

impl Part {
    fn of_headers(flags: u8, length: usize) -> Part {
        let padded = flags & PADDED != 0;
        let before = if flags & PRIORITY != 0 { 5 } else { 0 };
        Part { padded, before, left: length.saturating_sub(before + usize::from(padded)) }
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
        self.before -= before.len();
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
            let mut frames = Frames::new(&ServerConfig::default());
            let mut read = 0;
            for piece in bytes.chunks(size) {
                frames.read(piece);
                read += piece.len();
                let complete =
                    read == PREFACE.len() || read == PREFACE.len() + HEADER + 12 || read == bytes.len();
                assert_eq!(frames.incomplete().is_none(), complete, "{read} in pieces of {size}");
            }
            assert_eq!(frames.control.used, 1, "the settings are bought back, the continuation is not");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn counts_begin_anew_after_their_time_and_bodies_buy_frames_back() {
        let http2 = Http2 { max_control_frames: 100, max_resets: 10, ..Http2::default() };
        let limits = ServerConfig { http2, ..ServerConfig::default() };
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
