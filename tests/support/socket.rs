//! A raw WebSocket client, which can also violate the protocol: frames are written as given.

use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{Site, soon};

/// The opcodes of RFC 6455.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// A frame sent by the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The first byte: FIN, reserved bits, opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn is(&self, op: Op) -> bool {
        self.first == 0x80 | op as u8
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.payload.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The status code of a close frame.
    pub(crate) fn close_code(&self) -> Option<u16> {
        assert!(self.is(Op::Close), "no close frame: {self:?}");
        self.payload.first_chunk().map(|code| u16::from_be_bytes(*code))
    }
}

/// A connection after its handshake.
pub(crate) struct Socket {
    tcp: TcpStream,
    unread: BytesMut,
    /// The head of the handshake's response.
    pub(crate) head: String,
}

/// The bytes of a client's frame. `first` is FIN, reserved bits and opcode; a `mask` of `None` violates the protocol.
pub(crate) fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut out = vec![first];
    match payload.len() {
        len @ 0..126 => out.push(bit | len as u8),
        len @ 126..=0xFFFF => {
            out.push(bit | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(bit | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    let mask = mask.inspect(|mask| out.extend(mask)).unwrap_or_default();
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

impl Socket {
    /// Connects and upgrades.
    pub(crate) async fn open(node: &Site, path: &str) -> Self {
        let mut socket = Self::connect(node, None).await;
        socket.upgrade(path, "", b"").await;
        socket
    }

    /// Connects and upgrades with a kernel receive buffer of about `buffer` bytes, which fills soon if it is not read.
    pub(crate) async fn open_narrow(node: &Site, path: &str, buffer: u32) -> Self {
        let mut socket = Self::connect(node, Some(buffer)).await;
        socket.upgrade(path, "", b"").await;
        socket
    }

    /// Connects; [`Socket::upgrade`] must follow.
    pub(crate) async fn connect(node: &Site, buffer: Option<u32>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let tcp = soon("a connection", socket.connect(node.address())).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Self { tcp, unread: BytesMut::new(), head: String::new() }
    }

    /// Sends the upgrade request with further header lines (each with its line ending), and `early` right after it.
    pub(crate) async fn upgrade(&mut self, path: &str, headers: &str, early: &[u8]) {
        let host = self.tcp.peer_addr().unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        self.send(&[request.as_bytes(), early].concat()).await;
        self.read_head().await;
    }

    async fn read_head(&mut self) {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(soon("a head", self.fill()).await.unwrap() > 0, "it ended in the head: {:?}", self.unread);
        };
        self.head = String::from_utf8(self.unread.split_to(end).to_vec()).unwrap();
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.tcp.read_buf(&mut self.unread).await
    }

    /// Sends raw bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon("room to write", self.tcp.write_all(bytes)).await.unwrap();
    }

    /// Sends raw bytes; the server may have closed the connection.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        soon("room to write", self.tcp.write_all(bytes)).await
    }

    /// Sends a whole message or control frame, masked.
    pub(crate) async fn say(&mut self, op: Op, payload: &[u8]) {
        self.send(&frame(0x80 | op as u8, Some(MASK), payload)).await;
    }

    /// Sends a fragment: a frame without FIN.
    pub(crate) async fn begin(&mut self, op: Op, payload: &[u8]) {
        self.send(&frame(op as u8, Some(MASK), payload)).await;
    }

    /// Returns the server's next frame; `None` at the end of the stream or after a reset.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        soon("a frame", async {
            loop {
                if let Some(frame) = self.parse() {
                    return Some(frame);
                }
                if !matches!(self.fill().await, Ok(1..)) {
                    return None;
                }
            }
        })
        .await
    }

    /// Returns the next frame, which must exist.
    pub(crate) async fn frame(&mut self) -> Frame {
        self.next().await.expect("a frame, not the end")
    }

    /// Returns the next frame that is not a ping.
    pub(crate) async fn message(&mut self) -> Frame {
        loop {
            let frame = self.frame().await;
            if !frame.is(Op::Ping) {
                return frame;
            }
        }
    }

    /// Returns the server's next message of this type; skips events and pings before it.
    pub(crate) async fn said(&mut self, kind: &str) -> serde_json::Value {
        loop {
            let frame = self.message().await;
            assert!(!frame.is(Op::Close), "closed, waiting for {kind}: {frame:?}");
            if frame.is(Op::Text) && frame.json()["type"] == kind {
                return frame.json();
            }
        }
    }

    /// Reads up to the close frame and returns its code.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            let frame = self.frame().await;
            if frame.is(Op::Close) {
                return frame.close_code();
            }
        }
    }

    /// Reads until the server ends the connection, and returns the number of bytes.
    pub(crate) async fn drained(&mut self) -> usize {
        let mut bytes = self.unread.len();
        soon("the end of the stream", async {
            loop {
                self.unread.clear();
                match self.fill().await {
                    Ok(n @ 1..) => bytes += n,
                    _ => return bytes,
                }
            }
        })
        .await
    }

    fn parse(&mut self) -> Option<Frame> {
        let head = self.unread.get(..2)?;
        let (first, short) = (head[0], head[1]);
        assert_eq!(short & 0x80, 0, "a server must not mask");
        let (size, len) = match short {
            126 => (4, u16::from_be_bytes(*self.unread.get(2..)?.first_chunk()?) as usize),
            127 => (10, u64::from_be_bytes(*self.unread.get(2..)?.first_chunk()?) as usize),
            len => (2, len as usize),
        };
        if self.unread.len() < size + len {
            return None;
        }
        self.unread.advance(size);
        Some(Frame { first, payload: self.unread.split_to(len).to_vec() })
    }
}
