//! The protocol of an extended CONNECT (RFC 8441).

/// The protocol that an extended CONNECT asks for (RFC 8441), such as `websocket`. It is in the
/// extensions of the request.
///
/// ```
/// use http::Request;
/// use trine_server::Protocol;
///
/// fn wants_websocket<B>(request: &Request<B>) -> bool {
///     let protocol = request.extensions().get::<Protocol>();
///     protocol.is_some_and(|protocol| protocol.as_str() == "websocket")
/// }
/// assert!(!wants_websocket(&Request::new(())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol(Box<str>);

impl Protocol {
    pub(crate) fn new(name: &str) -> Protocol {
        Protocol(name.into())
    }

    /// The name of the protocol, as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
