//! A server that keeps artifacts somewhere, what is sent to it, and what it keeps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{Azurite, Dice, Reply, S3Server, SOON, Site, TestNode, eventually, soon};
use super::zip;

pub(crate) const MIB: usize = 1 << 20;

/// A server with these settings, each named as in `config.toml`: `artifacts.max_bytes`.
pub(crate) fn node(settings: &[(&str, &str)]) -> TestNode {
    node_at(&[], settings)
}

/// The same with no more descriptors than `limit`.
pub(crate) fn node_of_few_descriptors(limit: u32, settings: &[(&str, &str)]) -> TestNode {
    let all = named(&[], settings);
    let all: Vec<_> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    TestNode::start_with_descriptors(limit, &all)
}

/// The same with its artifacts at a store whose settings are `store`.
pub(crate) fn node_at(store: &[(String, String)], settings: &[(&str, &str)]) -> TestNode {
    let all = named(store, settings);
    let all: Vec<_> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    TestNode::start(&all)
}

fn named(store: &[(String, String)], settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let name = |key: &str| format!("RUNCAST__{}", key.replace('.', "__").to_uppercase());
    let mut all: Vec<(String, String)> = store.to_vec();
    // The disk of a build machine may be nearly full.
    all.push((name("journal.min_free_bytes"), "0".to_owned()));
    all.extend(settings.iter().map(|(key, value)| (name(key), (*value).to_owned())));
    all
}

/// A store beside a server.
pub(crate) enum Store {
    Directory,
    S3(S3Server),
    Azure(Box<Azurite>),
}

impl Store {
    pub(crate) fn s3() -> Self {
        Self::S3(S3Server::start())
    }

    pub(crate) async fn azure() -> Self {
        Self::Azure(Box::new(Azurite::start().await))
    }

    pub(crate) fn node(&self, settings: &[(&str, &str)]) -> TestNode {
        match self {
            Self::Directory => node(settings),
            Self::S3(server) => node_at(&server.settings(), settings),
            Self::Azure(emulator) => node_at(&emulator.settings(), settings),
        }
    }

    /// The objects that there are, and what is left of uploads; on Azure nobody can see them.
    pub(crate) fn files(&self, node: &TestNode) -> Vec<String> {
        match self {
            Self::Directory => files(&objects(node)),
            Self::S3(server) => [files(&server.file("")), server.unfinished()].concat(),
            Self::Azure(_) => Vec::new(),
        }
    }
}

/// The directory of objects of a server that has one.
pub(crate) fn objects(node: &TestNode) -> PathBuf {
    node.data().join("objects")
}

