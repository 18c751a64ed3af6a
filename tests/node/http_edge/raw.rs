//! A connection on which everything is said as it is, and heard as it comes.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Site, TestNode, soon};

/// The lines of a good handshake, apart from the first.
pub(crate) const HANDSHAKE: &str = "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What Java's `HttpClient` says with every request that it would rather send by HTTP/2.
pub(crate) const H2C: &str = "Host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                              HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n";

/// A server with these settings, each named as in `config.toml`; the disk of a build machine may be nearly full.
pub(crate) fn node(settings: &[(&str, &str)]) -> TestNode {
    let name = |key: &str| format!("RUNCAST__{}", key.replace('.', "__").to_uppercase());
    let mut all = vec![(name("journal.min_free_bytes"), "0")];
    all.extend(settings.iter().map(|(key, value)| (name(key), *value)));
    let all: Vec<_> = all.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    TestNode::start(&all)
}

/// See the module.
pub(crate) struct Raw {
    tcp: TcpStream,
    unread: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In small letters.
    pub(crate) head: String,
    /// What came until the end of the connection.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The code of the problem document that it is.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let document: serde_json::Value =
            serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        assert_eq!(document["status"], self.status, "{self:?}");
        document["code"].as_str().unwrap().to_owned()
    }
}

impl Raw {
    pub(crate) async fn connect(node: &Site) -> Self {
        let tcp = soon("a connection", TcpStream::connect(node.address())).await.unwrap();
        Self { tcp, unread: Vec::new() }
    }

    /// Connects and says this.
    pub(crate) async fn say(node: &Site, text: &str) -> Self {
        let mut raw = Self::connect(node).await;
        raw.send(text.as_bytes()).await;
        raw
    }

    /// Connects, says this, and hears everything until the connection ends.
    pub(crate) async fn ask(node: &Site, text: &str) -> Answer {
        Self::say(node, text).await.answer().await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon("room to write", self.tcp.write_all(bytes)).await.unwrap();
    }

    /// The same, but the server may have ended the connection.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        soon("room to write", self.tcp.write_all(bytes)).await.is_ok()
    }

    /// The next head.
    pub(crate) async fn head(&mut self) -> Answer {
        let end = soon("a head", async {
            loop {
                if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                    return at + 4;
                }
                let read = self.tcp.read_buf(&mut self.unread).await.unwrap();
                assert!(read > 0, "it ended in its head: {:?}", String::from_utf8_lossy(&self.unread));
            }
        })
        .await;
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: Vec::new() }
    }

    /// Everything that still comes, until the connection ends; in order, or by a reset.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        soon("the end of the connection", async {
            while matches!(self.tcp.read_buf(&mut self.unread).await, Ok(1..)) {}
        })
        .await;
        std::mem::take(&mut self.unread)
    }

    /// A head and all that follows it.
    pub(crate) async fn answer(&mut self) -> Answer {
        let answer = self.head().await;
        Answer { body: self.rest().await, ..answer }
    }

    /// So many bytes.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<u8> {
        soon("bytes", async {
            while self.unread.len() < count {
                assert!(self.tcp.read_buf(&mut self.unread).await.unwrap() > 0, "it ended: {:?}", self.unread);
            }
        })
        .await;
        self.unread.drain(..count).collect()
    }
}
