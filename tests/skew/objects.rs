//! Artifacts of a cluster of both versions.

use serde_json::Value;

use super::support::{SOON, Site, eventually};
use super::{both_ways, mixed};

/// What the link brings that `node` gives for the artifact, when `from` is asked for it.
async fn download(node: &Site, from: &Site, run: &str, id: &str) -> String {
    let link = node.get_json(&format!("/api/runs/{run}/artifacts/{id}/download?encoding=identity")).await;
    let url = link["downloadUrl"].as_str().unwrap();
    let reply = from.get(&url[url.find("/api/").unwrap()..]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.text
}

#[tokio::test]
async fn what_is_uploaded_to_one_version_is_handed_out_and_removed_by_the_other() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    for (here, there, run) in both_ways(&cluster) {
        let sent: String = (0..20_000).map(|n| format!("line {n} of {run}\n")).collect();
        let made = here.try_send("PUT", &format!("/api/runs/{run}/artifacts/a.log"), &[], sent.clone()).await.unwrap();
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        let artifact = if made["artifact"].is_null() { &made } else { &made["artifact"] };
        let id = artifact["artifactId"].as_str().unwrap_or_else(|| panic!("{made}"));
        // Before and after it has been compressed, by whichever node; and a link is good at both.
        let state = async || there.get_json(&format!("/api/runs/{run}/artifacts")).await["artifacts"][0].clone();
        assert!(download(there, there, run, id).await == sent);
        eventually!(state().await, |row| row["compression"] != "pending" && row["state"] == "ready", SOON);
        assert!(download(there, here, run, id).await == sent && download(here, there, run, id).await == sent);

        let told: Vec<Value> =
            there.stored_once_heard(run, 1).await.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        assert!(told[0]["type"] == "artifact" && told[0]["artifactId"] == id, "{told:?}");

        let gone = there.try_send("DELETE", &format!("/api/runs/{run}/artifacts/{id}"), &[], "").await.unwrap();
        assert_eq!(gone.status, 204, "{gone:?}");
        here.get(&format!("/api/runs/{run}/artifacts/{id}")).await.problem(410, "artifact_gone");
    }
}
