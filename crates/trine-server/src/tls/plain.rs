//! The answer to a client that speaks plain HTTP where TLS is expected.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::transport::io::Io;

/// Whether these first bytes are the beginning of an HTTP request. A handshake begins with a byte
/// that no method has (RFC 8446, 5.1: 22).
pub(super) fn is_http(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_uppercase)
}

/// Nothing in it depends on the request: it was sent unprotected, and is not looked at.
const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: application/problem+json\r\n\
    content-length: 133\r\n\
    connection: close\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\
    \"detail\":\"this port speaks TLS, and the request came without: use https://\"}";

/// Answers, and reads what still comes into nothing: bytes that lie unread at the end would destroy
/// the answer.
pub(super) async fn answer(mut io: impl Io) -> std::io::Result<()> {
    io.write_all(ANSWER).await?;
    io.shutdown().await?;
    let mut nothing = [0; 1024];
    while io.read(&mut nothing).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_length_that_it_says() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
