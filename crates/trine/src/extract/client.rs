//! For whom a request is.

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Rejection};
use trine_server::TrustedProxies;

/// The client's address, scheme and host, whatever proxies stand between.
///
/// Only the proxies of `trusted_proxies` in the configuration are believed; without any, it is the
/// connection's own. Where another server runs the application and tells of no connection, nobody
/// is. It is worked out when a handler asks for it, and costs other requests nothing.
///
/// ```
/// use trine::extract::Client;
/// use trine::prelude::*;
///
/// #[get("/whoami")]
/// async fn whoami(client: Client) -> String {
///     match client.0.address {
///         Some(address) => format!("{address} by {}", client.0.scheme()),
///         None => "somebody".to_owned(),
///     }
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let config = trine::config::Config::read("trusted_proxies = \"unix\"", []).unwrap();
/// let client = App::new().config(config).routes(routes![whoami]).test().await;
/// // The client of a test comes as by a Unix socket.
/// let answer = client.get("/whoami").header("x-forwarded-for", "203.0.113.7").await;
/// answer.expect_text("203.0.113.7 by http");
/// # }
/// ```
///
/// # Errors
/// None. What is not known, or not of valid syntax, is `None`.
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
        // Outside of an application, nobody is trusted.
        let trusted = cx.state::<TrustedProxies>().unwrap_or_default();
        Ok(Client(trusted.client(connection, cx.headers(), cx.uri())))
    }
}
