//! The autoscaler: what it scales is there and leaves the number to it, and pods that go have the time to.

use serde_json::Value;

use crate::settings::millis;
use crate::yaml::{at, document, list, number, text};

fn scaler() -> Value {
    document("kubernetes/base/horizontalpodautoscaler.yaml")
}

#[test]
fn the_autoscaler_finds_the_deployment_which_leaves_the_number_of_pods_to_it() {
    let (scaler, deployment) = (scaler(), document("kubernetes/base/deployment.yaml"));
    for name in ["apiVersion", "kind"] {
        assert_eq!(at(&scaler, &format!("/spec/scaleTargetRef/{name}")), &deployment[name]);
    }
    assert_eq!(text(&scaler, "/spec/scaleTargetRef/name"), text(&deployment, "/metadata/name"));
    assert_eq!(deployment.pointer("/spec/replicas"), None, "each apply would set the number again");
    // Each metric is a share of what the pods ask for.
    for metric in list(&scaler, "/spec/metrics") {
        let resource = text(metric, "/resource/name");
        let asked = format!("/spec/template/spec/containers/0/resources/requests/{resource}");
        assert!(!text(&deployment, &asked).is_empty());
        assert!(number(metric, "/resource/target/averageUtilization") < 100);
    }
}

#[test]
fn there_are_pods_left_while_one_is_drained_and_another_dies() {
    let (scaler, budget) = (scaler(), document("kubernetes/base/poddisruptionbudget.yaml"));
    let (least, most) = (number(&scaler, "/spec/minReplicas"), number(&scaler, "/spec/maxReplicas"));
    assert!(least >= 2 + number(&budget, "/spec/maxUnavailable") && least < most, "{least} to {most}");
}

#[test]
fn a_pod_that_is_too_many_drains_before_the_next_one_does() {
    let (scaler, deployment) = (scaler(), document("kubernetes/base/deployment.yaml"));
    let grace = number(&deployment, "/spec/template/spec/terminationGracePeriodSeconds");
    let down = at(&scaler, "/spec/behavior/scaleDown");
    let [policy] = list(down, "/policies") else { panic!("one policy says how fast: {down}") };
    assert_eq!((text(policy, "/type"), number(policy, "/value")), ("Pods", 1));
    assert!(number(policy, "/periodSeconds") > grace, "{policy} for {grace} s");
    assert!(number(down, "/stabilizationWindowSeconds") * 1_000 >= millis("5m"), "{down}");
}
