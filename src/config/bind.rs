//! Where a node listens.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address or a host name, and a port: `127.0.0.1:3001`, `[::]:3001`, `localhost:3001`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BindAddress {
    /// An address as it stands in a URL but for brackets, or a name.
    host: String,
    port: u16,
}

/// The text is no address or name with a port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be ADDRESS:PORT or NAME:PORT, for instance 127.0.0.1:3001, [::]:3001 or localhost:3001")]
pub struct BindAddressError;

impl BindAddress {
    /// The port; 0: a free one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port }
    }

    /// The same with an address as host.
    #[must_use]
    pub fn with_ip(&self, ip: IpAddr) -> Self {
        Self { host: ip.to_string(), port: self.port }
    }

    /// Whether only this machine reaches it.
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// The addresses that are meant, in the order in which they are to be tried. A name is looked up.
    ///
    /// # Errors
    /// The name is not found, or nobody answers who could know it.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = self.to_string().parse() {
            return Ok(vec![address]);
        }
        let mut found: Vec<SocketAddr> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        // What most clients try first, and every container has.
        found.sort_by_key(SocketAddr::is_ipv6);
        found.dedup();
        Ok(found)
    }
}

/// `server.ops_bind`: an address for operators alone, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OpsBind(pub Option<BindAddress>);

impl TryFrom<String> for OpsBind {
    type Error = BindAddressError;

    fn try_from(text: String) -> Result<Self, BindAddressError> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|bind| Self(Some(bind))) }
    }
}

impl From<OpsBind> for String {
    fn from(OpsBind(bind): OpsBind) -> Self {
        bind.map(Self::from).unwrap_or_default()
    }
}

impl FromStr for BindAddress {
    type Err = BindAddressError;

    fn from_str(text: &str) -> Result<Self, BindAddressError> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let (host, port) = text.rsplit_once(':').ok_or(BindAddressError)?;
        let is_name = (1..=253).contains(&host.len())
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
            // A name ends in a letter somewhere: what is all digits is an address that lacks a part.
            && host.bytes().any(|byte| byte.is_ascii_alphabetic());
        match port.parse() {
            Ok(port) if is_name => Ok(Self { host: host.to_owned(), port }),
            _ => Err(BindAddressError),
        }
    }
}

impl TryFrom<String> for BindAddress {
    type Error = BindAddressError;

    fn try_from(text: String) -> Result<Self, BindAddressError> {
        text.parse()
    }
}

impl From<SocketAddr> for BindAddress {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            // A link-local address says on which interface it is.
            SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
            _ => address.ip().to_string(),
        };
        Self { host, port: address.port() }
    }
}

impl From<BindAddress> for String {
    fn from(address: BindAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> BindAddress {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_and_names_are_read_and_written_alike() {
        let names = ["localhost:3000", "runs.example.org:80", "my_host:1"];
        let addresses = ["127.0.0.1:3001", "[::]:3001", "[::1]:0", "[fe80::1%2]:3001"];
        for text in names.iter().chain(&addresses) {
            assert_eq!(read(text).to_string(), *text);
        }
        for text in addresses {
            assert_eq!(read(text).resolve().unwrap(), [text.parse().unwrap()], "{text}");
        }
        for bad in ["", "3001", ":3001", "localhost", "localhost:", "localhost:99999", "a b:1", "10.0.0:1", "::1:80x"] {
            assert_eq!(bad.parse::<BindAddress>(), Err(BindAddressError), "{bad}");
        }
    }

    #[test]
    fn operators_have_an_address_of_their_own_or_none() {
        for text in ["", "127.0.0.1:3002", "[::1]:0"] {
            assert_eq!(OpsBind::try_from(text.to_owned()).map(String::from), Ok(text.to_owned()));
        }
        assert_eq!(OpsBind::try_from("3002".to_owned()), Err(BindAddressError));
    }

    #[test]
    fn a_name_is_looked_up() {
        let here = read("localhost:7").resolve().unwrap();
        assert!(!here.is_empty() && here.iter().all(|address| address.ip().is_loopback() && address.port() == 7));
        assert!(read("no-such-name.invalid:7").resolve().is_err());
    }

    #[test]
    fn loopback_is_known_by_name_and_by_address() {
        for (text, own) in
            [("localhost:1", true), ("127.0.0.9:1", true), ("[::1]:1", true), ("0.0.0.0:1", false), ("box:1", false)]
        {
            assert_eq!(read(text).is_loopback(), own, "{text}");
        }
        let moved = read("localhost:1").with_port(2).with_ip("::".parse().unwrap());
        assert_eq!(moved.to_string(), "[::]:2");
    }
}
