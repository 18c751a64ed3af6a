//! The signed route's own answers: ranges, tags, and what a browser may do with them.

use super::download::url_of;
use super::fixture::{Fetched, fetch, id, node, objects, path, picture, put, stored, text};
use super::support::{Site, TestNode};

async fn get(url: &str, headers: &[(&str, &str)]) -> Fetched {
    fetch("GET", url, headers, Vec::new()).await
}

#[tokio::test]
async fn a_range_is_served_as_it_is_asked_for() {
    let node = node(&[]);
    let content = picture(1_000);
    let artifact = stored(&node, "r", "a.png", content.clone()).await;
    let url = url_of(&node, "r", &artifact).await;
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=0-999", 0, 1_000),
        ("bytes=10-19", 10, 20),
        ("bytes=990-", 990, 1_000),
        ("bytes=990-5000", 990, 1_000),
        ("bytes=-10", 990, 1_000),
        ("bytes=-5000", 0, 1_000),
        ("bytes=999-18446744073709551615", 999, 1_000),
    ] {
        let part = get(&url, &[("range", range)]).await;
        assert_eq!((part.status, part.header("accept-ranges")), (206, "bytes"), "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/1000", to - 1), "{range}");
        assert!(part.body == content[from..to], "{range}");
    }
    for range in ["bytes=1000-", "bytes=5000-6000", "bytes=-0"] {
        let nothing = get(&url, &[("range", range)]).await;
        assert_eq!((nothing.status, nothing.header("content-range")), (416, "bytes */1000"), "{range}");
    }
    // What can't be read, is no range of bytes, or several at once, is answered with all of it.
    for range in ["bytes=20-10", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "", "bytes="] {
        let all = get(&url, &[("range", range)]).await;
        assert!(all.status == 200 && all.body == content, "{range}: {}", all.status);
    }
}

#[tokio::test]
async fn a_tag_tells_whether_it_is_still_the_same() {
    let node = node(&[]);
    let content = picture(1_000);
    let artifact = stored(&node, "r", "a.png", content.clone()).await;
    let url = url_of(&node, "r", &artifact).await;
    let tag = get(&url, &[]).await.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", artifact["sha256"].as_str().unwrap()));
    for known in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let same = get(&url, &[("if-none-match", &known)]).await;
        assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, &*tag), "{known}");
    }
    for other in ["\"x\"", "", "x"] {
        assert_eq!(get(&url, &[("if-none-match", other)]).await.status, 200, "{other}");
    }
    let range = ("range", "bytes=10-19");
    let part = get(&url, &[range, ("if-range", &tag)]).await;
    assert!(part.status == 206 && part.body == content[10..20]);
    for other in ["\"x\"", &format!("W/{tag}"), "Wed, 25 Nov 2026 10:00:00 GMT", "x"] {
        let all = get(&url, &[range, ("if-range", other)]).await;
        assert!(all.status == 200 && all.body == content, "{other}");
    }
}

#[tokio::test]
async fn a_head_says_what_a_get_would() {
    let node = node(&[]);
    for (name, content) in [("a.png", picture(1_000)), ("a.log", text(50_000)), ("empty.png", Vec::new())] {
        let artifact = stored(&node, "r", name, content.clone()).await;
        let url = url_of(&node, "r", &artifact).await;
        let (head, whole) = (fetch("HEAD", &url, &[], Vec::new()).await, get(&url, &[]).await);
        assert!(head.status == 200 && head.body.is_empty() && whole.body == content, "{name}");
        for header in ["content-type", "etag", "accept-ranges", "content-disposition", "content-security-policy"] {
            assert_eq!(head.header(header), whole.header(header), "{name}: {header}");
        }
        assert_eq!(head.headers.get("content-length"), whole.headers.get("content-length"), "{name}");
    }
}

#[tokio::test]
async fn what_is_decoded_on_the_way_has_a_tag_and_ranges_of_its_own() {
    let node = node(&[]);
    let content = text(50_000);
    let artifact = stored(&node, "r", "a.log", content.clone()).await;
    let (decoded, raw) = (url_of(&node, "r", &artifact).await, {
        let told = node.get_json(&path("r", &format!("/{}/download?encoding=stored", id(&artifact)))).await;
        told["downloadUrl"].as_str().unwrap().to_owned()
    });
    let (there, as_stored) =
        (get(&decoded, &[("range", "bytes=0-9")]).await, get(&raw, &[("range", "bytes=0-9")]).await);
    assert!(there.status == 206 && there.body == content[..10] && there.header("accept-ranges") == "bytes");
    assert!(as_stored.status == 206 && as_stored.body.len() == 10 && as_stored.header("content-encoding") == "gzip");
    assert_ne!(there.header("etag"), as_stored.header("etag"));
    let same = get(&decoded, &[("if-none-match", there.header("etag"))]).await;
    assert_eq!((same.status, same.body.len()), (304, 0));
}

/// What a browser is told about an artifact of this type.
async fn shown(node: &TestNode, content_type: &str, name: &str) -> Fetched {
    let page = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
    let reply = put(node, "r", name, &[("content-type", content_type)], page).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    get(&url_of(node, "r", &reply.json()).await, &[]).await
}

#[tokio::test]
async fn nothing_that_was_uploaded_runs_in_a_browser() {
    let node = node(&[]);
    for content_type in [
        "text/html",
        "TEXT/HTML; charset=utf-8",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/xml",
        "application/xml",
        "application/pdf",
        "text/javascript",
        "text/css",
        "application/x-shockwave-flash",
        "multipart/x-mixed-replace",
        "text/plain,text/html",
        "image/png text/html",
        "application/octet-stream",
    ] {
        let name = "report.html";
        let reply = put(&node, "types", name, &[("content-type", content_type)], b"x".to_vec()).await;
        if reply.status == 400 {
            continue; // no type at all
        }
        let there = shown(&node, content_type, name).await;
        assert!(there.header("content-disposition").starts_with("attachment"), "{content_type}");
        assert_eq!(there.header("x-content-type-options"), "nosniff");
        assert!(there.header("content-security-policy").starts_with("sandbox"), "{content_type}");
    }
    for content_type in ["image/png", "text/plain; charset=utf-8", "video/webm", "application/json"] {
        let there = shown(&node, content_type, "x").await;
        assert!(there.header("content-disposition").starts_with("inline"), "{content_type}");
        assert_eq!(there.header("x-content-type-options"), "nosniff");
        let policy = there.header("content-security-policy").to_owned();
        assert!(policy.starts_with("sandbox;") && !policy.contains("allow-"), "{policy}");
        assert!(there.header("cache-control").starts_with("private"));
    }
}

async fn lost(site: &Site, url: &str) -> u16 {
    let lost = get(url, &[]).await;
    assert!(!String::from_utf8_lossy(&lost.body).contains("/objects/"), "no path of ours is told");
    assert_eq!(site.get("/health").await.status, 200);
    lost.status
}

#[tokio::test]
async fn an_object_that_was_lost_is_a_failure_of_the_stores_and_never_half_an_answer() {
    let mut node = node(&[]);
    node.may_report();
    let artifact = stored(&node, "r", "a.png", picture(300_000)).await;
    let url = url_of(&node, "r", &artifact).await;
    let file = objects(&node).join(format!("runs/r/{}/a.png", id(&artifact)));
    let whole = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(lost(&node, &url).await, 503);
    std::fs::write(&file, &whole).unwrap();
    assert!(get(&url, &[]).await.body == whole);
}
