//! The words of the protocol as one JSON document, written from the tables in this folder: close codes, message types,
//! event types, statuses. Clients and pages are generated from it, or tested against it; it stands in
//! `docs/vocabulary.json`.

use serde::Serialize;

use super::close::{CloseReason, Reconnect};
use super::field::Field;
use super::message::{ClientMessage, MessageType, ScreenFrame, ServerMessage};
use super::server_event::reserved_types;
use super::viewer_command::COMMANDS;
use super::{ArtifactKind, ProducerEvent, ServerEvent};
use crate::protocol::status::{RunStatus, TestStatus};

/// What the document says of itself.
const ABOUT: &str = "The words of runcast's protocol. Written from the tables in src/protocol by \
                     `RUNCAST_WRITE=1 cargo test --test surface vocabulary`; docs/protocol.md explains them.";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Vocabulary {
    about: &'static str,
    close_codes: Vec<CloseCode>,
    /// Close codes after which a next attempt would fail too.
    final_close_codes: Vec<u16>,
    server_messages: &'static [MessageType],
    binary_messages: [MessageType; 1],
    client_messages: &'static [MessageType],
    commands: &'static [MessageType],
    server_events: Vec<ServerEventType>,
    producer_events: Vec<ProducerEventType>,
    reserved_types: Vec<&'static str>,
    run_statuses: Vec<Status>,
    test_statuses: Vec<Status>,
    artifact_kinds: [&'static str; ArtifactKind::ALL.len()],
}

#[derive(Serialize)]
struct CloseCode {
    /// `None`: there is no close frame, and a client sees 1006.
    code: Option<u16>,
    reason: CloseReason,
    text: &'static str,
    reconnect: Reconnect,
    when: &'static str,
}

#[derive(Serialize)]
struct ServerEventType {
    r#type: &'static str,
    reserved: bool,
    privileged: bool,
    seals: bool,
    control: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<RunStatus>,
    doc: &'static str,
    fields: &'static [Field],
}

#[derive(Serialize)]
struct ProducerEventType {
    r#type: &'static str,
    /// The server writes `producer` and `at` into it.
    stamped: bool,
    doc: &'static str,
    fields: &'static [Field],
}

#[derive(Serialize)]
struct Status {
    status: &'static str,
    #[serde(rename = "final")]
    is_final: bool,
}

/// The close codes after which a next attempt would fail too, in order.
pub fn final_close_codes() -> Vec<u16> {
    let is_final = |reason: &&CloseReason| reason.reconnect() == Reconnect::Never;
    CloseReason::ALL.iter().filter(is_final).filter_map(|reason| reason.code()).collect()
}

/// The document, with a newline at its end.
pub fn document() -> String {
    let close_code = |reason: &CloseReason| CloseCode {
        code: reason.code(),
        reason: *reason,
        text: reason.text(),
        reconnect: reason.reconnect(),
        when: reason.doc(),
    };
    let server_event = |event: &ServerEvent| ServerEventType {
        r#type: event.as_str(),
        reserved: event.is_reserved(),
        privileged: event.is_privileged(),
        seals: event.seals(),
        control: event.is_control(),
        status: event.status(),
        doc: event.doc(),
        fields: event.fields(),
    };
    let producer_event = |event: &ProducerEvent| ProducerEventType {
        r#type: event.as_str(),
        stamped: event.is_stamped(),
        doc: event.doc(),
        fields: event.fields(),
    };
    let mut reserved = reserved_types().to_vec();
    reserved.sort_unstable();
    let run_status = |status: RunStatus| Status { status: status.as_str(), is_final: status.is_final() };
    let test_status = |name| TestStatus::parse(name).map(|status| Status { status: name, is_final: status.is_final() });
    let vocabulary = Vocabulary {
        about: ABOUT,
        close_codes: CloseReason::ALL.iter().map(close_code).collect(),
        final_close_codes: final_close_codes(),
        server_messages: ServerMessage::TYPES,
        binary_messages: [ScreenFrame::TYPE],
        client_messages: ClientMessage::TYPES,
        commands: COMMANDS,
        server_events: ServerEvent::ALL.iter().map(server_event).collect(),
        producer_events: ProducerEvent::ALL.iter().map(producer_event).collect(),
        reserved_types: reserved,
        run_statuses: RunStatus::ALL.into_iter().map(run_status).collect(),
        test_statuses: TestStatus::NAMES.into_iter().filter_map(test_status).collect(),
        artifact_kinds: ArtifactKind::NAMES,
    };
    // Texts, numbers and lists always serialise.
    serde_json::to_string_pretty(&vocabulary).unwrap_or_default() + "\n"
}
