//! The client that a request comes from.

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Rejection};
use trine_server::TrustedProxies;

/// The address, scheme and host that the client used, even if there are proxies in between.
///
/// Only the proxies listed in `trusted_proxies` in the configuration are trusted. Without them, the
/// address is the peer address of the connection. If another server runs the application and
/// provides no [`ConnInfo`](crate::ConnInfo), no proxy is trusted. The client is determined when it
/// is extracted; other requests pay nothing.
///
/// ```
/// use trine::extract::Client;
/// use trine::prelude::*;
///
/// #[get("/whoami")]
/// async fn whoami(client: Client) -> String {
///     match client.0.address {
///         Some(address) => format!("{address} by {}", client.0.scheme()),
///         None => "unknown address".to_owned(),
///     }
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let config = trine::config::Config::read("trusted_proxies = \"unix\"", []).unwrap();
/// let client = App::new().config(config).routes(routes![whoami]).test().await;
/// // A test client counts as connected through a Unix socket.
/// let response = client.get("/whoami").header("x-forwarded-for", "203.0.113.7").await;
/// response.expect_text("203.0.113.7 by http");
/// # }
/// ```
///
/// # Errors
/// It never refuses a request. A value that is unknown or has an invalid syntax is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client(pub trine_server::Client);

impl std::ops::Deref for Client {
    type Target = trine_server::Client;

    fn deref(&self) -> &trine_server::Client {
        &self.0
    }
}

impl FromRequest for Client {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let unknown = trine_core::ConnInfo::unknown();
        let connection = cx.conn().unwrap_or(&unknown);
        // Outside of an application no proxy is trusted.
        let trusted = cx.state::<TrustedProxies>().unwrap_or_default();
        Ok(Client(trusted.client(connection, cx.headers(), cx.uri())))
    }
}
