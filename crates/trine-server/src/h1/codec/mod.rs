//! The protocol HTTP/1.1 and HTTP/1.0 without I/O: no socket, no runtime, no clock (RFC 9110, RFC
//! 9112).
//!
//! In the order in which a request meets them:
//!
//! - [`head`]: parses a request head, with [`scan`] for its lines and [`name`] for header names
//! - [`framing`]: where the body ends, and the rules against smuggling; [`host`]: the grammar of a
//!   host
//! - [`body`]: decodes a body into frames, with [`extension`] for chunk extensions
//! - [`encode`]: encodes a response

pub(crate) mod body;
pub(crate) mod encode;
pub(crate) mod extension;
pub(crate) mod framing;
pub(crate) mod head;
pub(crate) mod host;
pub(crate) mod name;
pub(crate) mod scan;

#[cfg(test)]
mod tests {
    // The whole folder must be testable with bytes alone.
    #[test]
    fn no_file_of_the_codec_does_io_or_knows_a_runtime() {
        let files = [
            ("mod", include_str!("mod.rs")),
            ("head", include_str!("head.rs")),
            ("host", include_str!("host.rs")),
            ("name", include_str!("name.rs")),
            ("scan", include_str!("scan.rs")),
            ("framing", include_str!("framing.rs")),
            ("body", include_str!("body.rs")),
            ("encode", include_str!("encode.rs")),
            ("extension", include_str!("extension.rs")),
        ];
        let folder =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/h1/codec")).unwrap();
        let found = folder.filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
        assert_eq!(found, files.len(), "a file is missing in this test");
        for (name, text) in files {
            let code = text.split("#[cfg(test)]").next().unwrap();
            for word in [
                "tokio",
                "std::io",
                "std::net",
                "std::time",
                "std::fs",
                "async ",
                ".await",
                "crate::transport::io",
            ] {
                assert!(!code.contains(word), "h1/codec/{name}.rs uses `{word}`");
            }
        }
    }
}
