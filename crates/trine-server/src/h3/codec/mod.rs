//! The protocol HTTP/3 without I/O: no socket, no runtime, no clock (RFC 9114, RFC 9204). Read the
//! files in this order:
//!
//! - [`frame`]: the frames of a request stream, over [`varint`]
//! - [`qpack`]: from bytes to fields and back; [`head`]: from fields to a request; [`encode`]: from
//!   a response to fields
//! - [`control`]: the control stream
//! - [`error`]: error codes

pub(crate) mod control;
pub(crate) mod encode;
pub(crate) mod error;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod qpack;
pub(crate) mod varint;

#[cfg(test)]
mod tests {
    // The whole folder must be testable with bytes alone.
    #[test]
    fn no_file_of_the_codec_does_io_or_knows_a_runtime() {
        let files = [
            ("mod", include_str!("mod.rs")),
            ("control", include_str!("control.rs")),
            ("encode", include_str!("encode.rs")),
            ("error", include_str!("error.rs")),
            ("frame", include_str!("frame.rs")),
            ("head", include_str!("head.rs")),
            ("qpack/mod", include_str!("qpack/mod.rs")),
            ("qpack/table", include_str!("qpack/table.rs")),
            ("varint", include_str!("varint.rs")),
        ];
        for (name, text) in files {
            let code = text.split("#[cfg(test)]").next().unwrap();
            for word in ["tokio", "std::io", "std::net", "std::time", "async ", ".await"] {
                assert!(!code.contains(word), "h3/codec/{name}.rs uses `{word}`");
            }
        }
    }
}
