//! A reader of Server-Sent Events.

use std::collections::VecDeque;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{Site, soon};

/// A record of the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// `epoch:seq`, if the record is an event of the run.
    pub(crate) id: Option<String>,
    /// The name of a record that is not an event of the run.
    pub(crate) event: Option<String>,
    pub(crate) data: String,
}

/// An open stream.
pub(crate) struct EventStream {
    tcp: TcpStream,
    head: String,
    /// The unparsed bytes of the chunked body, and the unparsed text decoded from it.
    chunked: Vec<u8>,
    unread: String,
    records: VecDeque<Record>,
    /// The reconnect delay that the server asks for, in milliseconds.
    pub(crate) retry: Option<u64>,
    /// Number of comments so far.
    pub(crate) comments: usize,
}

impl EventStream {
    /// Opens a stream; `headers` are further header lines, each with its line ending.
    pub(crate) async fn open(node: &Site, path: &str, headers: &str) -> Self {
        Self::over(TcpSocket::new_v4().unwrap(), node, path, headers).await
    }

    /// Opens a stream whose kernel receive buffer has about 4 KiB, and fills soon if it is not read.
    pub(crate) async fn open_narrow(node: &Site, path: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        Self::over(socket, node, path, "").await
    }

    async fn over(socket: TcpSocket, node: &Site, path: &str, headers: &str) -> Self {
        let mut tcp = soon("a connection", socket.connect(node.address())).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", node.address());
        tcp.write_all(request.as_bytes()).await.unwrap();
        let (head, chunked) = (String::new(), Vec::new());
        let mut stream =
            Self { tcp, head, chunked, unread: String::new(), records: VecDeque::new(), retry: None, comments: 0 };
        soon("a head", stream.read_head()).await;
        assert!(stream.head.starts_with("http/1.1 200 "), "{}", stream.head);
        stream
    }

    async fn read_head(&mut self) {
        loop {
            assert!(self.tcp.read_buf(&mut self.chunked).await.unwrap() > 0, "it ended in its head");
            if let Some(end) = self.chunked.windows(4).position(|four| four == b"\r\n\r\n") {
                self.head = String::from_utf8(self.chunked.drain(..end + 4).collect()).unwrap().to_ascii_lowercase();
                return;
            }
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default()
    }

    /// Decodes the complete chunks of the body; false after the last chunk.
    fn unchunk(&mut self) -> bool {
        while let Some(end) = self.chunked.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&self.chunked[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                return false;
            }
            let Some(data) = self.chunked.get(end + 2..end + 4 + size) else { break };
            self.unread.push_str(std::str::from_utf8(&data[..size]).unwrap());
            self.chunked.drain(..end + 4 + size);
        }
        true
    }

    /// Parses the complete records read so far; false after the end of the stream.
    fn digest(&mut self) -> bool {
        let more = self.unchunk();
        while let Some((block, rest)) = self.unread.split_once("\n\n") {
            let record = Self::parse(block, &mut self.comments, &mut self.retry);
            self.records.extend(record);
            self.unread = rest.to_owned();
        }
        more
    }

    /// Reads more bytes; false at the end.
    async fn fill(&mut self) -> bool {
        self.tcp.read_buf(&mut self.chunked).await.unwrap_or(0) > 0
    }

    /// Returns the next record; `None` at the end of the stream. Comments do not extend the timeout.
    pub(crate) async fn next(&mut self) -> Option<Record> {
        soon("a record", async {
            while self.digest() && self.records.is_empty() && self.fill().await {}
            self.records.pop_front()
        })
        .await
    }

    /// Reads until the first comment, which means that the viewer is connected; false if the stream ends before.
    pub(crate) async fn connected(&mut self) -> bool {
        soon("a comment", async { while self.digest() && self.comments == 0 && self.fill().await {} }).await;
        self.comments > 0
    }

    /// Returns the next `count` records, which must exist.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        while records.len() < count {
            records.push(self.next().await.expect("a record, not the end"));
        }
        records
    }

    fn parse(block: &str, comments: &mut usize, retry: &mut Option<u64>) -> Option<Record> {
        let mut record = Record::default();
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => record.id = Some(id.to_owned()),
                Some(("event", event)) => record.event = Some(event.to_owned()),
                Some(("data", data)) => record.data = data.to_owned(),
                Some(("retry", millis)) => *retry = Some(millis.parse().unwrap()),
                _ if line.starts_with(':') => *comments += 1,
                _ => panic!("no field of a stream: {line:?}"),
            }
        }
        (record != Record::default()).then_some(record)
    }
}
