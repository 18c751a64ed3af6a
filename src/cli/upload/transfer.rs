//! Sends a file's bytes in a request, and detects a connection that has stalled.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, RequestBuilder};
use tokio::time::sleep;

use super::super::request::{ATTEMPT, Failed, answer};
use super::source_file::{Moved, SourceRead};

/// Longest time without progress on a connection that should accept bytes.
const STALL: Duration = Duration::from_secs(30);

/// Least rate at which a server checks, compresses and stores bytes before it answers. 4 MiB per second.
const BYTES_PER_SEC: u64 = 4 * 1024 * 1024;

/// Sends the file as the request's body, and returns the body of a successful response.
pub(super) async fn put(request: RequestBuilder, reading: &SourceRead, moved: &Moved) -> Result<Bytes, Failed> {
    let unreadable = |error: io::Error| Failed::Again(format!("it can't be read: {error}"), None);
    let body = reading.body(moved.clone()).await.map_err(unreadable)?;
    let request = request.header(CONTENT_LENGTH, reading.size).body(Body::wrap_stream(body));
    tokio::select! {
        answered = answer(request) => answered,
        reason = stalled(moved, reading.size, STALL, checked_within(reading.size)) => Err(Failed::Again(reason.to_owned(), None)),
    }
}

/// Ends after `stall` without progress, or when the response takes longer than `answer` once all is sent.
async fn stalled(moved: &Moved, size: u64, stall: Duration, answer: Duration) -> &'static str {
    loop {
        let before = moved.bytes();
        let is_sent = before == size;
        sleep(if is_sent { answer } else { stall }).await;
        if moved.bytes() == before {
            return if is_sent { "no answer in time" } else { "nothing of the file is taken any more" };
        }
    }
}

/// Longest time for a server to answer once it has this many bytes.
pub(super) fn checked_within(size: u64) -> Duration {
    ATTEMPT + Duration::from_secs(size / BYTES_PER_SEC)
}

/// Time after which a server has most likely stored this many bytes.
pub(super) fn stored_within(size: u64) -> Duration {
    Duration::from_secs(3 + size / (2 * BYTES_PER_SEC))
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};
    use indicatif::ProgressBar;

    use super::*;

    const NOW: Duration = Duration::ZERO;
    const NEVER: Duration = Duration::from_secs(86_400);

    #[tokio::test]
    async fn a_connection_on_which_nothing_moves_is_given_up_and_a_silent_server_later() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7; 1024 * 1024]).unwrap();
        let reading = SourceRead::of(file.path()).await.unwrap();
        let (size, moved) = (reading.size, Moved::new(&ProgressBar::hidden()));
        let mut body = Box::pin(reading.body(moved.clone()).await.unwrap());
        assert!(body.next().await.unwrap().is_ok() && moved.bytes() < size);
        assert_eq!(stalled(&moved, size, NOW, NEVER).await, "nothing of the file is taken any more");
        while body.next().await.is_some() {}
        assert!(stalled(&moved, size, NOW, NEVER).now_or_never().is_none(), "all is sent");
        assert_eq!(stalled(&moved, size, NEVER, NOW).await, "no answer in time");
    }

    #[test]
    fn a_large_file_may_be_checked_for_longer() {
        assert_eq!(checked_within(0), Duration::from_secs(30));
        assert_eq!(checked_within(2 << 30), Duration::from_secs(30 + 512));
    }
}
