//! The negotiation of `permessage-deflate` (RFC 7692, 7.1).

use std::fmt::Write as _;

use super::fields::Item;
use crate::config::Compression;
use crate::negotiated::Negotiated;

/// The name of the extension.
pub(crate) const NAME: &str = "permessage-deflate";

/// The parameters of an offer, or of a response to it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)` lets the server choose.
    client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// Parses an item of `Sec-WebSocket-Extensions`. `None` if it is another extension, or has
    /// parameters that are unknown, repeated or out of range: then the server declines it.
    pub(crate) fn parse(item: &Item<'_>) -> Option<Parameters> {
        if item.name != NAME {
            return None;
        }
        let mut parsed = Parameters::default();
        let mut seen = Vec::new();
        for (name, value) in &item.parameters {
            if seen.contains(name) {
                return None;
            }
            seen.push(*name);
            match (*name, value.as_deref()) {
                ("server_no_context_takeover", None) => parsed.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => parsed.client_no_context_takeover = true,
                ("server_max_window_bits", Some(value)) => {
                    parsed.server_max_window_bits = Some(window_bits(value)?);
                }
                ("client_max_window_bits", None) => parsed.client_max_window_bits = Some(None),
                ("client_max_window_bits", Some(value)) => {
                    parsed.client_max_window_bits = Some(Some(window_bits(value)?));
                }
                _ => return None,
            }
        }
        Some(parsed)
    }

    /// The parameters that a server negotiates from an offer. `None` if it cannot meet the offer.
    pub(crate) fn accept(self, config: &Compression) -> Option<Negotiated> {
        let asked = self.server_max_window_bits.unwrap_or(MAX_BITS);
        // zlib cannot compress with a window of 256 bytes.
        if asked < MIN_SUPPORTED_BITS {
            return None;
        }
        let client = self.client_max_window_bits.map_or(MAX_BITS, |most| {
            most.unwrap_or(MAX_BITS)
                .min(config.client_window_bits.clamp(MIN_SUPPORTED_BITS, MAX_BITS))
        });
        Some(Negotiated {
            server_no_context_takeover: self.server_no_context_takeover || !config.context_takeover,
            client_no_context_takeover: self.client_no_context_takeover || !config.context_takeover,
            server_max_window_bits: asked
                .min(config.server_window_bits.clamp(MIN_SUPPORTED_BITS, MAX_BITS)),
            client_max_window_bits: client,
        })
    }

    /// The parameters that a client negotiates from the response to its [`offer`]. `None` if the
    /// response does not match the offer.
    pub(crate) fn confirm(self, config: &Compression) -> Option<Negotiated> {
        let client = match self.client_max_window_bits {
            None => MAX_BITS,
            Some(bits) => bits.filter(|bits| *bits >= MIN_SUPPORTED_BITS)?,
        };
        if !config.context_takeover && !self.server_no_context_takeover {
            return None;
        }
        let server = self.server_max_window_bits.unwrap_or(MAX_BITS);
        if server > config.server_window_bits.clamp(MIN_SUPPORTED_BITS, MAX_BITS) {
            return None;
        }
        Some(Negotiated {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover || !config.context_takeover,
            server_max_window_bits: server,
            client_max_window_bits: client,
        })
    }
}

/// The offer of a client.
pub(crate) fn offer(config: &Compression) -> String {
    let mut text = format!("{NAME}; client_max_window_bits");
    if !config.context_takeover {
        text.push_str("; server_no_context_takeover; client_no_context_takeover");
    }
    push_window_bits(&mut text, "server_max_window_bits", config.server_window_bits);
    text
}

/// The response of a server.
pub(crate) fn response(negotiated: Negotiated) -> String {
    let mut text = NAME.to_owned();
    if negotiated.server_no_context_takeover {
        text.push_str("; server_no_context_takeover");
    }
    if negotiated.client_no_context_takeover {
        text.push_str("; client_no_context_takeover");
    }
    push_window_bits(&mut text, "server_max_window_bits", negotiated.server_max_window_bits);
    // It is only less than the maximum if the client has offered it.
    push_window_bits(&mut text, "client_max_window_bits", negotiated.client_max_window_bits);
    text
}

const MAX_BITS: u8 = 15;
const MIN_SUPPORTED_BITS: u8 = 9;

/// Appends a window that is smaller than the maximum.
fn push_window_bits(text: &mut String, name: &str, bits: u8) {
    if bits < MAX_BITS {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "; {name}={bits}");
    }
}

/// A number from 8 to 15 without leading zeros.
fn window_bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok().filter(|bits| (8..=MAX_BITS).contains(bits))?;
    (!value.starts_with(['0', '+'])).then_some(bits)
}
