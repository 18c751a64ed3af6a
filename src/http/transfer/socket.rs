//! The socket below HTTP: counts what leaves, and ends a connection whose client reads too slowly. actix has no limit of
//! its own on how long a response may wait to be read.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_rt::net::TcpStream;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Outgoing;

/// Bytes that the kernel may hold unsent for a client: the step in which a slow one is seen to read. 16 KiB.
const UNSENT_BYTES: u32 = 16 * 1024;

/// See the module.
pub struct HttpSocket {
    tcp: TcpStream,
    outgoing: Rc<Outgoing>,
    /// Until a session streams through it.
    stream_timeout: Option<Duration>,
}

impl HttpSocket {
    /// Of a new connection. The reader of an event stream has `stream_timeout` to acknowledge what was sent.
    pub fn new(tcp: TcpStream, outgoing: Rc<Outgoing>, stream_timeout: Duration) -> Self {
        // A socket that can't be tuned has failed already; its first read tells.
        let _ = SockRef::from(&tcp).set_tcp_notsent_lowat(UNSENT_BYTES);
        Self { tcp, outgoing, stream_timeout: Some(stream_timeout) }
    }

    /// An event stream's comments never fill a buffer: only the kernel sees that its reader has gone without a word. Other
    /// responses have no such time: the kernel would also end who reads slowly, however steadily, and who reads an event
    /// stream comes back for the rest.
    fn watch_stream(&mut self) {
        if self.stream_timeout.is_some() && self.outgoing.streams() {
            let _ = SockRef::from(&self.tcp).set_tcp_user_timeout(self.stream_timeout.take());
        }
    }

    /// What its client has yet to take.
    pub fn outgoing(&self) -> &Rc<Outgoing> {
        &self.outgoing
    }

    /// The socket alone, for a session, which has rules of its own.
    pub fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    fn ended(&self) -> io::Error {
        // A reset: what waits in the kernel would only wait longer.
        let _ = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
        ErrorKind::ConnectionAborted.into()
    }
}

impl AsyncRead for HttpSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.outgoing.has_ended() {
            return Poll::Ready(Err(self.ended()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(cx, buf);
        if matches!(read, Poll::Ready(Ok(()))) && buf.filled().len() == before {
            self.outgoing.input_ended();
        }
        read
    }
}

impl AsyncWrite for HttpSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.outgoing.has_ended() {
            return Poll::Ready(Err(self.ended()));
        }
        self.watch_stream();
        match Pin::new(&mut self.tcp).poll_write(cx, bytes) {
            Poll::Ready(Ok(written)) => {
                self.outgoing.wrote(written);
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => match self.outgoing.poll_blocked(cx) {
                Ok(()) => Poll::Pending,
                Err(_) => Poll::Ready(Err(self.ended())),
            },
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
