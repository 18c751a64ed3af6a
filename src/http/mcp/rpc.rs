//! JSON-RPC as the Model Context Protocol uses it over HTTP: one request in one POST, one answer to it. Pure.
//!
//! Two eras of the protocol are spoken, both without sessions. Since revision 2026-07-28 each request says in
//! `params._meta` which revision it is of, headers repeat that and the method, and `server/discover` tells what there is.
//! Before, a client began with `initialize`; nothing of that is remembered. Source: modelcontextprotocol.io, "Streamable
//! HTTP" and "Versioning" of revision 2026-07-28, and of 2025-11-25.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::protocol::json_text::doubled;

/// The revision without a handshake.
pub(super) const MODERN: &str = "2026-07-28";
/// Revisions with `initialize`, the newest first. What they need of a server without sessions is the same.
pub(super) const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// The key in `params._meta` that says which revision a request is of.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
/// The key in a result's `_meta` that says who answers.
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// What a request was refused with, before any tool was asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RpcError {
    /// The HTTP status of the answer.
    pub(super) status: u16,
    /// The error's number.
    pub(super) code: i32,
    /// The error in words.
    pub(super) message: String,
    /// What else there is to say.
    pub(super) data: Option<Value>,
}

impl RpcError {
    fn new(status: u16, code: i32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), data: None }
    }

    /// Parameters that are not as they must be.
    pub(super) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(200, -32602, message)
    }

    fn unsupported(requested: &str) -> Self {
        let supported: Vec<_> = [MODERN].into_iter().chain(LEGACY).collect();
        let data = Some(json!({"supported": supported, "requested": requested}));
        Self { data, ..Self::new(400, -32022, format!("protocol version {requested:?} is not supported")) }
    }
}

/// A message of a client.
#[derive(Debug, Deserialize)]
struct RpcMessage {
    jsonrpc: Option<String>,
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
    method: Option<String>,
    params: Option<Value>,
}

/// An `id` that is `null` is there all the same.
fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// The headers of a request that repeat what stands in its body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RpcHeaders<'a> {
    /// `MCP-Protocol-Version`
    pub(super) version: Option<&'a str>,
    /// `Mcp-Method`
    pub(super) method: Option<&'a str>,
    /// `Mcp-Name`
    pub(super) name: Option<&'a str>,
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RpcCall {
    /// A notification, or a response: nothing is answered.
    Nothing,
    /// `initialize`, with the revision that the client wants.
    Initialize(String),
    /// `server/discover`
    Discover,
    /// `ping`
    Ping,
    /// `tools/list`
    ListTools,
    /// `tools/call`, with the tool's name and its arguments.
    Call(String, Map<String, Value>),
}

/// A request that can be answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RpcRequest {
    /// Its id, which the answer repeats; null if it has none or could not be read.
    pub(super) id: Value,
    /// Whether it is of the era without a handshake.
    pub(super) is_modern: bool,
    /// What is wanted.
    pub(super) wanted: Result<RpcCall, RpcError>,
}

