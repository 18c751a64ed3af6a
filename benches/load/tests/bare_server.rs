//! Runs the load generator against the bare server, both as they are measured.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

/// A bare server on a free port. Dropping it stops it.
struct BareServer {
    child: Child,
    addr: String,
}

impl BareServer {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bare-server"))
            .args(["--bind", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut addr = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut addr).unwrap();
        Self { child, addr: addr.trim().to_owned() }
    }

    /// The result of a short fan-out that sends 50 events to each of 40 viewers, after 10 that are not measured.
    fn fanout(&self) -> serde_json::Value {
        let pid = self.child.id().to_string();
        let site = ["--target", "bare", "--addr", &self.addr, "--pids", &pid];
        let scenario = "fanout --viewers 40 --rate 200 --secs 0.25 --warmup-secs 0.05 --sample-every 1";
        let done =
            Command::new(env!("CARGO_BIN_EXE_runcast-load")).args(site).args(scenario.split(' ')).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn assert_all_delivered(result: &serde_json::Value) {
    for (key, value) in [("expected", 2000), ("received", 2000), ("missing", 0), ("extra", 0), ("disordered", 0)] {
        assert_eq!(result[key], value, "{key} in {result}");
    }
}

#[test]
fn every_viewer_of_the_load_generator_gets_every_event_in_order() {
    let result = BareServer::start().fanout();
    assert_all_delivered(&result);
    assert_eq!(result["latencySamples"], 2000, "{result}");
}

#[test]
fn a_viewer_that_has_left_takes_nothing_from_the_others() {
    let server = BareServer::start();
    let mut leaving = TcpStream::connect(&server.addr).unwrap();
    leaving.write_all(b"GET /viewers HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    leaving.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    drop(leaving);
    assert_all_delivered(&server.fanout());
}
