//! What the operator hears of the connection.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use runcast::storage::redis::RedisClient;

use crate::redis_link::probe::{PATIENT, down, get, insist, live, settings};
use crate::support::RedisServer;

/// Everything that all tests of this process log, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines_with(&self, what: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_outage_is_told_once_when_it_begins_and_once_when_it_ends() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // For the process: one for this thread would miss what another test's thread was first to log.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut server = RedisServer::start_with(&[("requirepass", "hunter2")]).await;
    let url = format!("redis://default:hunter2@{}/2", server.address());
    let client = RedisClient::start(settings(&url, PATIENT), Arc::new(()));
    live(&client, 0).await;
    server.stop().await;
    down(&client).await;
    // It fails a few times more.
    let mut status = client.status();
    for _ in 0..3 {
        status.mark_unchanged();
        status.changed().await.unwrap();
    }
    server.restart().await;
    insist(&client, get("a")).await;
    let lines = log.lines_with(&format!("redis=redis://{}/2", server.address()));
    for (line, expected) in lines.iter().zip([" INFO ", " WARN ", " INFO "]) {
        assert!(line.contains(expected), "{lines:#?}");
    }
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(
        lines[1].contains("reason=\"closed by Redis\"") || lines[1].contains("reason=\"can't read"),
        "{}",
        lines[1]
    );
    assert_eq!(log.lines_with("hunter2"), [""; 0]);
}
