//! What is written about the surface is what the code has: routes, messages, close codes, setting names, test names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use runcast::protocol::close::CloseReason;
use runcast::protocol::field::Field;
use runcast::protocol::message::{GapReason, ScreenFrame, ServerMessage};
use runcast::protocol::server_event::reserved_types;
use runcast::protocol::viewer_command::COMMANDS;
use runcast::protocol::{Cursor, Epoch, RunId, ServerEvent, Timestamp, schema, vocabulary};
use runcast::telemetry::metrics::METRICS;
use serde_json::{Value, json};

#[path = "surface/events.rs"]
mod events;
#[path = "surface/page.rs"]
mod page;
#[path = "surface/parameters.rs"]
mod parameters;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every page of the repository: those at its root, in `docs/` and in `deploy/`.
fn pages() -> Vec<String> {
    let mut pages = Vec::new();
    find_pages("", false, &mut pages);
    find_pages("docs/", true, &mut pages);
    find_pages("deploy/", true, &mut pages);
    pages.sort();
    pages
}

fn find_pages(folder: &str, deep: bool, found: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            if deep {
                find_pages(&format!("{name}/"), deep, found);
            }
        } else if name.ends_with(".md") {
            found.push(name);
        }
    }
}

fn document(file: &str) -> Value {
    serde_json::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The texts between `start` and the next `end`, in order.
fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split_once(end).map(|(found, _)| found))
}

/// What stands between backticks, code blocks apart.
fn quoted(page: &str) -> BTreeSet<String> {
    let prose: String = page.split("```").step_by(2).collect();
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `get /path` of every route: those of `run_routes` under each scope that is configured with it.
fn routes() -> BTreeSet<String> {
    let code = read("src/http/mod.rs");
    let (top, of_runs) = code.split_once("fn run_routes").unwrap();
    let scopes: Vec<_> = between(top, "scope(\"", "\").configure(run_routes)").collect();
    let of = |code: &str, prefix: &str| -> Vec<String> {
        let services = code.split(".service(").filter_map(|service| service.trim_start().strip_prefix("resource(\""));
        let routes = services.flat_map(|service| {
            let (path, handlers) = service.split_once("\")").unwrap();
            let methods = ["get", "post", "put", "delete"]
                .iter()
                .filter(|method| handlers.contains(&format!(".route({method}()")));
            let path = path.replace(":.*}", "}"); // a rest of the path, slashes and all
            methods.map(|method| format!("{method} {prefix}{path}")).collect::<Vec<_>>()
        });
        routes.collect()
    };
    let mut found: BTreeSet<_> = of(top, "").into_iter().collect();
    assert!(!scopes.is_empty());
    found.extend(scopes.iter().flat_map(|scope| of(of_runs, scope)));
    found
}

#[test]
fn the_openapi_document_has_every_route_and_no_other() {
    let document = document("src/http/openapi.json");
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
        described.extend(methods.map(|method| format!("{method} {path}")));
    }
    let routes = routes();
    assert!(routes.len() > 20, "the route table was not understood: {routes:?}");
    assert_eq!(described, routes);
}

