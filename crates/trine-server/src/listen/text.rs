//! A listener as a line of text, for configuration files.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::listen::address::{Address, ParseAddressError};
use crate::listen::listener::Listener;
use crate::semantics::https::HttpsRedirect;

/// Reads `http://127.0.0.1:80`, `https://[::]:443` (with the
/// [certificate](crate::ServerConfig::certificate) of the configuration) or `unix:/run/app.sock`.
/// Options follow, each after a space:
///
/// | option | field |
/// |---|---|
/// | `proxy=10.0.0.0/8`, any number of times | [`Listener::proxy_protocol`] |
/// | `mode=660` | [`Listener::unix_mode`], in octal |
/// | `redirect`, `redirect=8443` | [`Listener::redirect`], to HTTPS at that port |
///
/// ```
/// use trine_server::Listener;
///
/// let balanced: Listener = "http://0.0.0.0:8080 proxy=10.0.0.0/8 proxy=unix".parse()?;
/// assert_eq!(balanced.proxy_protocol.len(), 2);
/// let error = "http://0.0.0.0:8080 proxies=10.0.0.0/8".parse::<Listener>().unwrap_err();
/// assert!(error.to_string().contains("`proxies` is not an option"));
/// # Ok::<_, trine_server::ParseListenerError>(())
/// ```
impl FromStr for Listener {
    type Err = ParseListenerError;

    fn from_str(text: &str) -> Result<Listener, ParseListenerError> {
        let mut words = text.split_ascii_whitespace();
        let mut listener = at_address(words.next().unwrap_or_default())?;
        for word in words {
            let (option, value) = word.split_once('=').unwrap_or((word, ""));
            match option {
                "proxy" => listener.proxy_protocol.push(value.parse().map_err(error)?),
                "mode" => listener.unix_mode = mode(value)?,
                "redirect" if value.is_empty() => listener.redirect = Some(HttpsRedirect::new()),
                "redirect" => {
                    let port = value
                        .parse()
                        .map_err(|_| error(format!("`redirect` needs a port, got `{value}`")))?;
                    listener.redirect = Some(HttpsRedirect::new().port(port));
                }
                _ => {
                    return Err(error(format!(
                        "`{option}` is not an option: there are `proxy`, `mode` and `redirect`"
                    )));
                }
            }
        }
        Ok(listener)
    }
}

/// A text that does not describe a [`Listener`].
///
/// ```
/// use trine_server::Listener;
///
/// let error = "127.0.0.1:80".parse::<Listener>().unwrap_err();
/// assert_eq!(error.to_string(), "write `http://127.0.0.1:80` or `https://127.0.0.1:80`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseListenerError(String);

impl Display for ParseListenerError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseListenerError {}

impl From<ParseAddressError> for ParseListenerError {
    fn from(source: ParseAddressError) -> ParseListenerError {
        error(source)
    }
}

fn error(text: impl Display) -> ParseListenerError {
    ParseListenerError(text.to_string())
}

fn at_address(text: &str) -> Result<Listener, ParseListenerError> {
    let Some((scheme, address)) = text.split_once("://") else {
        return match text.parse()? {
            Address::Unix(path) => Ok(Listener::unix(path)),
            Address::Tcp(address) => {
                Err(error(format!("write `http://{address}` or `https://{address}`")))
            }
        };
    };
    let address = address.parse().map_err(|_| {
        error(format!(
            "expected an IP address and a port behind `{scheme}://`, such as `0.0.0.0:80`, got `{address}`"
        ))
    })?;
    match scheme {
        "http" => Ok(Listener::tcp(address)),
        #[cfg(feature = "tls-core")]
        "https" => Ok(Listener::tls(address, crate::tls::Tls::empty())),
        #[cfg(not(feature = "tls-core"))]
        "https" => Err(error("`https` needs the feature `tls`, which is off")),
        _ => Err(error(format!("expected `http`, `https` or `unix:` and a path, got `{scheme}`"))),
    }
}

fn mode(value: &str) -> Result<u32, ParseListenerError> {
    u32::from_str_radix(value, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| error(format!("`mode` needs permissions such as `660`, got `{value}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_from_text() {
        let unix: Listener = "unix:/run/app.sock mode=600 proxy=unix".parse().unwrap();
        assert_eq!(
            unix,
            Listener {
                unix_mode: 0o600,
                proxy_protocol: vec![crate::Network::Unix],
                ..Listener::unix("/run/app.sock")
            }
        );
        let redirect: Listener = "http://[::]:80 redirect=8443".parse().unwrap();
        assert_eq!(redirect.redirect, Some(HttpsRedirect::new().port(8443)));
        for wrong in [
            "",
            "127.0.0.1:80",
            "http://localhost:80",
            "ftp://127.0.0.1:21",
            "unix:",
            "http://127.0.0.1:80 mode=9",
            "http://127.0.0.1:80 redirect=x",
            "http://127.0.0.1:80 proxy=10.0.0.0/33",
            "http://127.0.0.1:80 tls",
        ] {
            assert!(wrong.parse::<Listener>().is_err(), "{wrong}");
        }
    }
}
