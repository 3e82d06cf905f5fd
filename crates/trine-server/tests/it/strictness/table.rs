//! The cases, and the functions that build the tables.

use super::reader::Read;

pub(super) struct Case {
    pub(super) name: String,
    pub(super) rfc: &'static str,
    pub(super) sent: Vec<u8>,
    pub(super) verdict: Verdict,
    /// Whether another request (the probe) follows on the same connection.
    pub(super) probed: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// These responses arrive, and the connection serves another request.
    Open(Vec<Answer>),
    /// These responses arrive, and the last one says `connection: close`. Nothing after it is ever
    /// answered.
    Last(Vec<Answer>),
    /// The connection ends without a byte.
    Silent,
}

/// What a response must contain.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: u16,
    body: Option<Vec<u8>>,
    says: Vec<String>,
    lacks: Vec<&'static str>,
}

/// The handler saw the whole request, and its body was this.
pub(super) fn served(body: impl AsRef<[u8]>) -> Answer {
    status(200).body(body)
}

/// A response with this status and any body.
pub(super) fn status(status: u16) -> Answer {
    Answer { status, body: None, says: Vec::new(), lacks: Vec::new() }
}

/// The server itself refuses the request and ends the connection.
pub(super) fn refused(code: u16) -> Verdict {
    Verdict::Last(vec![status(code).says("content-type: application/problem+json\r\n")])
}

/// The handler reads the body and gets the error that it is incomplete.
pub(super) fn incomplete() -> Verdict {
    Verdict::Last(vec![status(422).says("x-error: incomplete\r\n")])
}

/// The handler reads the body and gets the error that it is malformed.
pub(super) fn malformed() -> Verdict {
    Verdict::Last(vec![status(422).says("x-error: malformed\r\n")])
}

pub(super) fn open(answer: Answer) -> Verdict {
    Verdict::Open(vec![answer])
}

pub(super) fn last(answer: Answer) -> Verdict {
    Verdict::Last(vec![answer])
}

impl Answer {
    pub(super) fn body(mut self, body: impl AsRef<[u8]>) -> Answer {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// Text that the head of the response must contain.
    pub(super) fn says(mut self, text: impl Into<String>) -> Answer {
        self.says.push(text.into());
        self
    }

    /// Text that the head must not contain.
    pub(super) fn lacks(mut self, text: &'static str) -> Answer {
        self.lacks.push(text);
        self
    }

    pub(super) fn check(&self, read: &Read) -> Result<(), String> {
        if read.status != self.status {
            return Err(format!("status {} instead of {}", read.status, self.status));
        }
        if let Some(body) = self.body.as_ref().filter(|body| **body != read.body) {
            return Err(format!(
                "body `{}` instead of `{}`",
                read.body.escape_ascii(),
                body.escape_ascii()
            ));
        }
        if let Some(text) = self.says.iter().find(|text| !read.head.contains(*text)) {
            return Err(format!("it does not say {text:?}"));
        }
        if let Some(text) = self.lacks.iter().find(|text| read.head.contains(**text)) {
            return Err(format!("it says {text:?}"));
        }
        Ok(())
    }
}

impl Case {
    /// Which of the responses belong to HEAD requests: only the client knows that they have no
    /// body.
    ///
    /// A guess is good enough, since no body in the table has a line that begins with HEAD.
    pub(super) fn heads(&self, probe: &[u8]) -> Vec<bool> {
        let mut bytes = self.sent.clone();
        bytes.extend_from_slice(probe);
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| line.windows(8).any(|part| part == b" HTTP/1."));
        lines.map(|line| line.starts_with(b"HEAD ")).collect()
    }
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) cases: Vec<Case>,
    rfc: &'static str,
}

impl Table {
    /// Sets the RFC section of the following cases.
    pub(super) fn section(&mut self, rfc: &'static str) {
        self.rfc = rfc;
    }

    pub(super) fn case(
        &mut self,
        name: impl Into<String>,
        sent: impl AsRef<[u8]>,
        verdict: Verdict,
    ) {
        self.push(name.into(), sent.as_ref(), verdict, true);
    }

    /// Adds a message that is cut off: a FIN follows in place of its end.
    pub(super) fn cut_off(
        &mut self,
        name: impl Into<String>,
        sent: impl AsRef<[u8]>,
        verdict: Verdict,
    ) {
        self.push(name.into(), sent.as_ref(), verdict, false);
    }

    fn push(&mut self, name: String, sent: &[u8], verdict: Verdict, probed: bool) {
        self.cases.push(Case { name, rfc: self.rfc, sent: sent.to_vec(), verdict, probed });
    }
}

/// A GET with these header lines (each with its CR LF) besides Host.
pub(super) fn get(lines: &str) -> String {
    format!("GET /a HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

pub(super) fn post(lines: &str, body: &str) -> String {
    format!("POST /a HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}")
}
