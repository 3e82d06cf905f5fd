//! Parses bytes into parts (RFC 2046 section 5.1.1), however the bytes are split. It does no I/O.
//!
//! ```text
//!   Preamble --delimiter--> AfterBoundary --CRLF--> Head --blank line--> Content
//!                               |  ^                                        |
//!                             "--" +---------------delimiter----------------+
//!                               v
//!                              End
//! ```

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use memchr::memmem::{self, Finder};

/// An incremental parser: bytes are pushed into it, events are taken from it.
#[derive(Debug)]
pub(super) struct Parser {
    buffer: BytesMut,
    delimiter: Finder<'static>,
    state: State,
    longest_head: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Preamble,
    AfterBoundary,
    Head,
    /// `skip` bytes at the start of the buffer are the line break before the content. They stay in
    /// the buffer, since they also belong to the next delimiter if the part is empty.
    Content {
        skip: usize,
    },
    End,
}

/// The next piece of the body.
#[derive(Debug, PartialEq)]
pub(super) enum Event {
    /// The head of a part.
    Head(HeaderMap),
    /// Content of the part, never empty.
    Content(Bytes),
    /// The end of the part.
    PartEnd,
    /// The closing boundary.
    End,
}

#[derive(Debug, PartialEq)]
pub(super) enum Refused {
    HeadTooLarge,
    Malformed(String),
}

impl Parser {
    pub(super) fn new(boundary: &str, longest_head: usize) -> Parser {
        let delimiter = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        // At the very start of the body, the first delimiter lacks its line break.
        Parser {
            buffer: BytesMut::from(LINE_BREAK),
            delimiter,
            state: State::Preamble,
            longest_head,
        }
    }

    /// Appends bytes. Call [`Parser::next`] until it returns `None` between two pushes, so that the
    /// buffer stays small.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event; `None` if more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Refused> {
        loop {
            match self.state {
                State::Preamble => match self.delimiter.find(&self.buffer) {
                    Some(at) => self.pass_delimiter(at),
                    None => {
                        self.buffer.advance(self.undelimited());
                        return Ok(None);
                    }
                },
                State::AfterBoundary => {
                    if !self.after_boundary()? {
                        return Ok(None);
                    }
                }
                State::Head => return self.head(),
                State::Content { skip } => return Ok(self.content(skip)),
                State::End => return Ok(Some(Event::End)),
            }
        }
    }

    /// The number of bytes that cannot be part of an incomplete delimiter.
    fn undelimited(&self) -> usize {
        self.buffer.len().saturating_sub(self.delimiter.needle().len() - 1)
    }

    fn pass_delimiter(&mut self, at: usize) {
        self.buffer.advance(at + self.delimiter.needle().len());
        self.state = State::AfterBoundary;
    }

    /// Reads the end of a boundary: `--`, or spaces and a line break. The line break is left in the
    /// buffer for the head.
    fn after_boundary(&mut self) -> Result<bool, Refused> {
        if self.buffer.starts_with(b"--") {
            self.buffer.clear();
            self.state = State::End;
            return Ok(true);
        }
        let padding = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match &self.buffer[padding..] {
            [b'\r', b'\n', ..] => {
                self.buffer.advance(padding);
                self.state = State::Head;
                Ok(true)
            }
            _ if padding > LONGEST_PADDING => Err(self.unexpected_bytes()),
            [] | [b'\r'] => Ok(false),
            [b'-'] if padding == 0 => Ok(false),
            _ => Err(self.unexpected_bytes()),
        }
    }

    #[cold]
    fn unexpected_bytes(&self) -> Refused {
        Refused::Malformed("expected a line break or `--` after a boundary".to_owned())
    }

    fn head(&mut self) -> Result<Option<Event>, Refused> {
        // The buffer starts with the line break of the boundary: for a part without a head it is
        // the first half of the blank line.
        let most = self.longest_head + BLANK_LINE.len();
        let Some(end) = memmem::find(&self.buffer[..self.buffer.len().min(most)], BLANK_LINE)
        else {
            return if self.buffer.len() < most { Ok(None) } else { Err(Refused::HeadTooLarge) };
        };
        let headers = headers(&self.buffer[..end])?;
        self.buffer.advance(end + LINE_BREAK.len());
        self.state = State::Content { skip: LINE_BREAK.len() };
        Ok(Some(Event::Head(headers)))
    }

    fn content(&mut self, skip: usize) -> Option<Event> {
        let (end, found) = match self.delimiter.find(&self.buffer) {
            Some(at) => (at, true),
            None => (self.undelimited(), false),
        };
        if end > skip {
            self.buffer.advance(skip);
            self.state = State::Content { skip: 0 };
            return Some(Event::Content(self.buffer.split_to(end - skip).freeze()));
        }
        if found {
            self.pass_delimiter(end);
            return Some(Event::PartEnd);
        }
        None
    }
}

const LINE_BREAK: &[u8] = b"\r\n";
const BLANK_LINE: &[u8] = b"\r\n\r\n";
const LONGEST_PADDING: usize = 64;

