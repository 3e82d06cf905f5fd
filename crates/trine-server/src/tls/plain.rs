//! The response to a client that speaks plain HTTP to a TLS port.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::transport::io::Io;

/// Whether these bytes are the start of an HTTP request. A handshake starts with the byte 22 (RFC
/// 8446, 5.1), which no method contains.
pub(super) fn is_http(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_uppercase)
}

/// The response does not depend on the request, which was sent in clear text and is not parsed.
const RESPONSE: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: application/problem+json\r\n\
    content-length: 133\r\n\
    connection: close\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\
    \"detail\":\"this port speaks TLS, and the request came without: use https://\"}";

/// Sends the response, and discards what the client still sends: unread bytes would reset the
/// connection when it is closed, and the client would lose the response.
pub(super) async fn respond(mut io: impl Io) -> std::io::Result<()> {
    io.write_all(RESPONSE).await?;
    io.shutdown().await?;
    let mut discarded = [0; 1024];
    while io.read(&mut discarded).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_has_the_length_that_it_declares() {
        let text = std::str::from_utf8(RESPONSE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
