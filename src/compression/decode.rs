//! Decodes stored artifacts for clients that can't decode them.

use std::io;

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use super::ZSTD_WINDOW_LOG;
use crate::protocol::coding::ContentCoding;

/// Most bytes of a chunk; decoding one takes less than a millisecond of the thread.
const CHUNK: usize = 64 * 1024;

/// Decodes stored bytes, chunk by chunk, on demand. Data that is truncated, corrupt, followed by other bytes, or that
/// needs a larger window than [`ZSTD_WINDOW_LOG`], ends in an error, never in an early end. Nothing follows an error.
pub fn decoded<'s, S>(coding: ContentCoding, stored: S) -> BoxStream<'s, io::Result<Bytes>>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 's,
{
    let stored = stored.boxed();
    match coding {
        ContentCoding::Identity => stored,
        ContentCoding::Gzip => {
            let mut decoder = GzipDecoder::new(StreamReader::new(stored));
            decoder.multiple_members(true);
            chunks(decoder).boxed()
        }
        ContentCoding::Zstd => {
            let window = DParameter::window_log_max(ZSTD_WINDOW_LOG);
            let mut decoder = ZstdDecoder::with_params(StreamReader::new(stored), &[window]);
            decoder.multiple_members(true);
            chunks(decoder).boxed()
        }
    }
}

fn chunks(decoder: impl AsyncRead + Unpin) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(decoder, |mut decoder| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let count = decoder.read_buf(&mut chunk).await?;
        Ok((count > 0).then(|| (chunk.freeze(), decoder)))
    })
}
