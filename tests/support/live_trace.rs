//! A producer of a live trace, and Playwright's viewer of one, as far as they speak to the server.

use serde_json::{Value, json};

use super::{Frame, Op, Reply, Site, Socket};

/// A batch of parts: entry, offset, bytes.
pub(crate) fn trace_parts(parts: &[(&str, u64, &str)]) -> Vec<u8> {
    let mut batch = Vec::new();
    for (entry, offset, text) in parts {
        let header = json!({"entry": entry, "offset": offset, "size": text.len()}).to_string();
        batch.extend((header.len() as u32).to_be_bytes());
        batch.extend(header.as_bytes());
        batch.extend(text.as_bytes());
    }
    batch
}

/// Posts a batch to the trace `t` of a run.
pub(crate) async fn post_trace(site: &Site, run: &str, parts: &[(&str, u64, &str)]) -> Reply {
    let headers = [("content-type", "application/vnd.runcast.trace-parts")];
    site.post(&format!("/api/runs/{run}/live-traces/t"), &headers, trace_parts(parts)).await
}

/// The socket of a viewer of the trace `t` of a run.
pub(crate) struct TraceViewer {
    pub(crate) socket: Socket,
}

impl TraceViewer {
    /// Opens it, and starts as the viewer does.
    pub(crate) async fn start(site: &Site, run: &str) -> Self {
        let mut viewer = Self { socket: Socket::open(site, &format!("/live-traces/{run}/t/ws")).await };
        assert!(viewer.socket.head.starts_with("HTTP/1.1 101 "), "{}", viewer.socket.head);
        let answer = viewer.ask(&json!({"id": 1, "method": "initialize", "params": {}})).await;
        assert_eq!(answer, json!({"id": 1, "result": {}}));
        viewer
    }

    async fn message(&mut self) -> Value {
        let frame: Frame = self.socket.message().await;
        assert!(frame.is(Op::Text), "{frame:?}");
        frame.json()
    }

    /// Sends a message with an id, and returns its answer.
    pub(crate) async fn ask(&mut self, message: &Value) -> Value {
        self.socket.say(Op::Text, message.to_string().as_bytes()).await;
        loop {
            let said = self.message().await;
            if said["id"] == message["id"] {
                return said;
            }
        }
    }

    /// The next message of the server that has this method: its parameters.
    pub(crate) async fn told(&mut self, method: &str) -> Value {
        loop {
            let said = self.message().await;
            if said["method"] == method {
                return said["params"].clone();
            }
        }
    }

    /// The next trace that the viewer is to load: the path, and the text of an entry of it.
    pub(crate) async fn loads(&mut self, site: &Site, entry: &str) -> (String, String) {
        let told = self.told("loadTraceRequested").await;
        let path = told["traceUrl"].as_str().unwrap().to_owned();
        let listed = site.get_json(&path).await;
        let entries = listed["entries"].as_array().unwrap();
        let found = entries.iter().find(|listed| listed["name"] == entry);
        let found = found.unwrap_or_else(|| panic!("no {entry} in {listed}"));
        let read = site.get(found["path"].as_str().unwrap()).await;
        assert_eq!(read.status, 200, "{read:?}");
        (path, read.text)
    }

    /// Loads until an entry has this text.
    pub(crate) async fn loads_until(&mut self, site: &Site, entry: &str, text: &str) {
        while self.loads(site, entry).await.1 != text {}
    }
}
