//! A pipe between a session and its response: the session writes to one end, and the other end is the response's body.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use super::Outgoing;
use crate::actors::session::Wire;

/// Bytes that a session may be ahead of its response. 16 KiB.
const PIPE_BYTES: usize = 16 * 1024;

/// The session's end, in place of a socket.
pub(in super::super) struct Pipe {
    pipe: DuplexStream,
    outgoing: Rc<Outgoing>,
}

/// The body of the response. It is dropped with its connection, which ends the session.
pub(in super::super) struct Streamed {
    pipe: DuplexStream,
    outgoing: Rc<Outgoing>,
}

/// Creates a pipe into a response on the connection of `outgoing`, which counts the bytes in it.
pub(in super::super) fn pipe(outgoing: Rc<Outgoing>) -> (Pipe, Streamed) {
    let (ours, theirs) = duplex(PIPE_BYTES);
    outgoing.set_streams(true);
    (Pipe { pipe: ours, outgoing: outgoing.clone() }, Streamed { pipe: theirs, outgoing })
}

impl Wire for Pipe {
    fn tune(&self, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn reset(&self) {
        self.outgoing.end();
    }
}

impl AsyncRead for Pipe {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.pipe).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = written {
            self.outgoing.pipe(written);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.outgoing.set_streams(false);
    }
}

impl MessageBody for Streamed {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let mut piece = [0; PIPE_BYTES];
        let mut buffer = ReadBuf::new(&mut piece);
        match Pin::new(&mut self.pipe).poll_read(cx, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Ok(())) => {
                let filled = buffer.filled();
                // `CountedBody` counts the piece again.
                self.outgoing.unpipe(filled.len());
                Poll::Ready((!filled.is_empty()).then(|| Ok(Bytes::copy_from_slice(filled))))
            }
        }
    }
}