impl RpcRequest {
    /// Reads a body.
    pub(super) fn read(body: &[u8], headers: RpcHeaders<'_>) -> Self {
        let refuse = |code, message: String| Self {
            id: Value::Null,
            is_modern: false,
            wanted: Err(RpcError::new(400, code, message)),
        };
        let value: Value = match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(error) => return refuse(-32700, format!("not JSON: {error}")),
        };
        if let Some(member) = doubled(body) {
            return refuse(-32600, format!("{member} comes twice"));
        }
        if value.is_array() {
            return refuse(-32600, "batches are not supported: send one message in a request".to_owned());
        }
        let message: RpcMessage = match serde_json::from_value(value) {
            Ok(message) => message,
            Err(error) => return refuse(-32600, format!("not a message of JSON-RPC: {error}")),
        };
        if message.jsonrpc.as_deref() != Some("2.0") {
            return refuse(-32600, "jsonrpc must be \"2.0\"".to_owned());
        }
        let (method, id) = match (message.method, message.id) {
            (Some(method), Some(id)) if id.is_string() || id.is_number() => (method, id),
            (Some(_), Some(_)) => return refuse(-32600, "id must be a text or a number".to_owned()),
            // A notification, or the response to something that was never asked.
            _ => return Self { id: Value::Null, is_modern: false, wanted: Ok(RpcCall::Nothing) },
        };
        let params = message.params.unwrap_or_else(|| json!({}));
        let version = params.get("_meta").and_then(|meta| meta.get(VERSION_KEY));
        let is_modern = version.is_some();
        let wanted = match version {
            Some(version) => checked(version, &method, &params, headers),
            None => legacy(headers, &method),
        };
        let wanted = wanted.and_then(|()| wanted_of(&method, params, is_modern));
        Self { id, is_modern, wanted }
    }

    /// The answer with a result.
    pub(super) fn result(&self, mut result: Map<String, Value>) -> Value {
        if self.is_modern {
            result.insert("resultType".to_owned(), "complete".into());
            result.insert("_meta".to_owned(), json!({SERVER_KEY: server_info()}));
        }
        json!({"jsonrpc": "2.0", "id": self.id, "result": result})
    }

    /// The answer with an error.
    pub(super) fn error(&self, error: &RpcError) -> Value {
        let mut told = json!({"code": error.code, "message": error.message});
        if let Some(data) = &error.data {
            told["data"] = data.clone();
        }
        json!({"jsonrpc": "2.0", "id": self.id, "error": told})
    }
}

/// Who answers.
pub(super) fn server_info() -> Value {
    json!({"name": "runcast", "version": env!("CARGO_PKG_VERSION")})
}

/// Checks what the headers of a request of the newer era must repeat.
fn checked(version: &Value, method: &str, params: &Value, headers: RpcHeaders<'_>) -> Result<(), RpcError> {
    let version = version.as_str().unwrap_or_default();
    if version != MODERN {
        return Err(RpcError::unsupported(version));
    }
    let mismatch = |name: &str, wanted: &str| {
        Err(RpcError::new(400, -32020, format!("the header {name} must say {wanted:?}, as the message does")))
    };
    if headers.version != Some(MODERN) {
        return mismatch("MCP-Protocol-Version", MODERN);
    }
    if headers.method != Some(method) {
        return mismatch("Mcp-Method", method);
    }
    match params.get("name").and_then(Value::as_str).filter(|_| method == "tools/call") {
        Some(name) if headers.name.and_then(decoded).as_deref() != Some(name) => mismatch("Mcp-Name", name),
        _ => Ok(()),
    }
}

/// A header's value, which is in base64 where it would not be a header's value otherwise.
fn decoded(value: &str) -> Option<String> {
    use base64::Engine as _;
    let Some(text) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(value.to_owned());
    };
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).ok()?).ok()
}

/// Checks the header of a request of the era with a handshake, which `initialize` does not have yet.
fn legacy(headers: RpcHeaders<'_>, method: &str) -> Result<(), RpcError> {
    match headers.version {
        Some(version) if method != "initialize" && !LEGACY.contains(&version) => Err(RpcError::unsupported(version)),
        _ => Ok(()),
    }
}

