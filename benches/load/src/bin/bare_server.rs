//! A WebSocket server that only sends: the baseline of `scripts/bench fanout`.
//!
//! One thread takes each POST, encodes its body as one text frame, calls `send()` with that frame once for every
//! viewer, and answers. It has no runs, no storage, no history, no pings and no back-pressure. Its CPU per delivery is
//! therefore the minimum for any server that calls `send()` for each delivery.

use std::{
    collections::HashMap,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::{AsRawFd, OwnedFd},
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use rustix::{
    event::epoll,
    net::{SendFlags, send},
};

/// Length of the listen queue: the same as that of nginx in `scripts/bench`, and more than the load generator opens at
/// once.
const BACKLOG: i32 = 4096;
/// The listener's key among the epoll events; a connection's key is its descriptor.
const LISTENER: u64 = u64::MAX;
/// The sample key of RFC 6455 section 1.3, which every viewer of the load generator sends.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const READY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const PUBLISHED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

#[derive(Parser)]
#[command(name = "bare-server", version, about = "Sends each posted event to every viewer, and does nothing else")]
struct Options {
    /// Where it listens; port 0 is any free one. It prints the address.
    #[arg(long)]
    bind: SocketAddr,
}

fn main() -> Result<()> {
    let mut server = Server::bind(Options::parse().bind)?;
    println!("{}", server.listener.local_addr()?);
    loop {
        server.turn()?;
    }
}

struct Server {
    listener: TcpListener,
    poll: OwnedFd,
    ready: Vec<epoll::Event>,
    /// Connections that speak HTTP, by descriptor: producers, and viewers before their upgrade.
    connections: HashMap<u64, Connection>,
    /// Upgraded connections. Nothing is read from them, so epoll does not watch them.
    viewers: Vec<TcpStream>,
    frame: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    /// An incomplete request.
    received: Vec<u8>,
}

/// A request to this server.
#[derive(Debug, PartialEq, Eq)]
enum Request<'a> {
    /// Asks whether the server listens.
    Ready,
    /// Subscribes the connection to all further events.
    Watch,
    /// Sends this event to every viewer.
    Publish(&'a [u8]),
}

impl Server {
    fn bind(addr: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(addr).with_context(|| format!("binding {addr}"))?;
        listener.set_nonblocking(true)?;
        rustix::net::listen(&listener, BACKLOG)?; // std asks for 128
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        Ok(Self {
            listener,
            poll,
            ready: Vec::with_capacity(1024),
            connections: HashMap::new(),
            viewers: Vec::new(),
            frame: Vec::new(),
        })
    }

    /// Waits for input, and processes all that has arrived.
    fn turn(&mut self) -> Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        match epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut ready), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &ready {
            match event.data.u64() {
                LISTENER => self.accept()?,
                key => {
                    if let Err(error) = self.serve(key) {
                        eprintln!("a connection is closed: {error:#}");
                    }
                }
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accepting"),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let key = stream.as_raw_fd() as u64;
            epoll::add(&self.poll, &stream, epoll::EventData::new_u64(key), epoll::EventFlags::IN)?;
            self.connections.insert(key, Connection { stream, received: Vec::new() });
        }
    }

    /// Reads once from a connection and executes its requests. A connection that fails is dropped, which closes it.
    fn serve(&mut self, key: u64) -> Result<()> {
        let Some(mut connection) = self.connections.remove(&key) else { return Ok(()) };
        let mut chunk = [0; 16 * 1024];
        match connection.stream.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(got) => connection.received.extend_from_slice(&chunk[..got]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        let mut used = 0;
        while let Some((request, length)) = parse_request(&connection.received[used..])? {
            used += length;
            match request {
                Request::Ready => connection.stream.write_all(READY)?,
                Request::Watch => {
                    connection.stream.write_all(UPGRADED)?;
                    epoll::delete(&self.poll, &connection.stream)?;
                    self.viewers.push(connection.stream);
                    return Ok(());
                }
                Request::Publish(event) => {
                    encode(&mut self.frame, event);
                    send_to_all(&mut self.viewers, &self.frame);
                    connection.stream.write_all(PUBLISHED)?;
                }
            }
        }
        connection.received.drain(..used);
        self.connections.insert(key, connection);
        Ok(())
    }
}

/// The loop that is measured. A viewer whose socket does not accept the whole frame at once is dropped: it has left, or
/// is too slow for a server without buffers.
fn send_to_all(viewers: &mut Vec<TcpStream>, frame: &[u8]) {
    viewers.retain(|viewer| send(viewer, frame, SendFlags::NOSIGNAL) == Ok(frame.len()));
}

/// Encodes the payload as one text frame (RFC 6455, section 5.2).
fn encode(frame: &mut Vec<u8>, payload: &[u8]) {
    frame.clear();
    frame.push(0x81);
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length @ 126..=0xFFFF => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
}

/// The request at the start of `bytes` and its length; `None` if it is incomplete.
fn parse_request(bytes: &[u8]) -> Result<Option<(Request<'_>, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    let body_from = end + 4;
    if head.starts_with("GET /ready ") {
        return Ok(Some((Request::Ready, body_from)));
    }
    if head.starts_with("GET ") && head.contains(KEY) {
        return Ok(Some((Request::Watch, body_from)));
    }
    if !head.starts_with("POST ") {
        bail!("neither a viewer of the load generator nor a producer: {head}");
    }
    let (_, length) = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("a POST without Content-Length")?;
    let end = body_from + length.trim().parse::<usize>()?;
    Ok(bytes.get(body_from..end).map(|body| (Request::Publish(body), end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_when_it_is_whole_and_not_before() {
        let posted = b"POST /events HTTP/1.1\r\ncontent-LENGTH: 2\r\n\r\n{}";
        let watching = format!("GET /viewers HTTP/1.1\r\nSec-WebSocket-Key: {KEY}\r\n\r\n");
        let requests = [
            (&posted[..], Request::Publish(b"{}")),
            (watching.as_bytes(), Request::Watch),
            (b"GET /ready HTTP/1.1\r\n\r\n", Request::Ready),
        ];
        for (bytes, request) in requests {
            for cut in 0..bytes.len() {
                assert_eq!(parse_request(&bytes[..cut]).unwrap(), None, "{request:?} cut at {cut}");
            }
            assert_eq!(parse_request(bytes).unwrap(), Some((request, bytes.len())));
        }
    }

    #[test]
    fn what_the_load_generator_never_sends_is_an_error() {
        assert!(parse_request(b"GET /viewers HTTP/1.1\r\nSec-WebSocket-Key: another\r\n\r\n").is_err());
        assert!(parse_request(b"POST /events HTTP/1.1\r\n\r\n").is_err());
    }

    #[test]
    fn a_frame_has_the_shortest_form_of_its_length() {
        let mut frame = vec![b'?'; 9];
        let forms: [(usize, &[u8]); 5] = [
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (128, &[0x81, 126, 0, 128]),
            (0xFFFF, &[0x81, 126, 0xFF, 0xFF]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ];
        for (length, head) in forms {
            encode(&mut frame, &vec![b'x'; length]);
            assert_eq!((&frame[..head.len()], frame.len()), (head, head.len() + length));
        }
    }
}
