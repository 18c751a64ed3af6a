//! The socket below a session, and nothing that knows what is said on it.

use std::io;
use std::time::Duration;

use actix_rt::net::TcpStream;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

/// What carries a session: a TCP socket, a pipe into the body of an HTTP response, or a pipe in tests.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Prepares it: no Nagle delay, and at most about `unsent_bytes` waiting in the kernel, which would otherwise grow
    /// a send buffer of megabytes for a peer that does not read and so defeat every bound above it.
    fn tune(&self, unsent_bytes: u32) -> io::Result<()>;
    /// Makes the coming close a reset: nothing unsent lingers in the kernel.
    fn reset(&self);
}

impl Wire for TcpStream {
    fn tune(&self, unsent_bytes: u32) -> io::Result<()> {
        self.set_nodelay(true)?;
        SockRef::from(self).set_tcp_notsent_lowat(unsent_bytes)
    }

    fn reset(&self) {
        // The socket is given up in either case.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Wire for DuplexStream {
    fn tune(&self, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn reset(&self) {}
}
