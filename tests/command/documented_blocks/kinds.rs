//! What a block must be by its kind alone.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

pub(super) async fn check(kind: &str, text: &str) -> Result<(), String> {
    match kind {
        "json" => serde_json::from_str::<Value>(text).map(drop).map_err(|error| error.to_string()),
        "ndjson" => text.lines().try_for_each(|line| {
            serde_json::from_str::<Value>(line).map(drop).map_err(|error| format!("{line}: {error}"))
        }),
        "js" => parses(text).await,
        _ => Err(format!("it is in no row of blocks.toml, and nothing is known of its kind, {kind:?}")),
    }
}

/// Whether `node` takes it for a program.
async fn parses(text: &str) -> Result<(), String> {
    let kind = if text.contains("require(") { "commonjs" } else { "module" };
    let mut command = Command::new("node");
    command.args(["--check", &format!("--input-type={kind}"), "-"]).kill_on_drop(true);
    let mut node = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    node.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    let output = super::super::finish(node).await;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
