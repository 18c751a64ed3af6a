//! Every buffer driven to its bound: what the process holds then is what the settings say, with a quarter of slack
//! (docs/reliability.md has the table of buffers and their budgets).
mod bodies;
mod readers;
mod screens;
mod states;

use crate::support::TestNode;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

const KIB: usize = 1024;
const MIB: usize = KIB * KIB;

/// Readers who gave way to others.
const PREEMPTED: &str = "runcast_slow_transfers_total{kind=\"response\",reason=\"preempted\"}";

/// What a process takes for work of any kind: threads, caches of the databases, the allocator's own.
const WORK: usize = 24 * MIB;

/// The memory that a process had before, and the most that it may have grown by.
struct Bound<'a> {
    node: &'a TestNode,
    before: usize,
    stated: usize,
}

impl<'a> Bound<'a> {
    /// `stated` is the sum of the budgets that the test fills.
    fn new(node: &'a TestNode, stated: usize) -> Self {
        node.forget_peak();
        Self { node, before: node.resident_bytes(), stated }
    }

    /// At no moment since the start was there more.
    #[track_caller]
    fn holds(&self) {
        let grown = self.node.peak_resident_bytes().saturating_sub(self.before);
        let most = self.stated / 4 * 5 + WORK;
        assert!(grown <= most, "{} MiB more, {} MiB allowed", grown / MIB, most / MIB);
    }
}

/// A client that takes as little as the system lets it.
async fn narrow(node: &TestNode) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    socket.connect(node.address()).await.unwrap()
}

/// Asks for `path` and reads nothing of the answer.
async fn ask(node: &TestNode, path: &str) -> TcpStream {
    let mut stream = narrow(node).await;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// The status of the answer that has come or comes.
async fn status(stream: &TcpStream) -> u16 {
    let mut head = [0; 12];
    loop {
        stream.readable().await.unwrap();
        if stream.peek(&mut head).await.unwrap() == head.len() {
            return std::str::from_utf8(&head[9..]).unwrap().parse().unwrap();
        }
    }
}
