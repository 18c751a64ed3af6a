//! The `Host` header (RFC 9110, 7.2; RFC 3986, 3.2.2): `host[:port]`, parsed strictly.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest name (RFC 1035, 2.3.4).
const MAX_NAME: usize = 253;

/// A name or address, and perhaps a port. It is displayed exactly as it was parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host<'a> {
    /// The name or address, without the brackets of IPv6.
    name: &'a str,
    kind: HostKind,
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostKind {
    Name,
    V4,
    V6,
}

/// Whether the text has labels of letters, digits, `-` and `_`. Host names must not have `_`, but service names in
/// clusters do.
fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    text.len() <= MAX_NAME && text.split('.').all(label)
}

/// Whether `text` is a pattern for hosts: a name, or `*.name` for all names below it.
pub fn is_pattern(text: &str) -> bool {
    is_name(text.strip_prefix("*.").unwrap_or(text)) && !text.ends_with('.')
}

impl<'a> Host<'a> {
    /// Parses `host[:port]`; `None` for anything else: user names, paths, spaces, an invalid port.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (name, kind, rest) = match text.strip_prefix('[') {
            Some(inner) => {
                let (name, rest) = inner.split_once(']')?;
                name.parse::<Ipv6Addr>().ok()?;
                (name, HostKind::V6, rest)
            }
            None => {
                let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
                let kind = if name.parse::<Ipv4Addr>().is_ok() { HostKind::V4 } else { HostKind::Name };
                if !is_name(name) {
                    return None;
                }
                (name, kind, rest)
            }
        };
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return None,
            Some(digits) => {
                // `parse` would also accept a sign.
                let fits = (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
                Some(digits.parse().ok().filter(|_| fits)?)
            }
        };
        Some(Self { name, kind, port })
    }

    /// Whether nobody else can make this host resolve to us: it is an address, or this machine's name for itself.
    pub fn is_own(&self) -> bool {
        let name = self.name.strip_suffix('.').unwrap_or(self.name).to_ascii_lowercase();
        self.kind != HostKind::Name || name == "localhost" || name.ends_with(".localhost")
    }

    /// Whether a pattern (see [`is_pattern`]), or the host of one of our URLs, matches.
    pub fn matches(&self, pattern: &str) -> bool {
        let name = self.name.strip_suffix('.').unwrap_or(self.name);
        match pattern.strip_prefix("*.") {
            None => name.eq_ignore_ascii_case(pattern),
            Some(parent) => {
                let split = name.len().checked_sub(parent.len() + 1);
                split.and_then(|at| name.split_at_checked(at)).is_some_and(|(below, end)| {
                    !below.is_empty() && end.strip_prefix('.').is_some_and(|end| end.eq_ignore_ascii_case(parent))
                })
            }
        }
    }

    /// The name or address.
    pub fn name(&self) -> &'a str {
        self.name
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            HostKind::V6 => write!(f, "[{}]", self.name)?,
            HostKind::Name | HostKind::V4 => f.write_str(self.name)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for (text, own) in [
            ("localhost", true),
            ("LOCALHOST:3001", true),
            ("localhost.", true),
            ("runs.localhost:1", true),
            ("127.0.0.1:65535", true),
            ("10.0.0.7", true),
            ("[::1]:3001", true),
            ("[fe80::1]", true),
            ("runs.example.com", false),
            ("127.0.0.1.evil.example.com", false),
            ("node_1.runcast-net", false),
            ("notlocalhost", false),
        ] {
            assert_eq!(Host::parse(text).map(|host| host.is_own()), Some(own), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_host_is_none() {
        for text in [
            "",
            "127.0.0.1:@evil.com",
            "127.0.0.1:80@evil.com",
            "user@localhost",
            "localhost/",
            "localhost/path",
            "localhost?x",
            "localhost#x",
            "localhost\\x",
            "local host",
            " localhost",
            "localhost ",
            "localhost:",
            "localhost:+1",
            "localhost:-1",
            "localhost:65536",
            "localhost:000080",
            "localhost:80:80",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]:",
            "[localhost]",
            "[::1%25eth0]",
            "a..b",
            ".a",
            "a,b",
            "a%2Eb",
            "\u{e9}xample",
            "localhost\u{fffd}",
        ] {
            assert_eq!(Host::parse(text), None, "{text:?}");
        }
        let long = "a".repeat(64);
        assert_eq!(Host::parse(&long), None);
        assert_eq!(Host::parse(&vec!["abcdefg"; 32].join(".")), None, "255 characters");
    }

    #[test]
    fn a_pattern_is_a_name_or_all_names_below_one() {
        for (pattern, text, fits) in [
            ("runs.example.org", "RUNS.example.org:8443", true),
            ("runs.example.org", "runs.example.org.", true),
            ("runs.example.org", "a.runs.example.org", false),
            ("*.example.org", "runs.example.org", true),
            ("*.example.org", "a.b.EXAMPLE.org:80", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "evilexample.org", false),
            ("*.example.org", "runs.example.org.evil.com", false),
        ] {
            assert_eq!(Host::parse(text).unwrap().matches(pattern), fits, "{pattern} {text}");
        }
        for good in ["runs.example.org", "*.example.org", "web"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in ["", "*", "*.", "*.*.org", "a.*.org", "https://a.org", "a.org:80", "a.org/", "a.org."] {
            assert!(!is_pattern(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_back_and_can_do_no_harm_in_a_url(
            text in "[a-zA-Z0-9.:@/\\[\\]%?#_ -]{0,24}|[a-z]{1,4}(\\.[a-z]{1,4}){0,3}(:[0-9]{0,6})?"
        ) {
            if let Some(host) = Host::parse(&text) {
                let written = host.to_string();
                prop_assert_eq!(Host::parse(&written).map(|again| again.to_string()), Some(written.clone()));
                prop_assert!(!written.contains(['@', '/', '\\', '?', '#', ' ', '%']));
                prop_assert!(text.to_ascii_lowercase().starts_with(&written.to_ascii_lowercase()[..host.name().len().min(1)]));
            }
        }
    }
}
