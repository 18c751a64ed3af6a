//! Who plays: people with a socket or without, and workers that can do nothing but POST.

use serde_json::{Value, json};

use crate::support::{Op, Reply, SOON, Site, Socket, TestNode, eventually, soon};

/// The run that all of them are about.
pub(super) const RUN: &str = "checkout";

/// A new command id.
pub(super) fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A person with a socket to one node.
pub(super) struct Person {
    name: &'static str,
    socket: Socket,
}

impl Person {
    /// A person who watches the run on this node.
    pub(super) async fn at(node: &Site, name: &'static str) -> Self {
        let mut socket = Socket::open(node, &format!("/ws/runs/{RUN}?after=latest&userId={name}")).await;
        soon("the greeting", socket.said("connected")).await;
        Self { name, socket }
    }

    /// Gives a command on the socket; its answer, whatever it is.
    pub(super) async fn say(&mut self, command: &Value) -> Value {
        self.socket.say(Op::Text, command.to_string().as_bytes()).await;
        self.socket.said("command").await
    }

    /// Gives a command on the socket, which must be taken; its id.
    pub(super) async fn want(&mut self, command: Value) -> String {
        let answer = self.say(&command).await;
        assert!(answer["code"].is_null(), "{}: {command}: {answer}", self.name);
        answer["commandId"].as_str().unwrap().to_owned()
    }

    /// Gives a command by HTTP to any node; its answer, whatever it is.
    pub(super) async fn send(&self, node: &Site, command: &Value) -> Reply {
        send(node, self.name, command).await
    }
}

/// Gives a command by HTTP.
pub(super) async fn send(node: &Site, user: &str, command: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("runcast-user", user)];
    node.post(&format!("/api/runs/{RUN}/commands"), &headers, command.to_string()).await
}

/// A worker that runs one shard of the run.
pub(super) struct Worker {
    pub(super) id: String,
    /// The number of its next event.
    next: u64,
    /// What it has acknowledged.
    after: String,
    key: String,
    /// Commands that came with the answers to its reports, and that it has not looked at.
    inbox: Vec<Value>,
}

impl Worker {
    /// A worker that only posts, and does not say that it has joined.
    pub(super) fn new(id: &str) -> Self {
        let key = format!("{:032x}", uuid::Uuid::now_v7().as_u128());
        Self { id: id.to_owned(), next: 1, after: String::new(), key, inbox: Vec::new() }
    }

    /// A worker that has joined, as shard `current` of `total`.
    pub(super) async fn join(node: &Site, current: u64, total: u64) -> Self {
        let mut worker = Self::new(&format!("shard-{current}"));
        let shard = json!({"current": current, "total": total});
        let can = ["pause", "resume", "cancel", "step", "manual_action", "step_override"];
        let joined = json!({"type": "worker", "state": "joined", "shard": shard, "can": can});
        let entries = worker.post(node, &[joined, json!({"type": "run_status", "status": "running"})]).await.1;
        assert_eq!(entries, Vec::<Value>::new());
        worker
    }

    /// Posts events. The answer, and the events of the commands in it.
    pub(super) async fn post(&mut self, node: &Site, events: &[Value]) -> (Value, Vec<Value>) {
        let n = self.next.to_string();
        let headers = [
            ("runcast-producer", self.id.as_str()),
            ("runcast-producer-seq", &n),
            ("runcast-commands-after", &self.after),
        ];
        let lines: Vec<_> = events.iter().map(Value::to_string).collect();
        let reply = node.post_ndjson(RUN, &lines, &headers).await;
        assert_eq!(reply.status, 202, "{}: {events:?}: {reply:?}", self.id);
        self.next += events.len() as u64;
        let answer = reply.json();
        let entries = self.learn(&answer, "commandsCursor");
        (answer, entries)
    }

    /// The commands that it has not looked at; if there are none it asks for some, and waits for one.
    pub(super) async fn poll(&mut self, node: &Site, wait: u64) -> Vec<Value> {
        if !self.inbox.is_empty() {
            return std::mem::take(&mut self.inbox);
        }
        let path = format!("/api/runs/{RUN}/commands?wait={wait}&after={}", self.after);
        let reply = node.get_with(&path, &[("runcast-producer", self.id.as_str())]).await;
        assert_eq!(reply.status, 200, "{}: {reply:?}", self.id);
        self.learn(&reply.json(), "cursor")
    }

