//! Plain HTTP: an ordinary client, and raw requests where a test needs them.

use std::io::Write as _;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{SOON, eventually, soon};

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that the response is a problem document with this status and code; returns its detail.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> String {
        let json = self.json();
        assert_eq!((self.status, json["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(json["status"], status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert!(json["title"].is_string() && json["type"].is_string(), "{self:?}");
        json["detail"].as_str().unwrap_or_else(|| panic!("no detail: {self:?}")).to_owned()
    }
}

/// The address of a server and a client for it; remains valid after a restart in place.
#[derive(Clone)]
pub(crate) struct Site {
    address: SocketAddr,
    client: reqwest::Client,
}

impl Site {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, client: reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn ws_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Sends a request; returns an error if the connection failed.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Result<Reply, reqwest::Error> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Reply { status, headers, text: response.text().await? })
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let sent = soon(path, self.try_send("GET", path, headers, "")).await;
        sent.unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    /// The answer itself, also if it leads elsewhere.
    pub(crate) async fn get_unredirected(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let client = reqwest::Client::builder().no_proxy().timeout(SOON).redirect(reqwest::redirect::Policy::none());
        let site = Self { address: self.address, client: client.build().unwrap() };
        site.get_with(path, headers).await
    }

    pub(crate) async fn get_json(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "GET {path}: {reply:?}");
        reply.json()
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Reply {
        let sent = soon(path, self.try_send("POST", path, headers, body)).await;
        sent.unwrap_or_else(|error| panic!("POST {path}: {error:?}"))
    }

    /// Posts events as NDJSON.
    pub(crate) async fn post_ndjson(&self, run: &str, lines: &[String], headers: &[(&str, &str)]) -> Reply {
        let headers = [&[("content-type", "application/x-ndjson")], headers].concat();
        self.post(&format!("/api/runs/{run}/events"), &headers, lines.join("\n")).await
    }

    /// Compares the state of a run that was recorded with the one that is kept for this seq.
    pub(crate) async fn check_state(&self, run: &str, seq: usize) {
        let overview = self.get_json(&format!("/api/runs/{run}")).await;
        let (mut tests, mut after) = (Vec::new(), 0);
        loop {
            let mut page = self.get_json(&format!("/api/runs/{run}/tests?limit=7&after={after}")).await;
            assert_eq!(page["seq"], seq, "{page}");
            tests.append(page["tests"].as_array_mut().unwrap());
            if page["more"] == false {
                break;
            }
            after = page["next"].as_u64().unwrap();
        }
        super::check_state(seq, overview, tests);
    }

    /// Posts events, which must be accepted; returns the answer.
    pub(crate) async fn store(&self, run: &str, lines: &[String]) -> Value {
        let reply = self.post_ndjson(run, lines, &[]).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        reply.json()
    }

    /// All events of a run as they were posted, read page by page. Their seqs must be 1, 2, 3 ...
    pub(crate) async fn stored(&self, run: &str) -> Vec<String> {
        let mut events = Vec::new();
        loop {
            let path = format!("/api/runs/{run}/events?after={}", events.len());
            let reply = self.get_with(&path, &[("accept", "application/x-ndjson")]).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            for line in reply.text.lines() {
                let (seq, event) = super::without_seq(line);
                assert_eq!(seq, events.len() as u64 + 1, "seqs are dense");
                events.push(event);
            }
            if reply.header("runcast-more") != "true" {
                return events;
            }
        }
    }

    /// [`Self::stored`], once there are `count` events: another node's events arrive a moment after they are
    /// acknowledged.
    pub(crate) async fn stored_once_heard(&self, run: &str, count: usize) -> Vec<String> {
        eventually!(self.stored(run).await, |events| events.len() >= count, SOON)
    }

    /// The value of a gauge or counter; `name` includes the labels, if there are any.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("{name} is not in\n{text}"))
    }
}

/// Sends a raw request and returns the response, head and body.
pub(crate) async fn exchange(node: &Site, request: &str) -> String {
    soon("an answer", async {
        let mut socket = TcpStream::connect(node.address()).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !is_whole(&answer) && socket.read_buf(&mut answer).await.unwrap() > 0 {}
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

/// Whether a response with a `Content-Length` is complete.
fn is_whole(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(data, 3).unwrap()
}
