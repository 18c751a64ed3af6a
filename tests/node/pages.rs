//! The pages as HTTP: their policies, what their shells load, their titles, and what is answered where there is no page.

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::http_edge::raw::{Answer, Raw};
use crate::support::{SOON, TestNode, eventually};

/// Rows of the list, and so titles, come at once.
const QUICK: [(&str, &str); 1] = [("RUNCAST__CATALOG__SUMMARY_MS", "50")];

async fn ask(node: &TestNode, path: &str, headers: &str) -> Answer {
    Raw::ask(node, &format!("GET {path} HTTP/1.1\r\nHost: localhost:1234\r\nConnection: close\r\n{headers}\r\n")).await
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

/// The paths in quotes that begin with `/assets/`, as a shell has them, and those beside it, as scripts import them.
fn assets_in(text: &str) -> BTreeSet<String> {
    let quoted = text.split(['"', '\'', '`']);
    let paths = quoted.filter_map(|word| match word.strip_prefix("./") {
        Some(beside) if beside.ends_with(".js") => Some(format!("/assets/{beside}")),
        _ => word.starts_with("/assets/").then(|| word.to_owned()),
    });
    paths.collect()
}

#[tokio::test]
async fn every_page_has_its_policy_and_loads_nothing_from_elsewhere() {
    let node = TestNode::start(&[]);
    let mut seen = BTreeSet::new();
    for page in ["/", "/runs/r", "/ops"] {
        let answer = ask(&node, page, "").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page}");
        assert_eq!(
            answer.header("content-security-policy"),
            Some(
                "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                 media-src 'self'; connect-src 'self' ws://localhost:1234 wss://localhost:1234; base-uri 'none'; \
                 form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types runcast"
            )
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{page}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{page}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{page}");
        let page = text(&answer);
        assert!(!page.contains("style=") && !page.contains(" on") && !page.contains("://"), "{page}");
        seen.extend(assets_in(page));
    }
    assert!(seen.len() >= 6, "three scripts, the worker, the comparison and the styles: {seen:?}");
    let mut next: Vec<_> = seen.iter().cloned().collect();
    while let Some(path) = next.pop() {
        let plain = ask(&node, &path, "").await;
        let packed = ask(&node, &path, "Accept-Encoding: br, gzip\r\n").await;
        for answer in [&plain, &packed] {
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
            assert_eq!(answer.header("vary"), Some("accept-encoding"), "{path}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{path}: {policy}");
        }
        let kind = if path.ends_with(".css") { "text/css" } else { "text/javascript" };
        assert_eq!(plain.header("content-type"), Some(&*format!("{kind}; charset=utf-8")), "{path}");
        assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), (None, Some("gzip")));
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body, "{path}");
        assert!(packed.body.len() < plain.body.len(), "{path}");
        next.extend(assets_in(text(&plain)).into_iter().filter(|path| seen.insert(path.clone())));
    }
}

#[tokio::test]
async fn where_there_is_no_page_the_answer_is_no_page() {
    let node = TestNode::start(&[]);
    let markup = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for (path, status) in [
        ("/nothing".to_owned(), 404),
        ("/runs/r/nothing".to_owned(), 404),
        ("/assets/run.js".to_owned(), 404),
        ("/assets/run-00000000.js".to_owned(), 404),
        (format!("/assets/{markup}.js"), 404),
        (format!("/runs/{markup}"), 400),
        ("/runs/%E2%80%AEgnp".to_owned(), 400),
        ("/runs/%00".to_owned(), 400),
        (format!("/runs/{}", "r".repeat(300)), 400),
    ] {
        let answer = ask(&node, &path, "").await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        assert!(!answer.head.contains("immutable"), "{path}: {}", answer.head);
        assert!(!answer.code().is_empty());
    }
    let gone = ask(&node, "/assets/run-00000000.js", "").await;
    assert!(text(&gone).contains("load the page again"), "{gone:?}");
}

/// The title of a run's page, which previews of links show, too.
async fn title(node: &TestNode, run: &str) -> String {
    let answer = ask(node, &format!("/runs/{run}"), "").await;
    let page = text(&answer);
    let (_, rest) = page.split_once("<title>").unwrap();
    let (title, rest) = rest.split_once("</title>\n").unwrap();
    assert!(rest.starts_with(&format!("<meta property=\"og:title\" content=\"{title}\">\n")), "{page}");
    assert_eq!((page.matches("<script").count(), page.matches("<title>").count()), (1, 1), "{page}");
    title.to_owned()
}

#[tokio::test]
async fn the_title_says_how_the_run_is_and_is_text_whatever_was_posted() {
    let node = TestNode::start(&QUICK);
    assert_eq!(title(&node, "nobody-posted").await, "nobody-posted · runcast");
    for (run, project, wanted) in [
        ("plain", json!("shop"), "FAILING 1/3 · shop #7 · runcast".to_owned()),
        (
            "markup",
            json!("</title><script>alert(1)</script>\"&"),
            "FAILING 1/3 · &lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp; #7 · runcast".to_owned(),
        ),
        ("turned", json!("\u{202e}gnp\u{2066}.\u{200b}exe\u{0}\n"), "FAILING 1/3 · gnp.exe #7 · runcast".to_owned()),
        ("unseen", json!("\u{200b}\u{2060}\u{feff}"), "FAILING 1/3 · unseen · runcast".to_owned()),
        ("long", json!("x".repeat(240_000)), format!("FAILING 1/3 · {} #7 · runcast", "x".repeat(80))),
        ("other", json!({"toString": 1}), "FAILING 1/3 · other · runcast".to_owned()),
        ("a_b.c:d-e", Value::Null, "FAILING 1/3 · a_b.c:d-e · runcast".to_owned()),
    ] {
        let meta = json!({"project": project, "number": 7});
        let events = [
            json!({"type": "run_status", "status": "running", "data": {"meta": meta, "total": 3}}),
            json!({"type": "test_status", "testId": "t", "status": "failed", "data": {"title": "pays"}}),
        ];
        node.store(run, &events.map(|event| event.to_string())).await;
        eventually!(title(&node, run).await, |title| *title == wanted, SOON);
    }
}