/// One of each message that the server says.
fn server_messages() -> Vec<ServerMessage> {
    let cursor = Cursor { epoch: Some(Epoch(1)), seq: 2 };
    let all = vec![
        ServerMessage::Connected {
            run_id: RunId::parse("r").unwrap(),
            session_id: "s".into(),
            node_id: "n".into(),
            timestamp: Timestamp::default(),
            epoch: None,
            from: 3,
            tip: 4,
            cursor,
            heartbeat_secs: 20,
        },
        ServerMessage::Gap { from: 1, to: 2, reason: GapReason::Expired, cursor },
        ServerMessage::Reset { epoch: None, from: 1, cursor },
        ServerMessage::Epoch { epoch: Epoch(1), cursor },
        ServerMessage::Draining { reconnect_after_ms: 1 },
        ServerMessage::Expiring { in_secs: 2, reconnect_after_ms: 1 },
        ServerMessage::Pong { timestamp: Timestamp::default() },
        ServerMessage::Command {
            command_id: Some("c".into()),
            state: Some("queued"),
            cursor: Some(cursor),
            code: Some("lease_held"),
            error: Some("e".into()),
            details: Some(Box::new(serde_json::Map::new())),
            retry_after_ms: Some(1),
        },
        ServerMessage::Error { code: "c", error: "e".into(), reconnect_after_ms: Some(1) },
    ];
    // A new variant does not compile here until it stands above.
    for message in &all {
        match message {
            ServerMessage::Connected { .. }
            | ServerMessage::Gap { .. }
            | ServerMessage::Reset { .. }
            | ServerMessage::Epoch { .. }
            | ServerMessage::Draining { .. }
            | ServerMessage::Expiring { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Command { .. }
            | ServerMessage::Error { .. } => {}
        }
    }
    all
}

fn members(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_asyncapi_document_has_every_message_with_its_members_and_no_other() {
    let document = document("docs/asyncapi.json");
    let described = &document["components"]["messages"];
    let mut known = BTreeSet::from(["event", "frame", "ping", "screen"]);
    known.extend(COMMANDS.iter().map(|command| command.name));
    let messages = server_messages();
    for message in &messages {
        let said: Value = serde_json::from_str(&message.to_json()).unwrap();
        let properties = &described[message.name()]["payload"]["properties"];
        assert_eq!(properties["type"]["const"], message.name());
        assert_eq!(members(properties), members(&said), "{}", message.name());
        known.insert(message.name());
    }
    let frame = ScreenFrame {
        stream: runcast::protocol::StreamId::unnamed(),
        content_type: "image/png",
        width: None,
        height: None,
        test_id: None,
        timestamp: Timestamp::default(),
        image: Default::default(),
    };
    let header = serde_json::to_value(&frame).unwrap();
    assert_eq!(members(&described["frame"]["x-header"]["properties"]), members(&header));
    assert_eq!(members(described), known);
    assert_eq!(members(&document["channels"]["run"]["messages"]), known);
}

/// How the page on AsyncAPI says what a member of a message is.
fn schema_fits(schema: &Value, field: &Value) -> bool {
    let nullable = field["nullable"] == true;
    let schema = match schema["anyOf"].as_array() {
        Some(either) => {
            assert!(nullable && either.len() == 2 && either[1] == json!({"type": "null"}), "{schema}");
            &either[0]
        }
        None if nullable => return false,
        None => schema,
    };
    if schema["enum"].is_array() {
        return field["type"] == "string" && (field["values"].is_null() || field["values"] == schema["enum"]);
    }
    let is_time = |value: &Value| value["format"] == "date-time";
    if field["type"] == "any" {
        return schema["type"].is_null();
    }
    schema["type"] == field["type"] && is_time(schema) == is_time(field)
}

/// Holds a file that is written from the tables in code to them; with RUNCAST_WRITE it is written.
fn assert_written(file: &str, written: &str, test: &str) {
    let path = root().join(file);
    if std::env::var_os("RUNCAST_WRITE").is_some() {
        fs::write(&path, written).unwrap();
    }
    let command = format!("RUNCAST_WRITE=1 cargo test --test surface {test}");
    let is_it = fs::read_to_string(&path).unwrap_or_default() == written;
    assert!(is_it, "{file} is not what the tables in src/protocol say; write it anew: {command}");
}

#[test]
fn the_vocabulary_is_what_the_tables_in_code_say() {
    assert_written("docs/vocabulary.json", &vocabulary::document(), "vocabulary");
}

#[test]
fn the_schema_of_events_is_what_the_tables_in_code_say() {
    assert_written("docs/events.schema.json", schema::document(), "schema");
}

#[test]
fn the_messages_of_the_vocabulary_are_what_the_server_says_and_the_asyncapi_document_describes() {
    let vocabulary: Value = serde_json::from_str(&vocabulary::document()).unwrap();
    let described = &document("docs/asyncapi.json")["components"]["messages"];
    let types = ["serverMessages", "binaryMessages", "clientMessages", "commands"]
        .map(|key| vocabulary[key].as_array().unwrap());
    let types: BTreeMap<_, _> = types.into_iter().flatten().map(|row| (row["type"].as_str().unwrap(), row)).collect();
    for (name, row) in &types {
        let message = &described[*name];
        let schema = if *name == "frame" { &message["x-header"] } else { &message["payload"] };
        let fields = row["fields"].as_array().unwrap();
        let names: BTreeSet<_> = fields.iter().map(|field| field["name"].as_str().unwrap()).chain(["type"]).collect();
        assert_eq!(members(&schema["properties"]), names, "{name}");
        for field in fields {
            let key = field["name"].as_str().unwrap();
            let property = &schema["properties"][key];
            assert!(schema_fits(property, field), "{name}.{key}: {property} and {field}");
            let required = schema["required"].as_array().unwrap().contains(&field["name"]);
            assert_eq!(required, field["optional"] != true, "{name}.{key}");
        }
    }
    for message in server_messages() {
        let said: Value = serde_json::from_str(&message.to_json()).unwrap();
        for field in types[message.name()]["fields"].as_array().unwrap() {
            let value = &said[field["name"].as_str().unwrap()];
            match field["type"].as_str().unwrap() {
                "integer" => assert!(value.is_u64(), "{field} {value}"),
                "object" => assert!(value.is_object(), "{field} {value}"),
                "string" if field["values"].is_array() => {
                    assert!(field["values"].as_array().unwrap().contains(value), "{field} {value}");
                }
                "string" => {
                    assert!(value.is_string() || value.is_null() && field["nullable"] == true, "{field} {value}")
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!(members(&said).len(), types[message.name()]["fields"].as_array().unwrap().len() + 1, "{said}");
    }
    assert_eq!(types.len(), server_messages().len() + 3 + COMMANDS.len());
}

#[test]
fn the_page_about_the_protocol_lists_every_type_that_the_server_keeps_for_itself() {
    let page = read("docs/protocol.md");
    for event in ServerEvent::ALL {
        let shown = |field: &Field| format!("{}{}", field.name, if field.optional { "?" } else { "" });
        // Members of members are left to the vocabulary.
        let fields: Vec<_> = event.fields().iter().filter(|field| !field.name.contains('.')).map(shown).collect();
        let fields = if fields.is_empty() { String::new() } else { format!("`{}`", fields.join(" ")) };
        let row = format!("| `{}` | {fields} | {} |", event.as_str(), event.doc()).replace("|  |", "| |");
        assert!(page.contains(&row), "docs/protocol.md lacks {row}");
    }
    let words = quoted(&page);
    for &name in reserved_types() {
        assert!(words.contains(name), "docs/protocol.md does not say that {name} is reserved");
    }
}

#[test]
fn the_close_codes_are_written_as_the_table_in_code_has_them() {
    let in_code: Vec<_> = CloseReason::ALL
        .iter()
        .map(|reason| {
            json!({
                "code": reason.code(), "reason": reason, "text": reason.text(), "comeBack": reason.may_reconnect(),
                "when": reason.doc(),
            })
        })
        .collect();
    assert_eq!(document("docs/asyncapi.json")["x-close-codes"], Value::Array(in_code));
    let page = read("docs/protocol.md");
    for reason in CloseReason::ALL {
        let code = reason.code().map_or("none".to_owned(), |code| code.to_string());
        let back = if reason.may_reconnect() { "yes" } else { "no" };
        let row = format!("| {code} | `{}` | {back} | {} |", reason.as_str(), reason.doc());
        assert!(page.contains(&row), "docs/protocol.md lacks {row}");
    }
}

#[test]
fn every_message_stands_in_the_page_about_the_protocol() {
    let words = quoted(&read("docs/protocol.md"));
    for message in server_messages() {
        assert!(words.contains(message.name()), "{}", message.name());
    }
}

#[test]
fn every_setting_that_a_page_names_exists() {
    let config: BTreeMap<String, BTreeMap<String, toml::Value>> = toml::from_str(&read("config.toml")).unwrap();
    let mut named = 0;
    for page in &pages() {
        for word in quoted(&read(page)) {
            let Some((section, key)) = word.split_once('.').filter(|(section, _)| config.contains_key(*section)) else {
                continue;
            };
            let key = key.split([' ', '=']).next().unwrap_or_default();
            // `config.toml` and `journal.db` are files.
            if !matches!(key, "rs" | "json" | "db" | "db-instance" | "db-life" | "toml") {
                let is_key = config[section].contains_key(key)
                    || runcast::config::secret_of(&format!("{section}.{key}")).is_some();
                assert!(is_key, "{page} names {word}, which config.toml has not");
                named += 1;
            }
        }
    }
    assert!(named > 20, "the pages' way of naming settings was not understood: {named}");
}

#[test]
fn operators_are_told_which_settings_are_taken_anew() {
    let page = read("docs/operations.md");
    let (_, table) = page.split_once("| keys | hold for |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let first = table.lines().filter_map(|line| line.split('|').nth(1)).collect::<String>();
    let told: BTreeSet<String> = quoted(&first);
    assert_eq!(told, runcast::config::TAKEN_ANEW.map(str::to_owned).into());
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "js") {
            found.push(path);
        }
    }
}

#[test]
fn every_test_and_every_metric_that_a_page_names_exists() {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        let folder = root().join(folder);
        sources(&folder, &mut files);
    }
    files.retain(|file| !file.components().any(|part| part.as_os_str() == "node_modules"));
    let code: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_test = |word: &String| word.matches('_').count() >= 3 && word.chars().all(is_plain);
    let mut named = 0;
    for page in &pages() {
        for word in quoted(&read(page)).into_iter().filter(is_test) {
            if word.starts_with("runcast_") {
                assert!(METRICS.iter().any(|(_, name, ..)| *name == word), "{page} names the metric {word}");
                continue;
            }
            assert!(code.contains(&format!("fn {word}(")), "{page} names the test {word}, which does not exist");
            named += 1;
        }
    }
    assert!(named > 10, "the pages' way of naming tests was not understood: {named}");
}

#[test]
fn every_file_that_a_page_links_to_exists() {
    for page in &pages() {
        let text = read(page);
        let folder = Path::new(page).parent().unwrap();
        for target in between(&text, "](", ")").filter(|target| !target.starts_with("http") && !target.starts_with('#'))
        {
            let file = target.split('#').next().unwrap_or_default();
            assert!(root().join(folder).join(file).exists(), "{page} links to {target}");
        }
    }
}