/// The files below a directory, by their paths in it.
pub(crate) fn files(root: &Path) -> Vec<String> {
    fn walk(root: &Path, at: &Path, found: &mut BTreeSet<String>) {
        let Ok(entries) = fs::read_dir(at) else { return };
        for entry in entries {
            // What is removed meanwhile is gone.
            let Ok(entry) = entry else { continue };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => walk(root, &entry.path(), found),
                Ok(_) => drop(found.insert(entry.path().strip_prefix(root).unwrap().display().to_string())),
                Err(_) => {}
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(root, root, &mut found);
    found.into_iter().collect()
}

/// What is on its way through the spool, the locks of its directories apart.
pub(crate) fn spooled(node: &TestNode) -> Vec<String> {
    files(&node.data().join("spool")).into_iter().filter(|path| !path.ends_with("/lock")).collect()
}

/// Text that becomes smaller.
pub(crate) fn text(bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(bytes as u64);
    let mut text = String::new();
    while text.len() < bytes {
        text += &format!("{:016x} [info] a line of some log\n", dice.roll());
    }
    text.truncate(bytes);
    text.into_bytes()
}

/// What begins as a picture does, and does not become smaller.
pub(crate) fn picture(bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(bytes as u64);
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    while picture.len() < bytes {
        picture.extend(dice.roll().to_le_bytes());
    }
    picture.truncate(bytes);
    picture
}

/// One of each form in which artifacts are stored: name, content, kind, method, coding.
pub(crate) fn samples() -> [(&'static str, Vec<u8>, [&'static str; 3]); 3] {
    [
        ("trace.zip", zip::trace(), ["trace", "rezipped", "zstd"]),
        ("stdout.log", text(70_000), ["log", "gzip", "gzip"]),
        ("failure.png", picture(100_000), ["screenshot", "kept", "identity"]),
    ]
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().try_into().unwrap()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    sha256(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value of `Content-Digest`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", base64::engine::general_purpose::STANDARD.encode(sha256(bytes)))
}

pub(crate) fn path(run: &str, rest: &str) -> String {
    format!("/api/runs/{run}/artifacts{rest}")
}

/// An upload through the server.
pub(crate) async fn put(site: &Site, run: &str, name: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
    let path = path(run, &format!("/{name}"));
    let sent = soon(&path, site.try_send("PUT", &path, headers, body)).await;
    sent.unwrap_or_else(|error| panic!("PUT {path}: {error:?}"))
}

/// One that succeeds: the artifact.
pub(crate) async fn stored(site: &Site, run: &str, name: &str, body: Vec<u8>) -> Value {
    let reply = put(site, run, name, &[], body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

/// The id of an artifact.
pub(crate) fn id(artifact: &Value) -> &str {
    artifact["artifactId"].as_str().unwrap_or_else(|| panic!("no artifact: {artifact}"))
}

/// Any request with a JSON body, or none.
pub(crate) async fn ask(site: &Site, method: &str, path: &str, body: Option<Value>) -> Reply {
    let headers: &[(&str, &str)] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let sent = soon(path, site.try_send(method, path, headers, body)).await;
    sent.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
}

/// The artifacts of a run.
pub(crate) async fn list(site: &Site, run: &str) -> Vec<Value> {
    let page = site.get(&path(run, "?limit=1000")).await;
    match page.status {
        200 => page.json()["artifacts"].as_array().unwrap().clone(),
        // Neither an event nor an artifact has come.
        _ => {
            page.problem(404, "run_not_found");
            Vec::new()
        }
    }
}

/// The states of the artifacts of a run.
pub(crate) async fn states(site: &Site, run: &str) -> Vec<String> {
    list(site, run).await.iter().map(|artifact| artifact["state"].as_str().unwrap().to_owned()).collect()
}

/// A run of the cleanup; what it did.
pub(crate) async fn clean(site: &Site) -> Value {
    let reply = ask(site, "POST", "/api/cleanup/run", None).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// What a download of an artifact says.
pub(crate) async fn download(site: &Site, run: &str, id: &str, query: &str, accept: &str) -> Reply {
    let headers = [("accept-encoding", accept)];
    site.get_with(&path(run, &format!("/{id}/download{query}")), &headers[..usize::from(!accept.is_empty())]).await
}

/// An answer whose body is bytes.
pub(crate) struct Fetched {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Fetched {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A request by a plain client that knows nothing but a URL.
pub(crate) async fn fetch(method: &str, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Fetched {
    let client = reqwest::Client::builder().no_proxy().timeout(SOON).redirect(reqwest::redirect::Policy::none());
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = client.build().unwrap().request(method, url).body(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let reply = request.send().await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    Fetched { status, headers, body: reply.bytes().await.unwrap().to_vec() }
}

/// The bytes behind a URL.
pub(crate) async fn bytes(url: &str) -> Vec<u8> {
    let fetched = fetch("GET", url, &[], Vec::new()).await;
    assert_eq!(fetched.status, 200, "{url}: {}", String::from_utf8_lossy(&fetched.body));
    fetched.body
}

/// What an artifact is for who can decode nothing.
pub(crate) async fn original(site: &Site, run: &str, id: &str) -> Vec<u8> {
    let told = download(site, run, id, "?encoding=identity", "").await.json();
    bytes(told["downloadUrl"].as_str().unwrap()).await
}

/// A connection on which an upload has begun.
pub(crate) struct Upload(pub(crate) TcpStream);

impl Upload {
    /// Sends the head of one of `length` bytes, or of chunks.
    pub(crate) async fn begin(site: &Site, run: &str, name: &str, length: Option<usize>) -> Self {
        Self::at(site, &path(run, &format!("/{name}")), length).await
    }

    /// The same, to any path.
    pub(crate) async fn at(site: &Site, path: &str, length: Option<usize>) -> Self {
        let length =
            length.map_or("Transfer-Encoding: chunked".to_owned(), |length| format!("Content-Length: {length}"));
        Self::head(site, path, &length).await
    }

    /// An upload of a run with these lines in its head.
    pub(crate) async fn with(site: &Site, run: &str, name: &str, lines: &str) -> Self {
        Self::head(site, &path(run, &format!("/{name}")), lines).await
    }

    async fn head(site: &Site, path: &str, lines: &str) -> Self {
        let head = format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n");
        let mut socket = TcpStream::connect(site.address()).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        Self(socket)
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon("a piece of an upload", self.0.write_all(bytes)).await.unwrap();
    }

    /// One chunk; an empty one is the end. A server that has answered may hang up.
    pub(crate) async fn chunk(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        soon("a chunk", self.0.write_all(&chunk)).await
    }

    /// The status and the body of the answer.
    pub(crate) async fn answer(mut self) -> (u16, Value) {
        let mut answer = Vec::new();
        soon("an answer", async {
            let whole = |answer: &[u8]| answer.ends_with(b"}") && answer.windows(4).any(|four| four == b"\r\n\r\n");
            while !whole(&answer) && self.0.read_buf(&mut answer).await.is_ok_and(|bytes| bytes > 0) {}
        })
        .await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
    }
}

/// The catalog of a server, behind its back.
pub(crate) struct Catalog(SqliteConnection);

impl Catalog {
    pub(crate) async fn of(node: &TestNode) -> Self {
        Self::at(&node.data().join("catalog.db")).await
    }

    pub(crate) async fn at(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(SOON);
        Self(options.connect().await.unwrap())
    }

    pub(crate) async fn run(&mut self, sql: &str) -> u64 {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.0).await.unwrap().rows_affected()
    }

    /// The texts of a column; NULL is empty.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut self.0).await.unwrap();
        rows.iter().map(|row| row.get::<Option<String>, _>(0).unwrap_or_default()).collect()
    }

    /// All that there is was announced, and put off, so many hours earlier.
    pub(crate) async fn age(&mut self, hours: u64) {
        let ms = hours * 3_600_000;
        let sql = format!(
            "UPDATE runcast_artifacts SET created_at = created_at - {ms}, retry_at = retry_at - {ms}, \
             former_until = former_until - {ms}"
        );
        self.run(&sql).await;
    }
}

/// Waits until nothing is on its way any more: no row pending, nothing in the spool.
pub(crate) async fn settled(node: &TestNode, run: &str) -> Vec<String> {
    let states = eventually!(states(node, run).await, |states| !states.contains(&"pending".to_owned()), SOON);
    eventually!(spooled(node), |files| files.is_empty(), SOON);
    states
}
