//! A place to listen at, in a line of a configuration.

use std::str::FromStr;

use trine_core::client::NetworkError;

use super::Listen;

use crate::listen::address::Address;
use crate::semantics::https::HttpsRedirect;

/// `http://127.0.0.1:80`, `https://[::]:443` (with the certificate of `tls_cert` and `tls_key`) or
/// `unix:/run/app.sock`; behind it, each after a space:
///
/// | option | field |
/// |---|---|
/// | `proxy=10.0.0.0/8`, any number of times | [`Listen::proxy_protocol`] |
/// | `mode=660` | [`Listen::unix_mode`], in octal |
/// | `redirect`, `redirect=8443` | [`Listen::redirect`], to that port of HTTPS |
///
/// ```
/// use trine_server::Listen;
///
/// let balanced: Listen = "http://0.0.0.0:8080 proxy=10.0.0.0/8 proxy=unix".parse().unwrap();
/// assert_eq!(balanced.proxy_protocol.len(), 2);
/// let error = "http://0.0.0.0:8080 proxies=10.0.0.0/8".parse::<Listen>().unwrap_err();
/// assert!(error.contains("`proxies` is no option"));
/// ```
impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        let mut words = text.split_ascii_whitespace();
        let mut listen = place(words.next().unwrap_or_default())?;
        for word in words {
            let (option, value) = word.split_once('=').unwrap_or((word, ""));
            match option {
                "proxy" => {
                    let network = value.parse().map_err(|error: NetworkError| error.to_string())?;
                    listen.proxy_protocol.push(network);
                }
                "mode" => listen.unix_mode = mode(value)?,
                "redirect" if value.is_empty() => listen.redirect = Some(HttpsRedirect::new()),
                "redirect" => {
                    let port = value
                        .parse()
                        .map_err(|_| format!("`redirect` needs a port, got `{value}`"))?;
                    listen.redirect = Some(HttpsRedirect::new().port(port));
                }
                _ => {
                    return Err(format!(
                        "`{option}` is no option: there are `proxy`, `mode` and `redirect`"
                    ));
                }
            }
        }
        Ok(listen)
    }
}

fn place(text: &str) -> Result<Listen, String> {
    let Some((scheme, address)) = text.split_once("://") else {
        return match text.parse()? {
            Address::Unix(path) => Ok(Listen::unix(path)),
            Address::Tcp(address) => {
                Err(format!("write `http://{address}` or `https://{address}`"))
            }
        };
    };
    let address = address.parse().map_err(|_| {
        format!(
            "expected an IP address and a port behind `{scheme}://`, such as `0.0.0.0:80`, got `{address}`"
        )
    })?;
    match scheme {
        "http" => Ok(Listen::tcp(address)),
        #[cfg(feature = "tls-core")]
        "https" => Ok(Listen::tls(address, crate::tls::Tls::empty())),
        #[cfg(not(feature = "tls-core"))]
        "https" => Err("`https` needs the feature `tls`, which is off".to_owned()),
        _ => Err(format!("expected `http`, `https` or `unix:` and a path, got `{scheme}`")),
    }
}

fn mode(value: &str) -> Result<u32, String> {
    u32::from_str_radix(value, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| format!("`mode` needs permissions such as `660`, got `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_said_and_what_cannot() {
        let unix: Listen = "unix:/run/app.sock mode=600 proxy=unix".parse().unwrap();
        assert_eq!(
            unix,
            Listen {
                unix_mode: 0o600,
                proxy_protocol: vec![crate::Network::Unix],
                ..Listen::unix("/run/app.sock")
            }
        );
        let redirect: Listen = "http://[::]:80 redirect=8443".parse().unwrap();
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
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }
}
