//! Points in time in whole milliseconds, and the only code that reads the wall clock.

use std::fmt;

use serde::{Serialize, Serializer};

/// Milliseconds since the Unix epoch, UTC. Displayed as RFC 3339 with milliseconds (`2026-11-23T17:15:47.966Z`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The host's wall clock. No other code reads it.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// Converts milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This time plus `millis`, saturating.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Parses RFC 3339; `None` if the text is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }
}

/// Parses a span of time in days, hours or minutes, `7d`, `24h` or `30m`, into milliseconds; `None` if the text is none.
pub fn parse_span(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        'd' => 86_400_000,
        'h' => 3_600_000,
        'm' => 60_000,
        _ => return None,
    };
    let count: u32 = text.get(..text.len() - 1)?.parse().ok()?;
    Some(i64::from(count) * unit)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values beyond year 9999 can only come from arithmetic; the nearest valid time is shown.
        let clamped = self.0.clamp(-377_705_023_201_000, 253_402_207_200_999);
        match jiff::Timestamp::from_millisecond(clamped) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{clamped}"),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_with_milliseconds_and_read_back() {
        let t = Timestamp::from_millis(1_795_454_147_966);
        assert_eq!(t.to_string(), "2026-11-23T17:15:47.966Z");
        assert_eq!(Timestamp::parse("2026-11-23T17:15:47.966Z"), Some(t));
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn a_span_is_a_number_of_days_hours_or_minutes() {
        assert_eq!(["1d", "24h", "30m", "0m"].map(parse_span), [86_400_000, 86_400_000, 1_800_000, 0].map(Some));
        assert_eq!(parse_span("4294967295d"), Some(371_085_174_288_000_000));
        for none in ["", "d", "30", "soon", "-1d", "30 d", "4294967296d", "7é"] {
            assert_eq!(parse_span(none), None, "{none}");
        }
    }
}