fn headers(lines: &[u8]) -> Result<HeaderMap, Refused> {
    let mut headers = HeaderMap::new();
    let mut rest = lines;
    while let Some(after) = rest.strip_prefix(LINE_BREAK) {
        let end = memmem::find(after, LINE_BREAK).unwrap_or(after.len());
        let (line, next) = after.split_at(end);
        rest = next;
        let field = line.iter().position(|&byte| byte == b':').and_then(|colon| {
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
            Some((name, value))
        });
        match field {
            Some((name, value)) => headers.append(name, value),
            None => {
                let line = String::from_utf8_lossy(line);
                let line = crate::extract::clip(&line);
                return Err(Refused::Malformed(format!(
                    "expected a header field in a part, got `{line}`"
                )));
            }
        };
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parts = Vec<(HeaderMap, Vec<u8>)>;

    /// The head and content of each part, and whether the closing boundary was reached.
    fn read(chunks: &[&[u8]]) -> Result<(Parts, bool), Refused> {
        let mut parser = Parser::new("b0", 256);
        let mut parts = Parts::new();
        for chunk in chunks {
            parser.push(chunk);
            loop {
                match parser.next()? {
                    None => break,
                    Some(Event::Head(headers)) => parts.push((headers, Vec::new())),
                    Some(Event::Content(bytes)) => {
                        assert!(!bytes.is_empty());
                        parts.last_mut().unwrap().1.extend_from_slice(&bytes);
                    }
                    Some(Event::PartEnd) => {}
                    Some(Event::End) => return Ok((parts, true)),
                }
            }
        }
        Ok((parts, false))
    }

    const BODY: &[u8] =
        b"preamble\r\n--b0\r\nA: 1\r\nB: 2\r\n\r\none\r\n--b\r\n-\r\n--b0 \t\r\n\r\ntwo\r\n\
        --b0\r\nC: 3\r\n\r\n--b0\r\nD: 4\r\n\r\n\r\n--b0--\r\nepilogue";

    #[test]
    fn a_body_is_split_into_parts() {
        let (parts, whole) = read(&[BODY]).unwrap();
        let contents: Vec<_> = parts.iter().map(|(_, content)| content.as_slice()).collect();
        assert_eq!(contents, [b"one\r\n--b\r\n-".as_slice(), b"two", b"", b""]);
        assert_eq!(parts[0].0["b"], "2");
        assert!(parts[1].0.is_empty() && whole);
    }

    #[test]
    fn bytes_one_by_one_give_the_same_parts() {
        let single: Vec<&[u8]> = BODY.chunks(1).collect();
        assert_eq!(read(&single), read(&[BODY]));
        for cut in 0..BODY.len() {
            assert_eq!(read(&[&BODY[..cut], &BODY[cut..]]), read(&[BODY]), "cut at {cut}");
        }
    }

    #[test]
    fn bytes_that_are_not_multipart_are_refused() {
        let malformed = |body: &[u8]| matches!(read(&[body]), Err(Refused::Malformed(_)));
        assert!(malformed(b"--b0x\r\n\r\n"));
        assert!(malformed(b"--b0\r\nno colon\r\n\r\n"));
        assert!(malformed(b"--b0\r\nA : 1\r\n\r\n"));
        assert!(malformed(b"--b0\n\nA: 1\n\n"));
        assert!(malformed(&[b"--b0".as_slice(), &[b' '; 100]].concat()));
        let long = [b"--b0\r\nA: ".as_slice(), &[b'x'; 300], b"\r\n\r\n"].concat();
        assert_eq!(read(&[&long]), Err(Refused::HeadTooLarge));
        assert_eq!(read(&[&long[..280]]), Err(Refused::HeadTooLarge));
        assert!(!read(&[b"no boundary at all"]).unwrap().1);
        assert!(!read(&[&BODY[..BODY.len() - 20]]).unwrap().1);
    }

    proptest! {
        #[test]
        fn splitting_the_bytes_changes_nothing(
            body in prop::collection::vec(
                prop::sample::select(vec!["--b0", "\r\n", "--", "\r", "\n", "-", "b0", "A: 1", "x", " ", "\r\n--b0\r\n"]),
                0..24,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let body = ["--b0\r\n\r\n", &body.concat()].concat();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
            at.extend([0, body.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&chunks), read(&[body.as_bytes()]));
        }

        #[test]
        fn content_of_any_bytes_is_unchanged(content in prop::collection::vec(any::<u8>(), 0..200), size in 1usize..64) {
            prop_assume!(memmem::find(&content, b"\r\n--b0").is_none() && !content.starts_with(b"--b0"));
            let body = [b"--b0\r\nA: 1\r\n\r\n".as_slice(), &content, b"\r\n--b0--"].concat();
            let (parts, whole) = read(&body.chunks(size).collect::<Vec<_>>()).unwrap();
            prop_assert!(whole);
            prop_assert_eq!(&parts[0].1, &content);
        }
    }
}
