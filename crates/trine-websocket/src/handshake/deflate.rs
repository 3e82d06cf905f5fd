//! `permessage-deflate`: what is offered and what is agreed (RFC 7692, 7.1).

use std::fmt::Write as _;

use super::fields::Item;
use crate::config::Compression;
use crate::negotiated::Negotiated;

/// The name of the extension.
pub(crate) const NAME: &str = "permessage-deflate";

/// The parameters of an offer, or of its answer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)`: the server may choose.
    client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// `None` where it is to be declined: another extension, or parameters that are unknown, twice
    /// there or out of range.
    pub(crate) fn of(item: &Item<'_>) -> Option<Parameters> {
        if item.name != NAME {
            return None;
        }
        let mut read = Parameters::default();
        let mut seen = Vec::new();
        for (name, value) in &item.parameters {
            if seen.contains(name) {
                return None;
            }
            seen.push(*name);
            match (*name, value.as_deref()) {
                ("server_no_context_takeover", None) => read.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => read.client_no_context_takeover = true,
                ("server_max_window_bits", Some(value)) => {
                    read.server_max_window_bits = Some(bits(value)?)
                }
                ("client_max_window_bits", None) => read.client_max_window_bits = Some(None),
                ("client_max_window_bits", Some(value)) => {
                    read.client_max_window_bits = Some(Some(bits(value)?));
                }
                _ => return None,
            }
        }
        Some(read)
    }

    /// What we make of an offer. `None` where it asks for what we cannot do.
    pub(crate) fn accept(self, config: &Compression) -> Option<Negotiated> {
        let asked = self.server_max_window_bits.unwrap_or(LARGEST);
        // Nothing here compresses with a window of 256 bytes: zlib has not done so for decades.
        if asked < SMALLEST_OF_OURS {
            return None;
        }
        let client = self.client_max_window_bits.map_or(LARGEST, |most| {
            most.unwrap_or(LARGEST).min(config.client_window_bits.clamp(SMALLEST_OF_OURS, LARGEST))
        });
        Some(Negotiated {
            server_no_context_takeover: self.server_no_context_takeover || !config.context_takeover,
            client_no_context_takeover: self.client_no_context_takeover || !config.context_takeover,
            server_max_window_bits: asked
                .min(config.server_window_bits.clamp(SMALLEST_OF_OURS, LARGEST)),
            client_max_window_bits: client,
        })
    }

    /// What a client makes of the answer to [`offer`]. `None` where it may not say so.
    pub(crate) fn agreed(self, config: &Compression) -> Option<Negotiated> {
        let client = match self.client_max_window_bits {
            None => LARGEST,
            Some(bits) => bits.filter(|bits| *bits >= SMALLEST_OF_OURS)?,
        };
        if !config.context_takeover && !self.server_no_context_takeover {
            return None;
        }
        let server = self.server_max_window_bits.unwrap_or(LARGEST);
        if server > config.server_window_bits.clamp(SMALLEST_OF_OURS, LARGEST) {
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

/// What a client asks for.
pub(crate) fn offer(config: &Compression) -> String {
    let mut text = format!("{NAME}; client_max_window_bits");
    if !config.context_takeover {
        text.push_str("; server_no_context_takeover; client_no_context_takeover");
    }
    bits_below_all(&mut text, "server_max_window_bits", config.server_window_bits);
    text
}

/// What a server answers.
pub(crate) fn answer(agreed: Negotiated) -> String {
    let mut text = NAME.to_owned();
    if agreed.server_no_context_takeover {
        text.push_str("; server_no_context_takeover");
    }
    if agreed.client_no_context_takeover {
        text.push_str("; client_no_context_takeover");
    }
    bits_below_all(&mut text, "server_max_window_bits", agreed.server_max_window_bits);
    // Only where the client has offered it is it less than all.
    bits_below_all(&mut text, "client_max_window_bits", agreed.client_max_window_bits);
    text
}

const LARGEST: u8 = 15;
const SMALLEST_OF_OURS: u8 = 9;

fn bits_below_all(text: &mut String, name: &str, bits: u8) {
    if bits < LARGEST {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "; {name}={bits}");
    }
}

/// 8 to 15, without zeros in front.
fn bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok().filter(|bits| (8..=LARGEST).contains(bits))?;
    (!value.starts_with(['0', '+'])).then_some(bits)
}
