//! The address of a listener.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A TCP address, or the path of a Unix socket.
///
/// ```
/// use trine_server::Address;
///
/// let tcp: Address = "127.0.0.1:8000".parse().unwrap();
/// let unix: Address = "unix:/run/app.sock".parse().unwrap();
/// assert!(tcp.tcp().is_some() && unix.tcp().is_none());
/// // Host names are not resolved.
/// assert!("localhost:8000".parse::<Address>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// An IP address and a port; port 0 lets the system choose one.
    Tcp(SocketAddr),
    /// The path of a Unix socket. A socket file that an earlier process left behind is replaced;
    /// the file is removed at the end.
    Unix(PathBuf),
}

impl Address {
    /// The TCP address; `None` for a Unix socket.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        }
    }

    /// The path of a Unix socket; `None` for a TCP address.
    ///
    /// ```
    /// use trine_server::Address;
    ///
    /// let address: Address = "unix:/run/app.sock".parse().unwrap();
    /// assert_eq!(address.path().unwrap(), "/run/app.sock");
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Address::Tcp(_) => None,
            Address::Unix(path) => Some(path),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Tcp(address)
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Address, ParseAddressError> {
        match text.strip_prefix("unix:") {
            Some("") => Err(ParseAddressError("`unix:` needs a path behind it".to_owned())),
            Some(path) => Ok(Address::Unix(path.into())),
            None => text.parse().map(Address::Tcp).map_err(|_| {
                ParseAddressError(format!(
                    "expected an address such as `127.0.0.1:80`, `[::1]:80` or `unix:/run/app.sock`, got `{text}`"
                ))
            }),
        }
    }
}

/// A text that is not an [`Address`].
///
/// ```
/// use trine_server::Address;
///
/// let error = "unix:".parse::<Address>().unwrap_err();
/// assert_eq!(error.to_string(), "`unix:` needs a path behind it");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseAddressError(String);

impl Display for ParseAddressError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseAddressError {}
