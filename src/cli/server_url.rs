//! The address of a server, and the URLs of its API.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use reqwest::header::HeaderValue;

use super::server_token::ServerToken;
use crate::protocol::{After, RunId};

/// The variable that names the servers.
pub(super) const URL_VARIABLE: &str = "RUNCAST_URL";

/// The server where none is named.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:3001";

/// `http://host[:port][/prefix]` of a runcast server, and what is shown to it.
#[derive(Clone, Debug)]
pub struct ServerUrl {
    url: Url,
    token: Option<ServerToken>,
}

impl FromStr for ServerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "must be http://HOST[:PORT] or https://HOST[:PORT]";
        if text.is_empty() {
            return Err(format!("{FORM}, and is empty"));
        }
        if let Some(rest) = text.strip_prefix("ws://").or_else(|| text.strip_prefix("wss://")) {
            let scheme = if text.starts_with("wss") { "https" } else { "http" };
            return Err(format!("{FORM}: type {scheme}://{rest}"));
        }
        let typed = format!("http://{text}");
        // `localhost:3001` parses as a URL of the scheme `localhost`.
        let is_address = !text.contains("://") && Url::parse(&typed).is_ok_and(|url| url.has_host());
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Self { url, token: None }),
            _ if is_address => Err(format!("{FORM}: type {typed}")),
            Err(error) => Err(format!("{FORM}: {error}")),
            Ok(_) => Err(FORM.into()),
        }
    }
}

/// The address as it was typed, without a password.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        // A URL with a host always has room for these.
        let _ = url.set_password(None);
        let _ = url.set_username("");
        f.write_str(url.as_str().trim_end_matches('/'))
    }
}

impl ServerUrl {
    fn is_of_variable(&self) -> bool {
        let named = std::env::var(URL_VARIABLE).unwrap_or_default();
        named.split(',').any(|text| text.parse::<Self>().is_ok_and(|url| url.url == self.url))
    }