fn wanted_of(method: &str, mut params: Value, is_modern: bool) -> Result<RpcCall, RpcError> {
    if !params.is_object() {
        return Err(RpcError::invalid_params("params must be an object"));
    }
    match method {
        "server/discover" => Ok(RpcCall::Discover),
        "tools/list" => Ok(RpcCall::ListTools),
        "tools/call" => {
            let Some(Value::String(name)) = params.get_mut("name").map(Value::take) else {
                return Err(RpcError::invalid_params("name: a tool's name is needed"));
            };
            match params.get_mut("arguments").map(Value::take) {
                None | Some(Value::Null) => Ok(RpcCall::Call(name, Map::new())),
                Some(Value::Object(arguments)) => Ok(RpcCall::Call(name, arguments)),
                Some(_) => Err(RpcError::invalid_params("arguments must be an object")),
            }
        }
        "initialize" if !is_modern => {
            Ok(RpcCall::Initialize(params["protocolVersion"].as_str().unwrap_or_default().to_owned()))
        }
        "ping" if !is_modern => Ok(RpcCall::Ping),
        other => {
            let status = if is_modern { 404 } else { 200 };
            Err(RpcError::new(status, -32601, format!("there is no method {other:?} here")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modern(method: &str, params: Value) -> Vec<u8> {
        let mut params = params;
        params["_meta"] = json!({VERSION_KEY: MODERN, "io.modelcontextprotocol/clientCapabilities": {}});
        json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string().into_bytes()
    }

    fn headers<'a>(method: &'a str, name: Option<&'a str>) -> RpcHeaders<'a> {
        RpcHeaders { version: Some(MODERN), method: Some(method), name }
    }

    fn code(request: &RpcRequest) -> (u16, i32) {
        let error = request.wanted.as_ref().unwrap_err();
        (error.status, error.code)
    }

    #[test]
    fn a_request_of_the_newer_era_says_what_it_is_in_its_headers_too() {
        let body = modern("tools/call", json!({"name": "get_run", "arguments": {"runId": "r"}}));
        let request = RpcRequest::read(&body, headers("tools/call", Some("get_run")));
        let arguments = json!({"runId": "r"}).as_object().unwrap().clone();
        assert_eq!(request.wanted, Ok(RpcCall::Call("get_run".into(), arguments)));
        assert!(request.is_modern && request.id == 7);
        let encoded = RpcRequest::read(&body, headers("tools/call", Some("=?base64?Z2V0X3J1bg==?=")));
        assert!(encoded.wanted.is_ok());
        for wrong in [
            headers("tools/list", Some("get_run")),
            headers("tools/call", Some("list_runs")),
            headers("tools/call", None),
            RpcHeaders { version: None, ..headers("tools/call", Some("get_run")) },
            RpcHeaders { version: Some(LEGACY[0]), ..headers("tools/call", Some("get_run")) },
        ] {
            assert_eq!(code(&RpcRequest::read(&body, wrong)), (400, -32020), "{wrong:?}");
        }
        let result = request.result(Map::new());
        assert_eq!((&result["result"]["resultType"], &result["id"]), (&json!("complete"), &json!(7)));
        assert_eq!(result["result"]["_meta"][SERVER_KEY]["name"], "runcast");
    }

    #[test]
    fn a_version_that_is_not_spoken_is_answered_with_those_that_are() {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover",
                          "params": {"_meta": {VERSION_KEY: "2031-01-01"}}});
        let request = RpcRequest::read(body.to_string().as_bytes(), RpcHeaders::default());
        assert_eq!(code(&request), (400, -32022));
        let error = request.error(request.wanted.as_ref().unwrap_err());
        assert_eq!(error["error"]["data"]["supported"][0], MODERN);
        assert_eq!(error["error"]["data"]["requested"], "2031-01-01");
        let old = RpcHeaders { version: Some("1999-01-01"), ..RpcHeaders::default() };
        assert_eq!(code(&RpcRequest::read(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, old)), (400, -32022));
    }

    #[test]
    fn the_older_era_needs_no_header_and_has_a_handshake_that_nothing_remembers() {
        let read = |body: &str| RpcRequest::read(body.as_bytes(), RpcHeaders::default());
        let begun =
            read(r#"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#);
        assert_eq!(begun.wanted, Ok(RpcCall::Initialize("2025-06-18".into())));
        assert_eq!(read(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).wanted, Ok(RpcCall::Nothing));
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#).wanted, Ok(RpcCall::Ping));
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).wanted, Ok(RpcCall::ListTools));
        let result = begun.result(Map::new());
        assert_eq!(result, json!({"jsonrpc": "2.0", "id": "a", "result": {}}));
    }

    #[test]
    fn what_is_no_request_is_refused_by_the_number_that_says_so() {
        let read = |body: &str| RpcRequest::read(body.as_bytes(), RpcHeaders::default());
        for (body, wanted) in [
            ("{", (400, -32700)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1,"a":2}}"#, (400, -32600)),
            ("[]", (400, -32600)),
            ("7", (400, -32600)),
            (r#"{"id":1,"method":"ping"}"#, (400, -32600)),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, (400, -32600)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#, (200, -32601)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, (200, -32602)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#, (200, -32602)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":7}}"#, (200, -32602)),
        ] {
            assert_eq!(code(&read(body)), wanted, "{body}");
        }
        let request = RpcRequest::read(&modern("ping", json!({})), headers("ping", None));
        assert_eq!(code(&request), (404, -32601));
    }
}
