//! nginx and HAProxy: what their files say in numbers follows from the configuration.

use std::collections::BTreeSet;

use runcast::config::Config;

use crate::settings::{READY_SECS, bytes, longest_silence, millis};
use crate::shipped;
use crate::yaml::{document, text};

/// The words behind a directive, wherever it stands alone at the beginning of a line.
fn every(file: &str, directive: &str) -> Vec<Vec<String>> {
    let words = |line: &str| -> Option<Vec<String>> {
        let rest = line.trim().strip_prefix(directive)?.strip_prefix(' ')?;
        Some(rest.trim_end_matches(';').split_whitespace().map(str::to_owned).collect())
    };
    shipped(file).lines().filter_map(words).collect()
}

/// The first word behind a directive that stands once.
#[track_caller]
fn one(file: &str, directive: &str) -> String {
    let found = every(file, directive);
    assert_eq!(found.len(), 1, "{directive} in {file}");
    found[0][0].clone()
}

/// The nodes of each of nginx's upstreams.
pub(crate) fn upstreams() -> Vec<BTreeSet<String>> {
    let text = shipped("nginx/runcast.conf");
    let blocks = text.split("\nupstream ").skip(1).map(|block| block.split("\n}").next().unwrap());
    let nodes = |block: &str| -> BTreeSet<String> {
        let servers = block.lines().filter_map(|line| line.trim().strip_prefix("server "));
        servers.map(|server| server.split(' ').next().unwrap().to_owned()).collect()
    };
    blocks.map(nodes).collect()
}

/// `server.drain_notice_secs`, as the files of `deploy/` set it, in milliseconds.
fn notice() -> u64 {
    let map = document("kubernetes/base/configmap.yaml");
    let notice = text(&map, "/data/RUNCAST__SERVER__DRAIN_NOTICE_SECS");
    let unit = shipped("systemd/runcast.service");
    assert!(unit.contains(&format!("DRAIN_NOTICE_SECS={notice}\n")), "the same everywhere");
    millis(notice)
}

#[test]
fn both_are_more_patient_than_any_silence_is_long() {
    for directive in ["proxy_read_timeout", "proxy_send_timeout", "send_timeout"] {
        let all = every("nginx/runcast.conf", directive);
        assert!(
            !all.is_empty() && all.iter().all(|words| millis(&words[0]) > longest_silence()),
            "{directive}: {all:?}"
        );
    }
    for directive in ["timeout client", "timeout server", "timeout tunnel"] {
        assert!(millis(&one("haproxy/haproxy.cfg", directive)) > longest_silence(), "{directive}");
    }
    let page = shipped("aws-alb.md");
    let idle = page.split_once("`idle_timeout.timeout_seconds` | ").unwrap().1.split(' ').next().unwrap();
    assert!(millis(idle) > longest_silence());
    assert!(millis(idle) < Config::default().server.keep_alive_secs * 1_000);
}

#[test]
fn nginx_lets_pass_what_runcast_takes() {
    let ingest = Config::default().ingest;
    let all = every("nginx/runcast.conf", "client_max_body_size");
    let [of_all, of_artifacts] = all.as_slice() else { panic!("{all:?}") };
    assert!(bytes(&of_all[0]) > ingest.max_batch_bytes.max(ingest.frame_bytes) as u64, "{of_all:?}");
    assert_eq!(of_artifacts[0], "0", "as many as artifacts.max_bytes allows");
}

#[test]
fn nginx_closes_idle_connections_before_the_node_does() {
    let kept = millis(&one("nginx/runcast.conf", "keepalive_timeout"));
    assert!(kept < Config::default().server.keep_alive_secs * 1_000 && kept < notice(), "{kept} ms");
}

#[test]
fn haproxy_notices_within_the_notice_and_waits_for_the_answer() {
    let words = every("haproxy/haproxy.cfg", "default-server").remove(0);
    let of = |name: &str| words[1 + words.iter().position(|word| word == name).unwrap()].clone();
    let after_first = (of("fall").parse::<u64>().unwrap() - 1) * millis(&of("fastinter"));
    assert!(millis(&of("inter")) + after_first < notice());
    assert!(millis(&one("haproxy/haproxy.cfg", "timeout check")) >= READY_SECS * 1_000);
    assert!(!words.iter().any(|word| word == "on-marked-down"), "it would cut the viewers of a node that drains");
}

#[test]
fn both_name_the_same_nodes_at_the_default_port() {
    let servers = every("haproxy/haproxy.cfg", "server");
    let nodes: BTreeSet<_> = servers.iter().map(|words| words[1].clone()).collect();
    let port = format!(":{}", Config::default().server.bind.port());
    assert!(nodes.len() == 3 && nodes.iter().all(|node| node.ends_with(&port)), "{nodes:?}");
    assert_eq!(servers.len(), 2 * nodes.len(), "checked, and unchecked for when no check is passed");
    assert_eq!(upstreams(), [nodes.clone(), nodes]);
}
