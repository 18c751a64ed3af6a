//! Who a request counts for.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Who a request counts for. A middleware that knows who sends a request puts a `Principal` into its extensions; without
/// one it counts for the address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// An address, as [`LimitKey::of_address`] makes it.
    Address(IpAddr),
    /// A subject that has proven who it is.
    Principal(Arc<str>),
}

impl LimitKey {
    /// An address; of IPv6 the network of 64 bits, of which a single machine has all addresses.
    pub fn of_address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V4(v4)) => write!(f, "{v4}"),
            Self::Address(IpAddr::V6(v6)) => write!(f, "{v6}/64"),
            Self::Principal(subject) => f.write_str(subject),
        }
    }
}
