//! Bodies of any shape, held against the oracle.

use proptest::prelude::*;

use super::super::{BodyKind, oracle};

/// Pieces of JSON, right and wrong, that make interesting texts when strung together.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\r",
        "\"",
        "\\",
        "\"type\":\"x\"",
        "\"type\":\"run_status\"",
        "{\"type\":\"x\"",
        "\"status\":\"passed\"",
        "\"seq\":1",
        "\"timestamp\":\"t\"",
        "\"runId\":\"run-1\"",
        "\"a\":",
        "\"\\u0074ype\":\"y\"",
        "1",
        "-0.5e3",
        "1e400",
        "01",
        "true",
        "null",
        "\"s\"",
        "\\ud800",
        "\\udc00",
        "\"\\ud83d\":1",
        "\"type\":\"\\ud83d\"",
        "\u{feff}",
        "\\u00e9",
        "é",
        "\t",
        "\"a\":[1,{\"b\":[]}]",
        "{}",
        "{\"type\":\"log\",\"v\":\"",
        "{\"type\":\"worker\",\"state\":\"left\"",
        "{\"type\":\"test_status\"",
        "\"state\":\"joined\"",
        "\"shard\":",
        "{\"current\":1,\"total\":2}",
        "\"at\":",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// JSON of any shape, written with odd white space, then perhaps with one byte changed.
fn near_json() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:e}").replace("inf", "1").replace("NaN", "0")),
        ".{0,12}".prop_map(|s| serde_json::to_string(&s).unwrap()),
        "(\\\\u[0-9a-fA-F]{4}){1,3}".prop_map(|s| format!("\"{s}\"")),
        "(\\\\ud[89abcdefABCDEF][0-9a-f]{2}|\\\\n|x){1,4}".prop_map(|s| format!("\"{s}\"")),
    ];
    let space = prop::sample::select(vec!["", "", "", " ", "\n", "\r\n", "\t"]);
    let front = prop::sample::select(vec!["", "", "\u{feff}"]);
    let value = leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(("([a-c]|\\\\ud[89ef]3d){0,2}", inner), 0..5).prop_map(|entries| {
                let entries: Vec<_> = entries.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    });
    let change = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (value, space, front, change).prop_map(|(value, space, front, change)| {
        let mut text =
            format!("{front}{space}{{{space}\"type\":{space}\"x\"{space},\"v\"{space}:{value}{space}}}{space}")
                .into_bytes();
        if let Some((at, byte)) = change {
            let at = at.index(text.len());
            text[at] = byte;
        }
        text
    })
}

/// An event of a type that is looked into, with members that are right, wrong, missing, or there twice.
fn control_event() -> impl Strategy<Value = String> {
    let key = |key: &'static str, values: &'static [&'static str]| {
        (Just(key), prop::sample::select(values)).prop_map(|(key, value)| format!("\"{key}\":{value}"))
    };
    let names = &["\"worker\"", "\"command_status\"", "\"ai_stuck\"", "\"run_status\"", "\"test_status\"", "\"log\""];
    let counts = &["1", "2", "1000", "1001", "0", "-1", "1.0", "1e1", "null", "\"1\""];
    let shards = &[
        r#"{"current":1,"total":2}"#,
        r#"{"total":1000,"current":1000,"x":[{}]}"#,
        r#"{"current":2,"total":1}"#,
        r#"{"current":1,"total":1001}"#,
        r#"{"current":1}"#,
        r#"{"current":1,"total":2,"curr\u0065nt":1}"#,
        "{}",
        "[]",
        "null",
    ];
    let actions = &[r#"{"action":"fail"}"#, r#"{"value":1,"action":"wait"}"#, r#"{"action":1}"#, "{}", "1"];
    let candidates = &[
        "[]",
        "null",
        r#"[{"id":"a","label":""},{"label":"b","id":"\ud83d","score":1}]"#,
        r#"[{"id":"a","label":"b"},{"id":"","label":"b"}]"#,
        r#"[{"id":"a","label":null}]"#,
        r#"[{"id":"a","label":"b","label":"b"}]"#,
        r#"[1]"#,
        "{}",
    ];
    let member = prop_oneof![
        2 => key("state", &["\"joined\"", "\"left\"", "\"l\\u0065ft\"", "\"x\"", "1", "null"]),
        1 => key("slots", counts),
        1 => key("can", &["[\"pause\",\"st\\u0065p\"]", "\"pause\"", "[1]", "[[]]", "null", "{}"]),
        1 => key("variant", &["\"\"", "\"webkit\"", "null", "1"]),
        1 => key("shard", shards),
        2 => key("commandId", &["\"c\"", "\"\"", "null", "\"\\ud83d\""]),
        4 => key("status", &["\"accepted\"", "\"done\"", "\"passed\"", "\"running\"", "\"interrupted\"", "2"]),
        2 => key("askId", &["\"a\"", "\"\"", "7"]),
        2 => key("needs", &["\"click\"", "\"decision\"", "\"Click\""]),
        1 => key("expiresInSecs", &["5", "86400", "4", "86401", "5.0", "null"]),
        1 => key("onTimeout", actions),
        1 => key("candidates", candidates),
        1 => key("timestamp", &["\"2026-11-23T17:15:47.966Z\"", "\"t\"", "1"]),
        1 => prop::sample::select(&["producer", "at", "by", "le\\u0061se", "expiresAt", "stale", "keyHash"][..])
            .prop_map(|name| format!("\"{name}\":null")),
        1 => prop::sample::select(&["can", "detail", "message", "url", "x"][..])
            .prop_map(|name| format!("\"{name}\":[]")),
    ];
    (prop::sample::select(&names[..]), prop::collection::vec(member, 0..7)).prop_map(|(name, members)| {
        format!("{{\"type\":{name}{}}}", [&[String::new()], &members[..]].concat().join(" ,"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn strung_pieces_are_judged_as_serde_json_does(text in pieces()) {
        oracle::check(BodyKind::Json, text.as_bytes());
        oracle::check(BodyKind::NdJson, text.as_bytes());
    }

    #[test]
    fn what_is_remembered_of_an_event_is_what_its_members_say(events in prop::collection::vec(control_event(), 1..4)) {
        oracle::check(BodyKind::NdJson, events.join("\n").as_bytes());
        oracle::check(BodyKind::Json, format!("[{}]", events.join(",\n")).as_bytes());
        events.iter().for_each(|event| oracle::check(BodyKind::Json, event.as_bytes()));
    }

    #[test]
    fn nearly_json_is_judged_as_serde_json_does(text in near_json()) {
        oracle::check(BodyKind::Json, &text);
        oracle::check(BodyKind::NdJson, &text);
        oracle::check(BodyKind::Json, &[b"[", &text[..], b" ,\n", &text[..], b"]"].concat());
    }
}