    /// Where the address comes from, if that is not in sight.
    pub(super) fn origin_hint(&self) -> &'static str {
        if self.is_of_variable() { " (the address is RUNCAST_URL's)" } else { "" }
    }

    /// What to do where no server is.
    pub(super) fn absence_hint(&self) -> &'static str {
        if self.is_of_variable() {
            " (the address is RUNCAST_URL's)"
        } else if self.to_string() == DEFAULT_URL {
            " (start a server with `runcast`, or name one by --url or RUNCAST_URL)"
        } else {
            " (is a server running there?)"
        }
    }

    /// The same server, to which this is shown.
    #[must_use]
    pub fn with_token(self, token: Option<ServerToken>) -> Self {
        Self { token, ..self }
    }

    /// Scheme, host and port: what a credential is kept for.
    pub(super) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The value of `Authorization` for it.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        self.token.as_ref().and_then(ServerToken::header)
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The URL to which a run's events are posted.
    pub fn events(&self, run: &RunId) -> Url {
        self.under(&["api", "runs", run.as_str(), "events"])
    }

    /// URL to which pictures of a run's screens are posted.
    pub(super) fn frame(&self, run: &RunId) -> Url {
        self.under(&["api", "runs", run.as_str(), "frame"])
    }

    /// URL of the list of the newest runs that have `text` in their name or title.
    pub(super) fn runs_with(&self, text: &str) -> Url {
        let mut url = self.under(&["api", "runs"]);
        url.query_pairs_mut().append_pair("q", text).append_pair("limit", "100");
        url
    }

    /// URL of the list of API keys, from this cursor on.
    pub(super) fn keys(&self, cursor: &str) -> Url {
        let mut url = self.under(&["api", "keys"]);
        if !cursor.is_empty() {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        url
    }

    /// URL of what was revoked.
    pub(super) fn revocations(&self) -> Url {
        self.under(&["api", "revocations"])
    }

    /// URL of an API key.
    pub(super) fn key(&self, id: &str) -> Url {
        self.under(&["api", "keys", id])
    }

    /// URL at which a command line asks to be let in.
    pub(super) fn login(&self) -> Url {
        self.under(&["api", "login"])
    }

    /// URL that says whether somebody has let a command line in.
    pub(super) fn login_state(&self, request: &str) -> Url {
        self.asking(&["api", "login"], &[("request", request.to_owned())])
    }

    /// URL that says who asks.
    pub(super) fn me(&self) -> Url {
        self.under(&["api", "me"])
    }

    /// URL of the session of whoever asks.
    pub(super) fn session(&self) -> Url {
        self.under(&["api", "session"])
    }

    /// URL of a run's share links.
    pub(super) fn shares(&self, run: &RunId) -> Url {
        self.under(&["api", "runs", run.as_str(), "shares"])
    }

    /// URL of a run's state.
    pub(super) fn state(&self, run: &RunId) -> Url {
        self.under(&["api", "runs", run.as_str()])
    }

    /// URL to which commands to a run are posted, and where its producers ask for them.
    pub(super) fn commands(&self, run: &RunId) -> Url {
        self.under(&["api", "runs", run.as_str(), "commands"])
    }

    /// URL at which a producer claims a command.
    pub(super) fn claim(&self, run: &RunId, command: &str) -> Url {
        self.under(&["api", "runs", run.as_str(), "commands", command, "claim"])
    }

    /// URL at which a run is said to be finished.
    pub(super) fn finish(&self, run: &RunId) -> Url {
        self.under(&["api", "runs", run.as_str(), "finish"])
    }

    /// URL of a search of a run with these parameters, without those that are empty.
    pub(super) fn search(&self, run: &RunId, query: &[(&str, String)]) -> Url {
        self.asking(&["api", "runs", run.as_str(), "search"], query)
    }

    /// The WebSocket URL on which a run is watched.
    pub fn live(&self, run: &RunId, after: &str) -> Url {
        let mut url = self.under(&["ws", "runs", run.as_str()]);
        // `wss` and `ws` are always accepted in place of `https` and `http`.
        let _ = url.set_scheme(if self.is_encrypted() { "wss" } else { "ws" });
        if !after.is_empty() {
            url.query_pairs_mut().append_pair("after", after);
        }
        // A terminal shows no pictures.
        url.query_pairs_mut().append_pair("screen", "off");
        url
    }

    /// URL of the list of runs with these parameters, without those that are empty.
    pub(super) fn runs(&self, query: &[(&str, String)]) -> Url {
        self.asking(&["api", "runs"], query)
    }

    /// URL of a page of a run's tests with these parameters, without those that are empty.
    pub(super) fn tests(&self, run: &RunId, query: &[(&str, String)]) -> Url {
        self.asking(&["api", "runs", run.as_str(), "tests"], query)
    }

    /// URL of a run as a file of this format.
    pub(super) fn export(&self, run: &RunId, format: &str) -> Url {
        let mut url = self.under(&["api", "runs", run.as_str(), "export"]);
        url.query_pairs_mut().append_pair("format", format);
        url
    }

    /// URL of what keeps the artifacts of a run.
    pub(super) fn pin(&self, run: &RunId) -> Url {
        self.under(&["api", "runs", run.as_str(), "pin"])
    }

    /// URL that deletes a run.
    pub(super) fn deletion(&self, run: &RunId, force: bool) -> Url {
        let mut url = self.state(run);
        url.set_query(force.then_some("force=1"));
        url
    }

    /// URL that says where the original bytes of an artifact are.
    pub(super) fn download(&self, run: &RunId, artifact: &str) -> Url {
        let mut url = self.under(&["api", "runs", run.as_str(), "artifacts", artifact, "download"]);
        url.set_query(Some("encoding=identity"));
        url
    }

    /// Most artifacts of a page.
    const PAGE: &str = "1000";

    /// URL of a page of a run's artifacts, after `cursor` unless that is empty.
    pub(super) fn artifacts(&self, run: &RunId, cursor: &str) -> Url {
        let mut url = self.announce(run);
        url.query_pairs_mut().append_pair("limit", Self::PAGE);
        if !cursor.is_empty() {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        url
    }

    /// URL to which a direct upload to the store is announced.
    pub(super) fn announce(&self, run: &RunId) -> Url {
        self.under(&["api", "runs", run.as_str(), "artifacts"])
    }

    /// URL that completes a direct upload to the store.
    pub(super) fn complete(&self, run: &RunId, artifact: &str) -> Url {
        self.under(&["api", "runs", run.as_str(), "artifacts", artifact, "complete"])
    }

    /// URL to which an artifact of this name is put. The name becomes one path segment, whatever it contains.
    pub(super) fn artifact(&self, run: &RunId, name: &str) -> Url {
        self.under(&["api", "runs", run.as_str(), "artifacts", name])
    }

    /// URL that starts a cleanup.
    pub(super) fn cleanup(&self, is_dry: bool) -> Url {
        let mut url = self.under(&["api", "cleanup", "run"]);
        url.set_query(is_dry.then_some("dryRun=1"));
        url
    }

    /// URL of the server's connections, which balancers let pass.
    pub(super) fn stats(&self) -> Url {
        self.under(&["api", "ws", "stats"])
    }

    fn asking(&self, parts: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.under(parts);
        url.query_pairs_mut().extend_pairs(query.iter().filter(|(_, value)| !value.is_empty()));
        url
    }

    fn under(&self, parts: &[&str]) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }
}

