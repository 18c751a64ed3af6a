//! Query parameters that a route does not have: refused by name, on every route of the API.

use serde_json::{Value, json};

use super::raw::node;

/// Every path of the API by `openapi.json`, with its methods.
async fn routes(node: &crate::support::TestNode) -> Vec<(String, String)> {
    let document = node.get_json("/api/openapi.json").await;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
        routes.extend(methods.map(|method| (method.to_ascii_uppercase(), path.clone())));
    }
    routes
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_by_every_route_of_the_api() {
    let node = node(&[]);
    let mut refused = 0;
    for (method, pattern) in routes(&node).await {
        let path = pattern.replace("{stepNumber}", "1").replace(['{', '}'], "");
        let headers = [("content-type", "application/json")];
        let reply = node.try_send(&method, &format!("{path}?zzz=1"), &headers, "{}").await.unwrap();
        if !(path.starts_with("/api/") || path.starts_with("/ws/") || path == "/ready") {
            assert!(!reply.text.contains("unknown_parameter"), "{method} {path}: {reply:?}");
            continue;
        }
        let detail = reply.problem(400, "unknown_parameter");
        assert!(
            detail.starts_with(&format!("\"zzz\" is no parameter of {method} {pattern}, which takes ")),
            "{detail}"
        );
        refused += 1;
    }
    assert!(refused > 60, "{refused} routes");
}

#[tokio::test]
async fn the_refusal_names_what_may_be_meant() {
    let node = node(&[]);
    let refused = node.get("/api/runs?brnch=main&limit=3").await;
    refused.problem(400, "unknown_parameter");
    let told: Value = refused.json();
    assert_eq!((&told["parameter"], &told["didYouMean"]), (&json!("brnch"), &json!("branch")));
    assert!(told["known"].as_array().unwrap().contains(&json!("author")), "{told}");
    node.get("/api/runs/r/events/stream?afer=1").await.problem(400, "unknown_parameter");
    node.get("//api//runs/?odd=1").await.problem(400, "unknown_parameter");
    assert_eq!(node.get("/ready?strict=1").await.status, 200);
    node.get("/ready?strct=1").await.problem(400, "unknown_parameter");
    assert_eq!(node.get("/?utm_source=mail").await.status, 200, "pages take what links have");
}

#[tokio::test]
async fn listings_of_a_run_that_never_was_are_refused() {
    let node = crate::support::TestNode::start(&[]);
    for listing in ["artifacts", "live-traces"] {
        let path = format!("/api/runs/none/{listing}");
        node.get(&path).await.problem(404, "run_not_found");
        assert!(node.get(&path).await.json()["maxBytes"].is_u64(), "the terms for uploads to it");
    }
    node.store("events", &crate::support::numbered(1, 1, 0)).await;
    assert_eq!(node.get_json("/api/runs/events/artifacts").await["artifacts"], json!([]));
    let put = node.try_send("PUT", "/api/runs/file/artifacts/a.log", &[], "hello").await.unwrap();
    assert_eq!(put.status, 201, "{put:?}");
    assert_eq!(node.get_json("/api/runs/file/live-traces").await["liveTraces"], json!([]));
}
