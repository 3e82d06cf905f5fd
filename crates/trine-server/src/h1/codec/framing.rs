//! Decides where a request ends. A request is refused if two parties could disagree about its end.
//!
//! Request smuggling exploits lenient parsers, so every rule here is strict: RFC 9112, sections 3.2
//! and 6, and RFC 9110, sections 7.2, 8.6 and 10.1.1.

use http::{HeaderValue, Method, StatusCode};

use super::host::valid_host;
use super::name::Role;
use crate::error::RequestError;
use crate::semantics;

/// The length of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Sized(u64),
    Chunked,
}

/// What a request decides about its response. This belongs to the request and never to the
/// connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResponseTerms {
    /// The request is HTTP/1.0: no response is chunked, and keep-alive must be declared.
    pub(crate) http10: bool,
    /// The request is a HEAD: the response has no body, whatever its head declares.
    pub(crate) head: bool,
    /// The request is a CONNECT: a 2xx response turns the connection into a tunnel.
    pub(crate) connect: bool,
    /// The client asked for another protocol.
    pub(crate) upgrade: bool,
    /// Another request may follow.
    pub(crate) keep_alive: bool,
}

impl ResponseTerms {
    /// The terms of the last response of a connection.
    pub(crate) const LAST: ResponseTerms = ResponseTerms {
        http10: false,
        head: false,
        connect: false,
        upgrade: false,
        keep_alive: false,
    };

    /// Whether a response with this status ends HTTP on the connection (RFC 9110, 7.8 and 9.3.6).
    pub(crate) fn upgrades_at(&self, status: StatusCode) -> bool {
        match status {
            StatusCode::SWITCHING_PROTOCOLS => self.upgrade && !self.connect,
            status => self.connect && status.is_success(),
        }
    }
}

/// The headers of a request that frame it, collected while they are parsed.
#[derive(Debug, Default)]
pub(crate) struct FramingHeaders {
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

/// The transfer codings that were seen so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    #[default]
    None,
    Chunked,
    Unknown,
    Misplaced,
}

/// The framing of a request that may be served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) terms: ResponseTerms,
    pub(crate) length: Length,
    pub(crate) expect_continue: bool,
}

impl Framing {
    /// The framing of a request before any of its headers was read.
    pub(crate) const NONE: Framing =
        Framing { terms: ResponseTerms::LAST, length: Length::Sized(0), expect_continue: false };
}

impl FramingHeaders {
    pub(crate) fn add(&mut self, role: Role, value: &HeaderValue) -> Result<(), RequestError> {
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
            Role::TransferEncoding => self.add_encoding(value)?,
            Role::Connection => self.add_connection(value),
            Role::Upgrade => self.upgrade = true,
            Role::Expect => {
                semantics::expectation(value)?;
                self.expect_continue = true;
            }
        }
        Ok(())
    }

    fn add_encoding(&mut self, value: &[u8]) -> Result<(), RequestError> {
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

    fn add_connection(&mut self, value: &[u8]) {
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

    /// Whether the request has a Host header.
    pub(crate) fn has_host(&self) -> bool {
        self.hosts > 0
    }

    /// The framing of the request, once all headers were added.
    pub(crate) fn resolve(self, method: &Method, http10: bool) -> Result<Framing, RequestError> {
        if !http10 && self.hosts == 0 {
            return Err(RequestError::HostMissing);
        }
        if self.encoded && self.length.is_some() {
            return Err(RequestError::LengthAndEncoding);
        }
        if self.encoded && http10 {
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
        let terms = ResponseTerms {
            http10,
            head: *method == Method::HEAD,
            connect,
            // The whole request must be read before the protocol changes (RFC 9110, 7.8), so a
            // request with a body is answered in HTTP. HTTP/1.0 has no upgrade.
            upgrade: !http10 && empty && (connect || self.upgrade && self.upgrade_token),
            keep_alive: !self.close && (!http10 || self.keep_alive),
        };
        Ok(Framing { terms, length, expect_continue: self.expect_continue && !http10 && !empty })
    }
}