/// Formats `after` so that [`After::parse`] can read it.
pub(super) fn after_text(after: After) -> String {
    match after {
        After::Start => String::new(),
        After::Latest => "latest".into(),
        After::Last(count) => format!("-{count}"),
        After::Cursor(cursor) => cursor.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_lie_under_the_server_with_its_prefix() {
        let run = RunId::parse("ci:42").unwrap();
        let events = |url: &str| url.parse::<ServerUrl>().unwrap().events(&run).to_string();
        assert_eq!(events("http://127.0.0.1:3001"), "http://127.0.0.1:3001/api/runs/ci:42/events");
        assert_eq!(events("https://h/live/?x=1#y"), "https://h/live/api/runs/ci:42/events");
        let live = |url: &str, after: &str| url.parse::<ServerUrl>().unwrap().live(&run, after).to_string();
        assert_eq!(live("http://h:1", ""), "ws://h:1/ws/runs/ci:42?screen=off");
        assert_eq!(live("https://h", "latest"), "wss://h/ws/runs/ci:42?after=latest&screen=off");
        assert_eq!(live("http://h", "7:42"), "ws://h/ws/runs/ci:42?after=7%3A42&screen=off");
    }

    #[test]
    fn an_address_that_is_none_says_what_to_type() {
        let refused = |text: &str| text.parse::<ServerUrl>().unwrap_err();
        for (text, typed) in [
            ("localhost:3001", "http://localhost:3001"),
            ("127.0.0.1:3001", "http://127.0.0.1:3001"),
            ("runcast.example.org", "http://runcast.example.org"),
            ("ws://h:1/x", "http://h:1/x"),
            ("wss://h", "https://h"),
        ] {
            assert!(refused(text).ends_with(&format!(": type {typed}")), "{}", refused(text));
        }
        assert!(refused("").ends_with("and is empty") && refused("ftp://h").starts_with("must be http://HOST"));
        let shown = |text: &str| text.parse::<ServerUrl>().unwrap().to_string();
        assert_eq!(shown("http://h:1/"), "http://h:1");
        assert_eq!(shown("https://me:secret@h/live"), "https://h/live", "a password is not shown");
    }

    #[test]
    fn the_name_of_an_artifact_is_one_segment() {
        let (server, run) = ("http://h".parse::<ServerUrl>().unwrap(), RunId::parse("r").unwrap());
        for (name, segment) in [("a/b c.zip", "a%2Fb%20c.zip"), ("50%?#é", "50%25%3F%23%C3%A9"), ("../x", "..%2Fx")] {
            let wanted = format!("http://h/api/runs/r/artifacts/{segment}");
            assert_eq!(server.artifact(&run, name).as_str(), wanted);
        }
        let page = |cursor: &str| server.artifacts(&run, cursor).to_string();
        assert_eq!(page(""), "http://h/api/runs/r/artifacts?limit=1000");
        assert_eq!(page("i"), "http://h/api/runs/r/artifacts?limit=1000&cursor=i");
        assert_eq!(server.cleanup(true).as_str(), "http://h/api/cleanup/run?dryRun=1");
        assert_eq!(server.cleanup(false).as_str(), "http://h/api/cleanup/run");
    }

    #[test]
    fn after_is_written_as_it_is_read() {
        for text in ["", "latest", "-100", "5", "7:42"] {
            assert_eq!(after_text(After::parse(text).unwrap()), text);
        }
    }
}
