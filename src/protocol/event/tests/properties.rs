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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn strung_pieces_are_judged_as_serde_json_does(text in pieces()) {
        oracle::check(BodyKind::Json, text.as_bytes());
        oracle::check(BodyKind::NdJson, text.as_bytes());
    }

    #[test]
    fn nearly_json_is_judged_as_serde_json_does(text in near_json()) {
        oracle::check(BodyKind::Json, &text);
        oracle::check(BodyKind::NdJson, &text);
        oracle::check(BodyKind::Json, &[b"[", &text[..], b" ,\n", &text[..], b"]"].concat());
    }
}
