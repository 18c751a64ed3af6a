//! The name and version by which a client of runcast introduces itself, and whether it should be replaced.

/// The version of this build.
pub const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");
/// How the names of the clients begin whose versions are the server's.
const OWN: [&str; 2] = ["runcast-", "@runcast/"];
/// Most bytes of a name and version that are looked at.
const MAX_BYTES: usize = 128;

/// The value of `Runcast-Client` as `NAME/MAJOR.MINOR.PATCH`. What follows the third number, as in `1.2.3-beta.1`, does
/// not count. A value without a slash is an id by which a viewer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientVersion<'a> {
    name: &'a str,
    major: u64,
    minor: u64,
}

impl<'a> ClientVersion<'a> {
    /// Reads a value; `None` if it is none. A request is never refused for it, as for a bad `User-Agent`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (name, version) = text.trim().rsplit_once('/').filter(|_| text.len() <= MAX_BYTES)?;
        let (major, minor) = numbers(version)?;
        (!name.is_empty()).then_some(Self { name, major, minor })
    }

    /// Whether a server of this version should tell the client to be replaced: the client comes with runcast, and is
    /// more than one version behind. Before 1.0 the second number counts, afterwards the first. Other clients have
    /// versions of their own.
    pub fn is_outdated(&self, server: &str) -> bool {
        let Some((major, minor)) = numbers(server) else { return false };
        let behind = match (major, self.major) {
            (0, 0) => minor.saturating_sub(self.minor),
            (major, client) => major.saturating_sub(client),
        };
        behind > 1 && OWN.iter().any(|own| self.name.starts_with(own))
    }
}

/// The first two of a version's three numbers.
fn numbers(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.splitn(3, '.');
    let mut number = || {
        let digits = parts.next()?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (major, minor) = (number()?, number()?);
    parts.next().filter(|patch| patch.starts_with(|c: char| c.is_ascii_digit())).map(|_| (major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_outdated_when_it_is_more_than_one_version_behind() {
        let is_outdated = |client: &str, server| ClientVersion::parse(client).unwrap().is_outdated(server);
        for (client, server, outdated) in [
            ("runcast-client/0.4.9", "0.5.0", false),
            ("runcast-client/0.3.9", "0.5.0", true),
            // What the package for JavaScript sends, and with it the reporter that it is bundled into.
            ("runcast-js/0.4.9", "0.5.0", false),
            ("runcast-js/0.3.9", "0.5.0", true),
            ("@runcast/playwright/0.3.9-beta.1", "0.5.0", true),
            ("runcast-client/0.9.0", "1.7.0", false),
            ("runcast-client/0.9.0", "2.0.0", true),
            ("runcast-client/1.0.0", "2.9.0", false),
            ("runcast-client/1.9.0", "3.0.0", true),
            ("runcast-client/9.0.0", "2.0.0", false),
            ("somebody-elses/0.0.1", "0.5.0", false),
        ] {
            assert_eq!(is_outdated(client, server), outdated, "{client} at {server}");
        }
        assert!(!is_outdated(&format!("runcast-client/{SERVER_VERSION}"), SERVER_VERSION));
    }

    #[test]
    fn what_is_no_name_and_version_is_not_read() {
        for bad in ["", "x", "x/", "x/1", "x/1.2", "/1.2.3", "x/1.2.", "x/1.b.3", "x/a.2.3", "x/1.2.x", "x/+1.2.3"] {
            assert_eq!(ClientVersion::parse(bad), None, "{bad:?}");
        }
        assert_eq!(ClientVersion::parse(&format!("{}/1.2.3", "x".repeat(MAX_BYTES))), None);
    }
}
