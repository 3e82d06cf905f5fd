//! Parses the values of the server's keys: sizes, durations, addresses, and more.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use trine_server::{AcmeChallenge, AtCapacity, Cancel, ForwardedBy, Listener, Network};

use super::LogRequests;

/// How a kind of value is parsed, and how an error describes it.
pub(super) struct Kind<T> {
    pub(super) expected: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
}

pub(super) const ADDRESS: Kind<IpAddr> = Kind {
    expected: "an IP address such as `127.0.0.1` (this machine) or `0.0.0.0` (all networks)",
    parse: |text| text.parse().ok(),
};

pub(super) const PORT: Kind<u16> =
    Kind { expected: "a port from 0 (any free one) to 65535", parse: |text| text.parse().ok() };

pub(super) const PORT_OR_NONE: Kind<Option<u16>> = Kind {
    expected: "a port from 1 to 65535, or `none`",
    parse: |text| match text {
        "none" => Some(None),
        text => text.parse().ok().filter(|&port| port > 0).map(Some),
    },
};

// `none` removes the value of an earlier entry.
pub(super) const FILE: Kind<Option<PathBuf>> = Kind {
    expected: "the path of a file, or `none`",
    parse: |text| Some(if text.is_empty() || text == "none" { None } else { Some(text.into()) }),
};

pub(super) const FOLDER: Kind<Option<PathBuf>> =
    Kind { expected: "the path of a folder, or `none`", parse: FILE.parse };

pub(super) const TEXT: Kind<String> = Kind {
    expected: "text that is not empty",
    parse: |text| (!text.is_empty()).then(|| text.to_owned()),
};

pub(super) const WORDS: Kind<Vec<String>> =
    Kind { expected: "a list of values, separated by commas, or `none`", parse: list };

pub(super) const CHALLENGE: Kind<AcmeChallenge> = Kind {
    expected: "`tls-alpn-01` or `http-01`",
    parse: |text| match text {
        "tls-alpn-01" => Some(AcmeChallenge::TlsAlpn01),
        "http-01" => Some(AcmeChallenge::Http01),
        _ => None,
    },
};

pub(super) const LISTENERS: Kind<Vec<Listener>> = Kind {
    expected: "a list of listeners such as `http://0.0.0.0:80`, `https://0.0.0.0:443`, `unix:/run/app.sock`, each followed by \
               its options (`proxy=10.0.0.0/8`, `mode=660`, `redirect`), or `none`",
    parse: list,
};

pub(super) const NETWORKS: Kind<Vec<Network>> = Kind {
    expected: "a list of networks such as `10.0.0.0/8`, IP addresses, or `unix`; or `none`",
    parse: list,
};

pub(super) const FORWARDED_BY: Kind<ForwardedBy> = Kind {
    expected: "`x-forwarded` or `forwarded`",
    parse: |text| match text {
        "x-forwarded" => Some(ForwardedBy::XForwarded),
        "forwarded" => Some(ForwardedBy::Forwarded),
        _ => None,
    },
};

pub(super) const WORKERS: Kind<usize> = Kind {
    expected: "a number of threads, or 0 for one per core",
    parse: |text| text.parse().ok(),
};

pub(super) const SWITCH: Kind<bool> =
    Kind { expected: "`true` or `false`", parse: |text| text.parse().ok() };

pub(super) const CANCEL: Kind<Cancel> = Kind {
    expected: "`reset`, `fin` or `never`",
    parse: |text| match text {
        "reset" => Some(Cancel::Reset),
        "fin" => Some(Cancel::Fin),
        "never" => Some(Cancel::Never),
        _ => None,
    },
};

pub(super) const LOG_REQUESTS: Kind<LogRequests> = Kind {
    expected: "`dev`, `always` or `never`",
    parse: |text| match text {
        "dev" => Some(LogRequests::Dev),
        "always" => Some(LogRequests::Always),
        "never" => Some(LogRequests::Never),
        _ => None,
    },
};

pub(super) const AT_CAPACITY: Kind<AtCapacity> = Kind {
    expected: "`wait` or `shed`",
    parse: |text| match text {
        "wait" => Some(AtCapacity::Wait),
        "shed" => Some(AtCapacity::Shed),
        _ => None,
    },
};

/// A number of permits. The server counts them with a semaphore of tokio, which has this maximum.
pub(super) const CONNECTIONS: Kind<usize> = Kind {
    expected: match usize::BITS {
        64 => "a whole number from 1 to 2305843009213693951",
        _ => "a whole number from 1 to 536870911",
    },
    parse: |text| text.parse().ok().filter(|count| (1..=usize::MAX >> 3).contains(count)),
};

pub(super) const UNPROVEN: Kind<usize> = Kind {
    expected: "a whole number; with 0, every client must prove its address",
    parse: |text| text.parse().ok(),
};

pub(super) const QUIC_WINDOW: Kind<u32> = Kind {
    expected: "a size of at least 1KiB, such as `256KiB`",
    parse: |text| u32::try_from(bytes(text)?).ok().filter(|&size| size >= 1024),
};

pub(super) const BACKLOG: Kind<i32> = Kind {
    expected: "a whole number of at least 1",
    parse: |text| text.parse().ok().filter(|&count| count > 0),
};

pub(super) const STREAMS: Kind<u32> = Kind {
    expected: "a whole number of at least 1",
    parse: |text| text.parse().ok().filter(|&count| count > 0),
};

/// The streams of an HTTP/3 connection, for which the server allocates memory.
pub(super) const QUIC_STREAMS: Kind<u32> = Kind {
    expected: "a whole number from 1 to 65535",
    parse: |text| text.parse().ok().filter(|count| (1..=65_535).contains(count)),
};

