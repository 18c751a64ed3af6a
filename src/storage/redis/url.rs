//! The address of a Redis and the login: `redis[s]://[user[:password]@]host[:port][/database]`.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// The port when the URL names none.
const DEFAULT_PORT: u16 = 6379;

/// A parsed URL of a Redis. Neither `Debug` nor `Display` shows user or password, so it can be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    tls: bool,
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<String>,
    database: u32,
}

/// What is wrong with a URL. It repeats nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// Neither `redis://` nor `rediss://`.
    #[error("it must begin with redis:// or rediss://")]
    Scheme,
    /// The host is missing or invalid.
    #[error("it names no valid host")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port must be a number from 1 to 65535 (a /, ? or # in a password is written %2F, %3F, %23)")]
    Port,
    /// The path is not the number of a database.
    #[error("behind the host only the number of a database may follow, such as /0")]
    Database,
    /// The URL names a user without a password.
    #[error("it names a user but no password (user:password@)")]
    NoPassword,
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("user or password is not properly percent-encoded (a % is written %25)")]
    Escape,
}

impl RedisUrl {
    /// Whether the connection is TLS.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// Host name or address; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// User to authenticate as; `None` means Redis' `default` user.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Password, if any.
    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Number of the database to select.
    pub fn database(&self) -> u32 {
        self.database
    }

    /// `host:port` for messages.
    pub fn address(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, RedisUrlError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(RedisUrlError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(RedisUrlError::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (credentials, location) = match authority.rsplit_once('@') {
            Some((credentials, location)) => (Some(credentials), location),
            None => (None, authority),
        };
        let (user, password) = credentials.map_or(Ok((None, None)), login)?;
        let (host, port) = host_and_port(location)?;
        Ok(Self { tls, host, port, user, password, database: database(path)? })
    }
}

type Login = (Option<String>, Option<String>);

fn login(credentials: &str) -> Result<Login, RedisUrlError> {
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (decoded(user)?, Some(decoded(password)?)),
        None => (decoded(credentials)?, None),
    };
    match (user.is_empty(), password) {
        // `redis://@host` and `redis://:@host` name neither user nor password.
        (true, password) => Ok((None, password.filter(|password| !password.is_empty()))),
        (false, Some(password)) => Ok((Some(user), Some(password))),
        (false, None) => Err(RedisUrlError::NoPassword),
    }
}

fn decoded(text: &str) -> Result<String, RedisUrlError> {
    // The decoder keeps a stray % unchanged, which would result in another password than was meant.
    let is_hex = |digits: Option<&[u8]>| digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    for (at, _) in text.match_indices('%') {
        if !is_hex(text.as_bytes().get(at + 1..at + 3)) {
            return Err(RedisUrlError::Escape);
        }
    }
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| RedisUrlError::Escape)
}

fn host_and_port(location: &str) -> Result<(String, u16), RedisUrlError> {
    let (host, port) = match location.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((host, port))) => {
            host.parse::<std::net::Ipv6Addr>().map_err(|_| RedisUrlError::Host)?;
            (host, port.strip_prefix(':').or(port.is_empty().then_some("")).ok_or(RedisUrlError::Host)?)
        }
        Some(None) => return Err(RedisUrlError::Host),
        None => location.split_once(':').unwrap_or((location, "")),
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '%') {
        return Err(RedisUrlError::Host);
    }
    let port = match port {
        "" => DEFAULT_PORT,
        digits => digits.parse().ok().filter(|port| *port != 0).ok_or(RedisUrlError::Port)?,
    };
    Ok((host.to_owned(), port))
}

