//! `Host`: who may be asked for, and what never gets into a URL that the server signs.

use super::raw::{Raw, node};

#[tokio::test]
async fn a_host_that_is_none_is_refused_everywhere() {
    let node = node(&[]);
    for path in ["/", "/health", "/api/runs", "/api/runs/r/artifacts/1/download", "/nothing"] {
        for host in [
            "127.0.0.1:@evil.com",
            "127.0.0.1:80@evil.com",
            "localhost/x",
            "localhost:99999",
            "a b",
            "[::1",
            "127.0.0.1:",
        ] {
            let answer =
                Raw::ask(&node, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
            assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_host"), "{path} {host}");
        }
        let twice = Raw::ask(&node, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\n\r\n")).await;
        assert_eq!(twice.status, 400, "{twice:?}");
        let target = format!("GET http://evil.com{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert_eq!(Raw::ask(&node, &target).await.code(), "invalid_host", "{path}");
    }
}

#[tokio::test]
async fn signed_urls_name_a_host_that_was_read_as_one() {
    let node = node(&[]);
    let stored = node.try_send("PUT", "/api/runs/r/artifacts/a.bin", &[], "hello").await.unwrap();
    let id = stored.json()["artifactId"].as_str().unwrap().to_owned();
    let create = r#"{"name":"b.bin","size":5}"#;
    let requests = |host: &str| {
        let head = format!("Host: {host}\r\nConnection: close\r\n");
        [
            format!("GET /api/runs/r/artifacts/{id}/download HTTP/1.1\r\n{head}\r\n"),
            format!(
                "POST /api/runs/r/artifacts HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{create}",
                create.len()
            ),
        ]
    };
    for host in ["127.0.0.1:@evil.com", "localhost:1@evil.com", "localhost#evil.com"] {
        for request in requests(host) {
            let answer = Raw::ask(&node, &request).await;
            let text = format!("{}{}", answer.head, String::from_utf8_lossy(&answer.body));
            assert!(answer.status == 400 && !text.contains("http://"), "{text}");
        }
    }
    for request in requests("localhost:4444") {
        let answer = Raw::ask(&node, &request).await;
        let text = format!("{}{}", answer.head, String::from_utf8_lossy(&answer.body));
        assert!(text.contains("http://localhost:4444/api/runs/r/artifacts/"), "{text}");
    }
}

#[tokio::test]
async fn names_that_are_allowed_are_served_and_probes_come_by_any() {
    let node = node(&[
        ("server.public_url", "https://runs.example.com"),
        ("server.allowed_hosts", "runcast, *.runs.example.org"),
    ]);
    let ask = async |host: &str, path: &str| {
        Raw::ask(&node, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await.status
    };
    for host in
        ["runcast:3001", "RUNCAST", "a.runs.example.org", "a.b.runs.example.org:80", "runs.example.com", "10.1.2.3"]
    {
        assert_eq!(ask(host, "/api/runs").await, 200, "{host}");
    }
    for host in ["runs.example.org", "evilruns.example.org", "evil.com", "a.runs.example.org.evil.com", "xruncast"] {
        assert_eq!(ask(host, "/api/runs").await, 403, "{host}");
        for open in ["/health", "/ready", "/metrics", "/health/"] {
            assert_eq!(ask(host, open).await, 200, "{host} {open}");
        }
    }
}