    fn learn(&mut self, answer: &Value, cursor: &str) -> Vec<Value> {
        if let Some(cursor) = answer[cursor].as_str() {
            self.after = cursor.to_owned();
        }
        let entries = answer["commands"].as_array().unwrap_or_else(|| panic!("no commands: {answer}"));
        entries.iter().map(|entry| entry["event"].clone()).collect()
    }

    /// Goes on posting until the answer to a post has a command of this type, and nothing else; it is the answer.
    pub(super) async fn learns(&mut self, node: &Site, kind: &str) -> Value {
        let (_, learned) = self.post(node, &[json!({"type": "log", "text": "next step"})]).await;
        self.inbox.extend(learned);
        let learned = std::mem::take(&mut self.inbox);
        let [event] = &learned[..] else { panic!("{}: waits for {kind}: {learned:?}", self.id) };
        assert_eq!(event["type"], kind, "{}: {event}", self.id);
        event.clone()
    }

    /// Claims an act; the answer, whatever it is.
    pub(super) async fn try_claim(&self, node: &Site, command: &str) -> Reply {
        let headers = [("runcast-producer", self.id.as_str()), ("runcast-claim-key", self.key.as_str())];
        node.post(&format!("/api/runs/{RUN}/commands/{command}/claim"), &headers, "").await
    }

    /// Claims an act, which must be its own. While others decide faster it is claimed again.
    pub(super) async fn claim(&self, node: &Site, command: &str) -> Value {
        let reply = eventually!(self.try_claim(node, command).await, |reply| reply.status != 503, SOON);
        assert_eq!(reply.status, 200, "{}: {reply:?}", self.id);
        reply.json()
    }

    /// Reports what became of a command; `claim` is `null` for a state. It must count.
    pub(super) async fn report(&mut self, node: &Site, command: &str, status: &str, claim: &Value) {
        let mut event = json!({"type": "command_status", "commandId": command, "status": status});
        if !claim.is_null() {
            event["claim"] = claim.clone();
        }
        let (answer, learned) = self.post(node, &[event]).await;
        self.inbox.extend(learned);
        assert!(answer["ignored"].is_null(), "{}: {answer}", self.id);
    }

    /// Does an act: claims it, and reports that it is done.
    pub(super) async fn does(&mut self, node: &Site, command: &str) -> Value {
        let claimed = self.claim(node, command).await;
        self.report(node, command, "done", &claimed["claim"]).await;
        claimed
    }
}

/// The run's log, as each reader gets it.
pub(super) async fn log(node: &Site) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = node.get_json(&format!("/api/runs/{RUN}/events?after={after}")).await;
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        after = events.last().map_or(0, |event: &Value| event["seq"].as_u64().unwrap());
        if page["more"] != true {
            return events;
        }
    }
}

/// The events of this type.
pub(super) fn of_type<'a>(log: &'a [Value], kind: &str) -> Vec<&'a Value> {
    log.iter().filter(|event| event["type"] == kind).collect()
}

/// A command as the run's state shows it.
pub(super) async fn shown(node: &Site, command: &str) -> Value {
    let view = node.get_json(&format!("/api/runs/{RUN}")).await;
    let commands = view["commands"].as_array().unwrap();
    let shown = commands.iter().find(|shown| shown["commandId"] == command);
    shown.unwrap_or_else(|| panic!("no {command} in {view}")).clone()
}

/// That every node serves the same log and shows the same control; the log.
pub(super) async fn same_on_all(nodes: &[TestNode]) -> Vec<Value> {
    let seen = async |node: &TestNode| {
        let view = node.get_json(&format!("/api/runs/{RUN}")).await;
        let members = ["control", "commands", "asks", "paused", "producers", "status"];
        (log(node).await, members.map(|member| view[member].clone()))
    };
    let first = seen(&nodes[0]).await;
    for node in &nodes[1..] {
        assert_eq!(seen(node).await, first);
    }
    first.0
}
