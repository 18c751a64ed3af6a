//! The cookies of those who have signed in, and of those who came by a share link.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{self, HeaderMap};

use crate::access::AccessSecret;
use crate::access::oidc::SIGN_IN_MILLIS;

/// Most share links that a browser keeps.
const MAX_SHARES: usize = 8;

/// How cookies are called and set. Over https they are bound to the host, which no other site of the same domain can set.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Cookies {
    is_https: bool,
}

impl Cookies {
    /// Those of a server that is reached by this URL.
    pub(super) fn of_server(public_url: &str) -> Self {
        Self { is_https: public_url.starts_with("https://") }
    }

    fn session_name(self) -> &'static str {
        if self.is_https { "__Host-runcast" } else { "runcast" }
    }

    fn share_prefix(self) -> &'static str {
        if self.is_https { "__Host-runcast-share-" } else { "runcast-share-" }
    }

    fn cookie(self, name: String, value: String) -> Cookie<'static> {
        Cookie::build(name, value).path("/").http_only(true).same_site(SameSite::Lax).secure(self.is_https).finish()
    }

    fn forget(self, name: String) -> Cookie<'static> {
        let mut cookie = self.cookie(name, String::new());
        cookie.set_max_age(Duration::ZERO);
        cookie
    }

    /// The cookie of somebody who has signed in. It goes with the browser, or when its session ends.
    pub(in crate::http) fn of_session(self, secret: &AccessSecret) -> Cookie<'static> {
        self.cookie(self.session_name().to_owned(), secret.reveal().to_owned())
    }

    /// What makes the browser forget the session.
    pub(in crate::http) fn forget_session(self) -> [Cookie<'static>; 1] {
        [self.forget(self.session_name().to_owned())]
    }

    fn sign_in_name(self) -> &'static str {
        if self.is_https { "__Host-runcast-sign-in" } else { "runcast-sign-in" }
    }

    /// What the browser keeps of a sign-in while it is at the identity provider. It comes back by a link of the provider's
    /// page, with which the browser sends it (`Lax`).
    pub(in crate::http) fn of_sign_in(self, sealed: String) -> Cookie<'static> {
        let mut cookie = self.cookie(self.sign_in_name().to_owned(), sealed);
        cookie.set_max_age(Duration::milliseconds(SIGN_IN_MILLIS));
        cookie
    }

    /// What makes the browser forget a sign-in.
    pub(in crate::http) fn forget_sign_in(self) -> Cookie<'static> {
        self.forget(self.sign_in_name().to_owned())
    }

    /// What the browser has kept of a sign-in.
    pub(in crate::http) fn sign_in(self, headers: &HeaderMap) -> Option<&str> {
        pairs(headers).find(|(name, _)| *name == self.sign_in_name()).map(|(_, value)| value)
    }

    /// The cookie of a share link, and what makes room for it.
    pub(in crate::http) fn of_share(
        self,
        request: &HttpRequest,
        id: &str,
        secret: &str,
        left: Duration,
    ) -> Vec<Cookie<'static>> {
        let name = format!("{}{id}", self.share_prefix());
        let mut cookie = self.cookie(name.clone(), secret.to_owned());
        cookie.set_max_age(left);
        let others = pairs(request.headers()).map(|(name, _)| name);
        let others = others.filter(|other| other.starts_with(self.share_prefix()) && **other != name);
        let mut others: Vec<String> = others.map(str::to_owned).collect();
        // Their names begin with the time at which they were made.
        others.sort();
        let surplus = (others.len() + 1).saturating_sub(MAX_SHARES);
        others.drain(..surplus).map(|name| self.forget(name)).chain([cookie]).collect()
    }

    /// The secret of the session, and those of share links, at most as many as a browser keeps.
    pub(super) fn secrets(self, headers: &HeaderMap) -> (Option<&str>, Vec<&str>) {
        let session = pairs(headers).find(|(name, _)| *name == self.session_name()).map(|(_, value)| value);
        let shares = pairs(headers).filter(|(name, _)| name.starts_with(self.share_prefix()));
        (session, shares.map(|(_, value)| value).take(MAX_SHARES).collect())
    }
}

/// The cookies of a request.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;

    use super::*;

    fn shown(cookies: Vec<Cookie<'static>>) -> Vec<String> {
        cookies.iter().map(|cookie| cookie.encoded().to_string()).collect()
    }

    #[test]
    fn cookies_are_the_hosts_alone_and_no_script_reads_them() {
        let secret = AccessSecret::generate().unwrap();
        let https = Cookies::of_server("https://runs.example.org").of_session(&secret).encoded().to_string();
        assert!(https.starts_with("__Host-runcast=rcast_"), "{https}");
        assert!(https.contains("Secure") && https.contains("HttpOnly") && https.contains("SameSite=Lax"), "{https}");
        assert!(https.contains("Path=/") && !https.contains("Domain"), "{https}");
        let http = Cookies::of_server("").of_session(&secret).encoded().to_string();
        assert!(http.starts_with("runcast=rcast_") && !http.contains("Secure"), "{http}");
        let sign_in = Cookies::of_server("https://x").of_sign_in("sealed".to_owned()).encoded().to_string();
        assert!(sign_in.starts_with("__Host-runcast-sign-in=sealed") && sign_in.contains("Max-Age=600"), "{sign_in}");
    }

    #[test]
    fn a_browser_keeps_eight_share_links_and_the_oldest_one_goes() {
        let cookies = Cookies::of_server("");
        let header = (1..=9).map(|number| format!("runcast-share-{number}=x")).collect::<Vec<_>>().join("; ");
        let request = TestRequest::default().append_header(("cookie", header)).to_http_request();
        let set = shown(cookies.of_share(&request, "90", "secret", Duration::seconds(60)));
        assert_eq!(set.len(), 3, "{set:?}");
        assert!(set[0].starts_with("runcast-share-1=;") && set[0].contains("Max-Age=0"), "{set:?}");
        assert!(set[1].starts_with("runcast-share-2=;"), "{set:?}");
        assert!(set[2].starts_with("runcast-share-90=secret;") && set[2].contains("Max-Age=60"), "{set:?}");
    }

    #[test]
    fn secrets_are_found_among_other_cookies() {
        let line = HeaderValue::from_static("a=b; runcast=one; runcast-share-1=two;runcast-share-2=three; runcastx=no");
        let headers = HeaderMap::from_iter([(header::COOKIE, line)]);
        assert_eq!(Cookies::of_server("").secrets(&headers), (Some("one"), vec!["two", "three"]));
        assert_eq!(Cookies::of_server("https://x").secrets(&headers), (None, vec![]));
    }
}
