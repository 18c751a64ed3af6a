//! A keep-alive HTTP/1.1 connection: one request at a time, and bodies of known length.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

const DEADLINE: Duration = Duration::from_secs(30);

/// A connection; its buffers are reused.
pub struct Connection {
    addr: SocketAddr,
    stream: TcpStream,
    out: Vec<u8>,
    answer: Vec<u8>,
}

/// The positions of an answer's parts.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    body_from: usize,
    body_len: usize,
}

impl Connection {
    /// Connects; each read and write has a timeout of 30 s.
    pub fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).with_context(|| format!("connecting to {addr}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self { addr, stream, out: Vec::new(), answer: Vec::new() })
    }

    /// Sends a GET with this `Accept`, and returns the body of a 2xx answer.
    pub fn get(&mut self, path: &str, accept: &str) -> Result<&[u8]> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n\r\n", self.addr);
        self.exchange(path, head.as_bytes(), b"")
    }

    /// Sends a POST, and returns the body of a 2xx answer.
    pub fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> Result<&[u8]> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.addr,
            body.len()
        );
        self.exchange(path, head.as_bytes(), body)
    }

    fn exchange(&mut self, path: &str, head: &[u8], body: &[u8]) -> Result<&[u8]> {
        self.out.clear();
        self.out.extend_from_slice(head);
        self.out.extend_from_slice(body);
        self.stream.write_all(&self.out).with_context(|| format!("sending to {path}"))?;
        self.answer.clear();
        let mut chunk = [0; 16 * 1024];
        let head = loop {
            if let Some(head) = parse_head(&self.answer)?
                && self.answer.len() >= head.body_from + head.body_len
            {
                break head;
            }
            match self.stream.read(&mut chunk).with_context(|| format!("waiting for the answer of {path}"))? {
                0 => bail!("{path}: the server closed the connection"),
                got => self.answer.extend_from_slice(&chunk[..got]),
            }
        };
        let body = &self.answer[head.body_from..head.body_from + head.body_len];
        if !(200..300).contains(&head.status) {
            bail!("{path}: status {}: {}", head.status, String::from_utf8_lossy(body));
        }
        Ok(body)
    }
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?.parse()?;
    let mut body_len = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            body_len = Some(value.trim().parse()?);
        }
    }
    let body_len = match body_len {
        Some(length) => length,
        None if status == 204 => 0,
        None => bail!("an answer without Content-Length: {head}"),
    };
    Ok(Some(Head { status, body_from: end + 4, body_len }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answers_head_says_where_its_body_is() {
        let answer = b"HTTP/1.1 202 Accepted\r\ncontent-LENGTH: 2\r\n\r\n{}";
        assert_eq!(parse_head(answer).unwrap(), Some(Head { status: 202, body_from: 44, body_len: 2 }));
        assert_eq!(parse_head(&answer[..43]).unwrap(), None);
        assert!(parse_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
