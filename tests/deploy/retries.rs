//! What a balancer repeats when a node dies of a request: what is idempotent, once. Nothing else.

use crate::balancer::{Balancer, Kind};
use crate::quitter::{Quitter, Seen};
use crate::support::Reply;

/// How often nodes saw the request, of which each of three died, and the answer.
async fn sent(kind: Kind, method: &str, headers: &[(&str, &str)]) -> (usize, Reply) {
    let seen = Seen::default();
    let quitters = [Quitter::start(&seen).await, Quitter::start(&seen).await, Quitter::start(&seen).await];
    let balancer = Balancer::start(kind, &quitters.each_ref().map(|quitter| quitter.address), &[]).await;
    let path = "/api/runs/r/events";
    let headers = [&[("content-type", "application/json")], headers].concat();
    let body = if method == "POST" { r#"{"type":"log"}"# } else { "" };
    let reply = balancer.try_send(method, path, &headers, body).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|line| *line == format!("{method} {path} HTTP/1.1")), "{seen:?}");
    (seen.len(), reply)
}

async fn only_what_is_idempotent_is_repeated_and_once(kind: Kind) {
    let numbered = [("runcast-producer", "p"), ("runcast-producer-seq", "1")];
    for (method, headers, times) in [("GET", &[][..], 2), ("POST", &numbered, 2), ("POST", &[], 1)] {
        let (seen, reply) = sent(kind, method, headers).await;
        assert_eq!((seen, reply.status), (times, 502), "{method} {headers:?}");
    }
}

#[tokio::test]
async fn nginx_repeats_only_what_is_idempotent_and_once() {
    only_what_is_idempotent_is_repeated_and_once(Kind::Nginx).await;
}

#[tokio::test]
async fn haproxy_repeats_only_what_is_idempotent_and_once() {
    only_what_is_idempotent_is_repeated_and_once(Kind::HaProxy).await;
}
