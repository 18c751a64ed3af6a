//! Addresses at which nobody can answer but who is meant.

use std::net::IpAddr;

use reqwest::Url;

/// The address, if whoever answers there can only be the one that is meant: over TLS, or on this machine; without a user's
/// name.
pub fn trusted_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| url.username().is_empty() && url.password().is_none())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback());
    (url.scheme() == "https" || (url.scheme() == "http" && is_loopback)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_tls_or_of_this_machine() {
        for good in ["https://login.example/x?y", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]:1/"] {
            assert!(trusted_url(good).is_some(), "{good}");
        }
        for bad in ["http://login.example/", "http://127.0.0.1.example/", "https://a:b@c/", "javascript:alert(1)", "x"]
        {
            assert!(trusted_url(bad).is_none(), "{bad}");
        }
    }
}
