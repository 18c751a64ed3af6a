//! Older names of some commands, each with a route of its own. Their bodies are the commands without their type; that of
//! `pause` and `resume` may be missing.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use super::super::super::edge::Bodies;
use super::super::super::principal::Caller;
use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::{body, json};
use crate::protocol::json_text::{doubled, readable, without_bom};
use crate::steering::Steering;

/// Declares the handlers, a row for each: its name, the command's type, and how its body is read.
macro_rules! older_names {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:literal, $read:ident;)+) => {
        $($(#[doc = $doc])+
        pub(in crate::http) async fn $name(
            (bodies, steering): (web::Data<Bodies>, web::Data<Steering>),
            caller: Caller,
            request: HttpRequest,
            path: web::Path<String>,
            mut payload: web::Payload,
        ) -> Result<HttpResponse, Problem> {
            let members = $read(&bodies, &request, &mut payload).await?;
            give($kind, &members, &steering, &caller, &path).await
        })+
    };
}

older_names! {
    /// `POST /api/tests/{runId}/pause`
    pause: "pause", body;
    /// `POST /api/tests/{runId}/resume`
    resume: "resume", body;
    /// `POST /api/tests/{runId}/override-step`
    override_step: "step_override", json;
    /// `POST /api/tests/{runId}/update-instructions`; without a `mode` they replace the earlier ones.
    update_instructions: "update_instructions", json;
}

async fn give(
    kind: &str,
    members: &[u8],
    steering: &Steering,
    caller: &Caller,
    run: &str,
) -> Result<HttpResponse, Problem> {
    let run = run_id(run)?;
    let command = typed(kind, members)?;
    let answer = steering.command(&run, &caller.over_http(), &command).await?;
    Ok(HttpResponse::Accepted().json(answer))
}

/// The command of an older name's body.
fn typed(kind: &str, members: &[u8]) -> Result<Vec<u8>, Problem> {
    let members = readable(without_bom(members).trim_ascii());
    if let Some(member) = doubled(&members) {
        let detail = format!("{member}: comes twice");
        return Err(Problem::bad_request("invalid_command", detail).with("field", member));
    }
    let mut command: Map<String, Value> = match members.is_empty() {
        true => Map::new(),
        false => serde_json::from_slice(&members).map_err(|error| {
            Problem::bad_request("invalid_command", format!("the body must be a JSON object: {error}"))
        })?,
    };
    match command.get("type") {
        Some(found) if found != kind => {
            let detail = format!("type: must be {kind} here, or missing");
            return Err(Problem::bad_request("invalid_command", detail).with("field", "type"));
        }
        _ => command.insert("type".to_owned(), kind.into()),
    };
    if kind == "update_instructions" {
        command.entry("mode").or_insert("replace".into());
    }
    // A map of texts to values can always be written.
    Ok(serde_json::to_vec(&command).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_of_an_older_name_is_its_command_without_the_type() {
        let command = |kind: &str, body: &str| {
            typed(kind, body.as_bytes()).map(|json| String::from_utf8(json).unwrap()).map_err(|error| error.to_string())
        };
        assert_eq!(command("pause", " ").unwrap(), r#"{"type":"pause"}"#);
        assert_eq!(command("pause", r#"{"maxSecs":9}"#).unwrap(), r#"{"maxSecs":9,"type":"pause"}"#);
        assert_eq!(
            command("update_instructions", r#"{"instructions":"x"}"#).unwrap(),
            r#"{"instructions":"x","mode":"replace","type":"update_instructions"}"#
        );
        for bad in ["[]", "x", r#"{"type":"cancel"}"#, r#"{"type":7}"#, r#"{"maxSecs":1,"maxSecs":2}"#] {
            assert!(command("pause", bad).unwrap_err().contains("400 invalid_command"), "{bad}");
        }
    }
}
