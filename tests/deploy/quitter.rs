//! A double of a node that dies of every request: it reads it whole and closes the connection, so that nobody knows
//! what became of it. Of a balancer's own question it does not die: it would not be asked anything else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const READY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// See the module's page. Gone when it is dropped.
pub(crate) struct Quitter {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

/// Request lines, in the order of their arrival at any of several quitters.
pub(crate) type Seen = Arc<Mutex<Vec<String>>>;

impl Quitter {
    pub(crate) async fn start(seen: &Seen) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = seen.clone();
        let serving = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                match read(&mut socket).await {
                    // The balancer may have given up.
                    Some(line) if line.starts_with("GET /ready ") => drop(socket.write_all(READY).await),
                    Some(line) => seen.lock().unwrap().push(line),
                    None => {}
                }
            }
        });
        Self { address, serving }
    }
}

impl Drop for Quitter {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Reads one request to its end; its first line. `None` when there is none.
async fn read(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(head.lines().next().unwrap_or_default().to_owned());
            }
        }
        if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}
