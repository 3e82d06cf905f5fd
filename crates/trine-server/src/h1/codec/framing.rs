//! Where a request ends, and which requests are refused because two parties could disagree about
//! it.
//!
//! Request smuggling lives on leniency, so every rule here is strict: RFC 9112, section 6 and 3.2,
//! RFC 9110, sections 7.2, 8.6 and 10.1.1.

use http::{HeaderValue, Method, StatusCode};

use super::host::valid_host;
use super::name::Role;
use crate::error::RequestError;
use crate::semantics;

/// How long the body of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Sized(u64),
    Chunked,
}

/// What a request decides about its answer. It travels with the request, never with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// HTTP/1.0: no chunked answer, and keep-alive must be said aloud.
    pub(crate) old: bool,
    /// HEAD: the answer has no body, whatever its head says.
    pub(crate) head: bool,
    /// CONNECT: a 2xx answer turns the connection into a tunnel.
    pub(crate) connect: bool,
    /// The client asked for another protocol.
    pub(crate) upgrade: bool,
    /// Another request may follow.
    pub(crate) keep_alive: bool,
}

impl Terms {
    /// Whether an answer with this status ends HTTP on the connection (RFC 9110, 7.8 and 9.3.6).
    pub(crate) fn switches_at(&self, status: StatusCode) -> bool {
        match status {
            StatusCode::SWITCHING_PROTOCOLS => self.upgrade && !self.connect,
            status => self.connect && status.is_success(),
        }
    }
}

/// What the framing headers of one request say, collected while they are read.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    hosts: u8,
    length: Option<u64>,
    encoded: bool,
    encoding: Encoding,
    expect_continue: bool,
    close: bool,
    keep_alive: bool,
    upgrade_token: bool,
    upgrade: bool,
}

/// The transfer codings so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    #[default]
    None,
    Chunked,
    Unknown,
    Misplaced,
}

/// The verdict on a request that may be served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) terms: Terms,
    pub(crate) length: Length,
    pub(crate) expect_continue: bool,
}

impl Framing {
    /// That of a request of which nothing is known yet.
    pub(crate) const NONE: Framing = Framing {
        terms: Terms { old: false, head: false, connect: false, upgrade: false, keep_alive: false },
        length: Length::Sized(0),
        expect_continue: false,
    };
}

impl Facts {
    pub(crate) fn see(&mut self, role: Role, value: &HeaderValue) -> Result<(), RequestError> {
        let value = value.as_bytes();
        match role {
            Role::Plain => {}
            Role::Host => {
                self.hosts += 1;
                if self.hosts > 1 {
                    return Err(RequestError::HostRepeated);
                }
                if !valid_host(value) {
                    return Err(RequestError::HostInvalid);
                }
            }
            Role::ContentLength => semantics::length(&mut self.length, value)?,
            Role::TransferEncoding => self.see_encoding(value)?,
            Role::Connection => self.see_connection(value),
            Role::Upgrade => self.upgrade = true,
            Role::Expect => {
                semantics::expectation(value)?;
                self.expect_continue = true;
            }
        }
        Ok(())
    }

    fn see_encoding(&mut self, value: &[u8]) -> Result<(), RequestError> {
        self.encoded = true;
        for coding in value.split(|byte| *byte == b',') {
            let coding = coding.trim_ascii();
            if coding.is_empty() {
                return Err(RequestError::EncodingOrder);
            }
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.encoding = match (self.encoding, chunked) {
                (Encoding::None, true) => Encoding::Chunked,
                (Encoding::None | Encoding::Unknown, _) => Encoding::Unknown,
                (Encoding::Chunked | Encoding::Misplaced, _) => Encoding::Misplaced,
            };
        }
        Ok(())
    }

    fn see_connection(&mut self, value: &[u8]) {
        for token in value.split(|byte| *byte == b',') {
            let token = token.trim_ascii();
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade_token = true;
            }
        }
    }

    /// Whether the request brought a Host header.
    pub(crate) fn has_host(&self) -> bool {
        self.hosts > 0
    }

    pub(crate) fn settle(self, method: &Method, old: bool) -> Result<Framing, RequestError> {
        if !old && self.hosts == 0 {
            return Err(RequestError::HostMissing);
        }
        if self.encoded && self.length.is_some() {
            return Err(RequestError::LengthAndEncoding);
        }
        if self.encoded && old {
            return Err(RequestError::EncodingOnOldVersion);
        }
        let length = match self.encoding {
            Encoding::None => Length::Sized(self.length.unwrap_or(0)),
            Encoding::Chunked => Length::Chunked,
            Encoding::Unknown => return Err(RequestError::EncodingUnknown),
            Encoding::Misplaced => return Err(RequestError::EncodingOrder),
        };
        let empty = length == Length::Sized(0);
        let connect = *method == Method::CONNECT;
        if connect && !empty {
            return Err(RequestError::ConnectWithBody);
        }
        let terms = Terms {
            old,
            head: *method == Method::HEAD,
            connect,
            // The whole request must be read before the protocol changes (RFC 9110, 7.8), so one
            // with a body is answered in HTTP; HTTP/1.0 has no upgrade.
            upgrade: !old && empty && (connect || self.upgrade && self.upgrade_token),
            keep_alive: !self.close && (!old || self.keep_alive),
        };
        Ok(Framing { terms, length, expect_continue: self.expect_continue && !old && !empty })
    }
}
