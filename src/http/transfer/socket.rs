//! The socket below HTTP. It counts the bytes sent, and ends a connection whose client reads too slowly: actix has no
//! limit on how long a response may wait to be read.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_rt::net::TcpStream;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Outgoing;

/// Unsent bytes that the kernel may hold for a client: the granularity at which a slow client is seen to read. 16 KiB.
const UNSENT_BYTES: u32 = 16 * 1024;

/// The TCP socket of an HTTP connection.
pub struct HttpSocket {
    tcp: TcpStream,
    outgoing: Rc<Outgoing>,
    /// `None` once it has been set on the socket, when a session began to stream.
    stream_timeout: Option<Duration>,
}

impl HttpSocket {
    /// The socket of a new connection. `stream_timeout` is how long the reader of an event stream may take to
    /// acknowledge data.
    pub fn new(tcp: TcpStream, outgoing: Rc<Outgoing>, stream_timeout: Duration) -> Self {
        // A socket that refuses the option has already failed; its first read returns the error.
        let _ = SockRef::from(&tcp).set_tcp_notsent_lowat(UNSENT_BYTES);
        Self { tcp, outgoing, stream_timeout: Some(stream_timeout) }
    }

    /// Sets `TCP_USER_TIMEOUT` on an event stream. Its comments never fill a buffer, so only the kernel sees that its
    /// reader has vanished. Other responses have no such timeout: the kernel would also end clients that read slowly
    /// but steadily. The reader of an event stream reconnects and resumes.
    fn watch_stream(&mut self) {
        if self.stream_timeout.is_some() && self.outgoing.streams() {
            let _ = SockRef::from(&self.tcp).set_tcp_user_timeout(self.stream_timeout.take());
        }
    }

    /// What the client has yet to receive.
    pub fn outgoing(&self) -> &Rc<Outgoing> {
        &self.outgoing
    }

    /// The address at the other end; `None` once the connection has broken.
    pub fn peer(&self) -> Option<IpAddr> {
        self.tcp.peer_addr().ok().map(|peer| peer.ip())
    }

    /// The plain socket, for a session, which has its own rules.
    pub fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    fn ended(&self) -> io::Error {
        // A reset discards what waits in the kernel, which would only wait longer.
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