fn database(path: &str) -> Result<u32, RedisUrlError> {
    match path {
        "" | "/" => Ok(0),
        path => path.strip_prefix('/').and_then(|number| number.parse().ok()).ok_or(RedisUrlError::Database),
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}/{}", self.address(), self.database)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts<'a> = (bool, &'a str, u16, Option<&'a str>, Option<&'a str>, u32);

    fn parts(url: &RedisUrl) -> Parts<'_> {
        (url.tls, &url.host, url.port, url.user(), url.password(), url.database)
    }

    #[test]
    fn a_url_says_where_and_who() {
        let table: &[(&str, Parts<'_>)] = &[
            ("redis://cache", (false, "cache", 6379, None, None, 0)),
            ("rediss://cache.example:6380/3", (true, "cache.example", 6380, None, None, 3)),
            ("REDIS://10.0.0.1:1/", (false, "10.0.0.1", 1, None, None, 0)),
            ("redis://[::1]", (false, "::1", 6379, None, None, 0)),
            ("redis://[::1]:7000/15", (false, "::1", 7000, None, None, 15)),
            ("redis://:secret@cache", (false, "cache", 6379, None, Some("secret"), 0)),
            ("redis://ann:secret@cache", (false, "cache", 6379, Some("ann"), Some("secret"), 0)),
            ("redis://ann:@cache", (false, "cache", 6379, Some("ann"), Some(""), 0)),
            ("redis://ann:a:b@c@cache", (false, "cache", 6379, Some("ann"), Some("a:b@c"), 0)),
            ("redis://a%40b:%2F%25%C3%BC@cache", (false, "cache", 6379, Some("a@b"), Some("/%ü"), 0)),
            ("redis://@cache", (false, "cache", 6379, None, None, 0)),
            ("redis://:@cache", (false, "cache", 6379, None, None, 0)),
            (" redis://cache\n", (false, "cache", 6379, None, None, 0)),
        ];
        for (text, expected) in table {
            let url: RedisUrl = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(parts(&url), *expected, "{text}");
        }
    }

    #[test]
    fn a_bad_url_is_refused_without_its_password() {
        let table = [
            ("cache:6379", RedisUrlError::Scheme),
            ("http://u:hunter2@cache", RedisUrlError::Scheme),
            ("redis:/cache", RedisUrlError::Scheme),
            ("redis://", RedisUrlError::Host),
            ("redis://u:hunter2@", RedisUrlError::Host),
            ("redis://u:hunter2@:6379", RedisUrlError::Host),
            ("redis://[::1", RedisUrlError::Host),
            ("redis://[nine]", RedisUrlError::Host),
            ("redis://[::1]7", RedisUrlError::Host),
            ("redis://a b", RedisUrlError::Host),
            ("redis://cache:0", RedisUrlError::Port),
            ("redis://cache:65536", RedisUrlError::Port),
            ("redis://cache:x", RedisUrlError::Port),
            ("redis://u:hunter2/more@cache", RedisUrlError::Port),
            ("redis://cache/one", RedisUrlError::Database),
            ("redis://cache/1/2", RedisUrlError::Database),
            ("redis://cache/-1", RedisUrlError::Database),
            ("redis://cache?protocol=3", RedisUrlError::Database),
            ("redis://cache/0?protocol=3", RedisUrlError::Database),
            ("redis://cache/0#x", RedisUrlError::Database),
            ("redis://hunter2@cache", RedisUrlError::NoPassword),
            ("redis://u:hunter2%@cache", RedisUrlError::Escape),
            ("redis://u:hunter2%zz@cache", RedisUrlError::Escape),
            ("redis://u:hunter2%+1@cache", RedisUrlError::Escape),
            ("redis://u:hunter2%FF@cache", RedisUrlError::Escape),
        ];
        for (text, expected) in table {
            let error = text.parse::<RedisUrl>().unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_url_shows_neither_user_nor_password() {
        let url: RedisUrl = "rediss://ann:hunter2@[::1]/2".parse().unwrap();
        assert_eq!(url.to_string(), "rediss://[::1]:6379/2");
        assert_eq!(format!("{url:?}"), "RedisUrl(rediss://[::1]:6379/2)");
    }
}