pub(super) const COUNT: Kind<usize> =
    Kind { expected: "a whole number", parse: |text| text.parse().ok() };

pub(super) const COUNT32: Kind<u32> =
    Kind { expected: "a whole number", parse: |text| text.parse().ok() };

pub(super) const HEADERS: Kind<usize> = Kind {
    expected: "a whole number from 1 to 256",
    parse: |text| text.parse().ok().filter(|count| (1..=256).contains(count)),
};

pub(super) const BYTES: Kind<u64> =
    Kind { expected: "a size such as `65536`, `64KiB` or `2MB`", parse: bytes };

pub(super) const MEMORY: Kind<usize> = Kind {
    expected: "a size of at least 1 byte, such as `65536`, `64KiB` or `2MB`",
    parse: |text| usize::try_from(bytes(text)?).ok().filter(|&size| size > 0),
};

/// The size of a request head or of trailers. The engine cannot hold a larger one.
pub(super) const HEAD: Kind<usize> = Kind {
    expected: "a size from 1 byte to 1 GiB, such as `64KiB`",
    parse: |text| (MEMORY.parse)(text).filter(|&size| size <= 1 << 30),
};

pub(super) const TARGET: Kind<usize> = Kind {
    expected: "a size from 1 to 65534 bytes, such as `8KiB`",
    parse: |text| (MEMORY.parse)(text).filter(|&size| size <= 65534),
};

pub(super) const WINDOW: Kind<u32> = Kind {
    expected: "a size from 1 to 2147483647 bytes, such as `256KiB`",
    parse: |text| size32(text).filter(|size| (1..=2_147_483_647).contains(size)),
};

pub(super) const CONNECTION_WINDOW: Kind<u32> = Kind {
    expected: "a size from 65535 to 2147483647 bytes, such as `1MiB`",
    parse: |text| size32(text).filter(|size| (65_535..=2_147_483_647).contains(size)),
};

pub(super) const FRAME: Kind<u32> = Kind {
    expected: "a size from 16384 to 16777215 bytes, such as `16KiB`",
    parse: |text| size32(text).filter(|size| (16_384..=16_777_215).contains(size)),
};

pub(super) const TABLE: Kind<u32> =
    Kind { expected: "a size such as `4KiB`, at most 4294967295 bytes", parse: size32 };

pub(super) const SEND_BUFFER: Kind<usize> = Kind {
    expected: "a size from 1 to 4294967295 bytes, such as `64KiB`",
    parse: |text| size32(text).filter(|size| *size > 0).and_then(|size| usize::try_from(size).ok()),
};

pub(super) const DURATION: Kind<Duration> =
    Kind { expected: "a duration such as `250ms`, `10s` or `1m30s`", parse: duration };

// A timeout of 0 would always elapse.
pub(super) const TIMEOUT: Kind<Duration> = Kind {
    expected: "a duration of at least 1ms, such as `250ms`, `10s` or `1m30s`",
    parse: |text| duration(text).filter(|time| !time.is_zero()),
};

pub(super) const IDLE_TIMEOUT: Kind<Duration> = Kind {
    expected: "a duration of at least 10ms, such as `250ms`, `10s` or `1m30s`",
    parse: |text| duration(text).filter(|&time| time >= Duration::from_millis(10)),
};

fn size32(text: &str) -> Option<u32> {
    u32::try_from(bytes(text)?).ok()
}

fn list<T: std::str::FromStr>(text: &str) -> Option<Vec<T>> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    if text == "none" { Some(Vec::new()) } else { items.map(|item| item.parse().ok()).collect() }
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1000 * 1000,
        "gb" => 1000 * 1000 * 1000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

// A bare number is refused: it is ambiguous whether `timeout = 30` means seconds or milliseconds.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit_and_rest) = rest.split_at(digits);
        let letters =
            unit_and_rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(unit_and_rest.len());
        let (unit, after) = unit_and_rest.split_at(letters);
        let number = number.parse::<u64>().ok()?;
        let part = match unit {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            "d" => Duration::from_secs(number.checked_mul(86400)?),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server refuses the same values, but its error has no line and no key of the file.
    #[test]
    fn bounds_are_those_of_the_server() {
        let most = (usize::MAX >> 3).to_string();
        assert!(CONNECTIONS.expected.ends_with(&format!(" to {most}")));
        assert_eq!((CONNECTIONS.parse)(&most), Some(usize::MAX >> 3));
        assert_eq!((CONNECTIONS.parse)(&((usize::MAX >> 3) + 1).to_string()), None);
        assert_eq!((QUIC_STREAMS.parse)("65535"), Some(65_535));
        assert_eq!((QUIC_STREAMS.parse)("65536"), None);
        assert_eq!((IDLE_TIMEOUT.parse)("10ms"), Some(Duration::from_millis(10)));
        assert_eq!((IDLE_TIMEOUT.parse)("9ms"), None);
    }

    #[test]
    fn sizes() {
        let good = [
            ("0", 0),
            ("65536", 65536),
            ("64KiB", 65536),
            ("2 MB", 2_000_000),
            ("1gib", 1 << 30),
            ("7B", 7),
        ];
        for (text, size) in good {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "KiB", "-1", "1.5MB", "1 TB", "64K", "99999999999GiB", "1 KiB 2"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        let good = [
            ("250ms", 250),
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("0s", 0),
        ];
        for (text, millis) in good {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "10",
            "s",
            "1 s",
            "1.5s",
            "-1s",
            "10S",
            "10s5",
            "1y",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
