//! What an artifact is called is data, and never a path.

use serde_json::{Value, json};

use super::fixture::{ask, bytes, download, fetch, files, id, list, node, objects, path, picture};
use super::support::{TestNode, exchange};

fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// An upload whose path is as it is given: a client that behaves would tidy it.
async fn put_raw(node: &TestNode, name: &str, body: &str) -> (u16, Value) {
    let request = format!(
        "PUT {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        path("r", &format!("/{name}")),
        body.len()
    );
    let answer = exchange(node, &request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
}

/// All files of a server but those of its databases, its objects and its clock, which it notes when it comes to it.
fn others(node: &TestNode) -> Vec<String> {
    let root = node.data().parent().unwrap().to_owned();
    let own = [".db", "data/objects/", "data/clock"];
    let theirs = |path: &String| !own.iter().any(|own| path.contains(own)) && !path.starts_with("std");
    files(&root).into_iter().filter(theirs).collect()
}

#[tokio::test]
async fn a_name_that_would_be_a_path_elsewhere_is_a_name() {
    let node = node(&[]);
    let before = others(&node);
    let longest = "é".repeat(255);
    let widest = "😀".repeat(255);
    for (sent, name) in [
        ("..", ".."),
        (".", "."),
        ("%2e%2e", ".."),
        ("a%2Fb", "a/b"),
        ("..%2f..%2f..%2fetc%2fpasswd", "../../../etc/passwd"),
        ("%2fetc%2fpasswd", "/etc/passwd"),
        ("..%5c..%5cwin.ini", "..\\..\\win.ini"),
        ("%252e%252e%252fx", "%2e%2e%2fx"),
        ("x%23y%3Fz", "x#y?z"),
        ("NUL", "NUL"),
        (".htaccess", ".htaccess"),
        ("a+b", "a+b"),
        ("%20", " "),
        (&encoded("видео 🎬.webm"), "видео 🎬.webm"),
        (&encoded("\u{202e}gnp.exe"), "\u{202e}gnp.exe"),
        (&encoded(&longest), &longest),
        (&encoded(&widest), &widest),
        (&encoded("a\"; filename=\"b.exe"), "a\"; filename=\"b.exe"),
    ] {
        let (status, artifact) = put_raw(&node, sent, name).await;
        assert_eq!((status, &artifact["name"]), (201, &json!(name)), "{sent}: {artifact}");
        let told = download(&node, "r", id(&artifact), "?encoding=identity", "").await.json();
        assert_eq!(told["filename"], name);
        let got = fetch("GET", told["downloadUrl"].as_str().unwrap(), &[], Vec::new()).await;
        assert_eq!(got.body, name.as_bytes(), "{sent}");
        let header = got.header("content-disposition");
        assert!(header.is_ascii() && header.matches('"').count() == 2, "{header}");
        assert!(!header.contains("\r") && !header.contains("\n"));
    }
    assert_eq!(others(&node), before, "nothing is written elsewhere");
    for file in files(&objects(&node)) {
        let parts: Vec<_> = file.split('/').collect();
        assert!(matches!(parts.as_slice(), ["runs", "r", _, _]), "{file}");
        assert!(file.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)), "{file}");
        assert!(!parts[3].starts_with('.'), "{file}");
    }
}

#[tokio::test]
async fn a_name_that_is_too_long_or_has_control_characters_is_refused_by_that_word() {
    let node = node(&[]);
    let before = others(&node);
    for sent in [
        &"x".repeat(256),
        &"x".repeat(1_000),
        &encoded(&"😀".repeat(256)),
        "a%00b",
        "a%0ab",
        "%0d%0aSet-Cookie:%20x=1",
        "%7f",
        "%c2%85",
        "a%1bb",
        "%ff%fe",
        "a%c3",
    ] {
        let (status, problem) = put_raw(&node, sent, "x").await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_name")), "{sent}: {problem}");
        assert!(problem["detail"].as_str().unwrap().starts_with("name "), "{problem}");
    }
    // No name at all, several, and more than any name.
    for (sent, wanted) in [("", 405), ("a/b", 404)] {
        let (status, problem) = put_raw(&node, sent, "x").await;
        assert_eq!(status, wanted, "{sent}: {problem}");
        assert!(problem["code"].is_string(), "{sent}: {problem}");
    }
    let (status, _) = put_raw(&node, &"x".repeat(100_000), "x").await;
    assert!((400..500).contains(&status), "{status}");
    assert_eq!(list(&node, "r").await, Vec::<Value>::new());
    assert_eq!(others(&node), before);
    assert_eq!(files(&objects(&node)), Vec::<String>::new());
}

#[tokio::test]
async fn a_direct_upload_may_be_called_the_same_and_no_more() {
    let node = node(&[]);
    let announce = async |name: &str| {
        let body = json!({"name": name, "size": 10, "contentType": "image/png"});
        ask(&node, "POST", &path("r", ""), Some(body)).await
    };
    for name in ["..", "../../../etc/passwd", "a/b", "видео 🎬.webm", " "] {
        let made = announce(name).await.json();
        let put = fetch("PUT", made["upload"]["url"].as_str().unwrap(), &[], picture(10)).await;
        assert_eq!(put.status, 200, "{name}");
        let id = id(&made["artifact"]).to_owned();
        let done = ask(&node, "POST", &path("r", &format!("/{id}/complete")), None).await;
        assert_eq!((done.status, &done.json()["name"]), (200, &json!(name)), "{done:?}");
        let told = download(&node, "r", &id, "", "").await.json();
        assert_eq!(bytes(told["downloadUrl"].as_str().unwrap()).await, picture(10));
    }
    assert!(files(&objects(&node)).iter().all(|file| file.starts_with("runs/r/")), "{:?}", files(&objects(&node)));
    for name in ["", "a\0b", "a\nb", &"x".repeat(256)] {
        assert!(announce(name).await.problem(400, "invalid_name").contains("name"));
    }
}
