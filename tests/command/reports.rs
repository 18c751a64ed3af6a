use serde_json::Value;

use super::http_double::{Answer, HttpDouble};
use super::{output, runcast, text};

#[tokio::test]
async fn an_error_of_the_server_is_logged_as_json_and_reported_to_sentry() {
    let answer = Answer::Say("200 OK", "content-type: application/json\r\n", "{}".into());
    let mut sentry = HttpDouble::start(vec![answer]);
    // A file where the data directory should be: the server can't start.
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = runcast(&["serve", "--bind", "127.0.0.1:0", "--data-dir", file.path().to_str().unwrap()]);
    let dsn = sentry.url.replace("http://", "http://publickey@") + "/42";
    // An unused variable makes a warning, which is to arrive as a breadcrumb.
    command.env("SENTRY_DSN", &dsn).env("RUNCAST__SENTRY__ENVIRONMENT", "test").env("REDIS_URL", "redis://h");
    command.env("USE_REDIS_WEBSOCKET", "false");
    let output = output(command).await;
    assert_eq!(output.status.code(), Some(1));

    let told = text(&output.stderr);
    let log: Vec<Value> = told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let level = |wanted: &str| log.iter().find(|line| line["level"] == wanted).unwrap_or_else(|| panic!("{told}"));
    assert_eq!(level("WARN")["subject"], "REDIS_URL");
    assert!(level("ERROR")["message"].as_str().unwrap().starts_with("the server failed: "));
    assert!(!told.contains("publickey"), "{told}");

    let request = sentry.next().await;
    assert!(request.line.starts_with("POST /api/42/envelope/ "), "{}", request.line);
    assert!(request.header("x-sentry-auth").contains("sentry_key=publickey"));
    // An envelope is lines of JSON: its head, then a head and a body for each item.
    let lines: Vec<Value> = text(&request.body).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let event = lines.iter().find(|line| !line["breadcrumbs"].is_null()).unwrap_or_else(|| panic!("{lines:?}"));
    assert!(event["message"].as_str().unwrap().starts_with("the server failed: "), "{event}");
    // Sentry's own default, which its client leaves out.
    assert!(event["level"].is_null() || event["level"] == "error", "{event}");
    assert_eq!(event["environment"], "test");
    assert_eq!(event["release"], concat!("runcast@", env!("CARGO_PKG_VERSION")));
    assert!(event["breadcrumbs"].to_string().contains("has no effect"), "{event}");
    assert!(sentry.taken().is_empty(), "a warning is no report");
}
