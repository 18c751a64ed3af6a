//! Content codings (RFC 9110, 8.4.1) that runcast supports.

use serde::{Serialize, Serializer};

/// The encoding of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContentCoding {
    /// Not encoded.
    #[default]
    Identity,
    /// RFC 1952, one member or more.
    Gzip,
    /// RFC 8878, one frame or more.
    Zstd,
}

impl ContentCoding {
    /// All codings.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::Zstd];

    /// Parses the value of `Content-Encoding`; `None` for an unknown coding, and for several at once.
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        let is = |name| value.eq_ignore_ascii_case(name);
        if value.is_empty() || is("identity") {
            Some(Self::Identity)
        } else if is("gzip") || is("x-gzip") {
            Some(Self::Gzip)
        } else if is("zstd") {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// The coding's registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Whether a client with this `Accept-Encoding` (RFC 9110, 12.5.3) can decode the body. Every client reads
    /// unencoded bytes; a coding that is not listed, or listed with `q=0`, is not accepted.
    pub fn is_accepted(self, accept_encoding: Option<&str>) -> bool {
        if self == Self::Identity {
            return true;
        }
        let mut any = None;
        for item in accept_encoding.unwrap_or_default().split(',') {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            let wanted = weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0));
            if name == "*" {
                any = Some(wanted);
            } else if !name.is_empty() && Self::parse(name) == Some(self) {
                return wanted;
            }
        }
        any.unwrap_or(false)
    }
}

impl Serialize for ContentCoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_are_read_in_any_case_and_unknown_ones_are_not() {
        for (value, coding) in [
            ("", Some(ContentCoding::Identity)),
            ("identity", Some(ContentCoding::Identity)),
            (" GZIP ", Some(ContentCoding::Gzip)),
            ("x-gzip", Some(ContentCoding::Gzip)),
            ("zstd", Some(ContentCoding::Zstd)),
            ("br", None),
            ("gzip, gzip", None),
        ] {
            assert_eq!(ContentCoding::parse(value), coding, "{value}");
        }
    }

    #[test]
    fn a_coding_is_accepted_by_who_names_it_and_does_not_refuse_it() {
        for (header, gzip, zstd) in [
            (None, false, false),
            (Some(""), false, false),
            (Some("gzip, deflate, br, zstd"), true, true),
            (Some("gzip;q=1.0, zstd;q=0"), true, false),
            (Some("*"), true, true),
            (Some("*;q=0, gzip"), true, false),
            (Some("zstd ; q=0.5"), false, true),
            (Some("identity"), false, false),
        ] {
            assert_eq!(ContentCoding::Gzip.is_accepted(header), gzip, "{header:?}");
            assert_eq!(ContentCoding::Zstd.is_accepted(header), zstd, "{header:?}");
            assert!(ContentCoding::Identity.is_accepted(header), "{header:?}");
        }
    }
}
