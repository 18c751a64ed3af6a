//! What `kubectl apply -k` would apply: the resources of a kustomization with its patches, for the kinds of lists that ours have.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::yaml::{document, documents, list, text};

/// The manifests of a folder of `deploy/kubernetes` by kind and name.
pub(crate) fn built(folder: &str) -> BTreeMap<String, Value> {
    let kustomization = document(&format!("kubernetes/{folder}/kustomization.yaml"));
    let mut all = BTreeMap::new();
    for resource in list(&kustomization, "/resources") {
        let resource = resource.as_str().unwrap();
        if let Some(other) = resource.strip_prefix("../") {
            all.extend(built(other));
        } else {
            let found = documents(&format!("kubernetes/{folder}/{resource}"));
            all.extend(found.into_iter().map(|document| (name(&document), document)));
        }
    }
    for patch in kustomization["patches"].as_array().into_iter().flatten() {
        let patch = document(&format!("kubernetes/{folder}/{}", text(patch, "/path")));
        let patched = all.get_mut(&name(&patch)).unwrap_or_else(|| panic!("{folder} has no {}", name(&patch)));
        merge(patched, patch);
    }
    all
}

fn name(document: &Value) -> String {
    format!("{} {}", text(document, "/kind"), text(document, "/metadata/name"))
}

/// A strategic merge: objects by their keys, lists of objects by what names these.
fn merge(base: &mut Value, patch: Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(base), Value::Array(patch)) => {
            for item in patch {
                let key = if item.get("mountPath").is_some() { "mountPath" } else { "name" };
                match base.iter_mut().find(|known| known[key] == item[key]) {
                    Some(known) => merge(known, item),
                    None => base.push(item),
                }
            }
        }
        (base, patch) => *base = patch,
    }
}

/// Lists of objects in an order of their own: kustomize puts what is new first.
fn sorted(value: &mut Value) {
    match value {
        Value::Object(all) => all.values_mut().for_each(sorted),
        Value::Array(all) => {
            all.iter_mut().for_each(sorted);
            all.sort_by_key(ToString::to_string);
        }
        _ => {}
    }
}

#[test]
fn kubectl_makes_the_same_of_every_kustomization() {
    for folder in ["base", "s3", "volume"] {
        let path = format!("{}/deploy/kubernetes/{folder}", env!("CARGO_MANIFEST_DIR"));
        let made = match Command::new("kubectl").args(["kustomize", &path]).output() {
            Ok(made) => made,
            Err(error) => return eprintln!("kustomizations are not compared: kubectl: {error}"),
        };
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let made: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(made.stdout).unwrap()).unwrap();
        let mut made: BTreeMap<_, _> = made.into_iter().map(|document| (name(&document), document)).collect();
        let mut ours = built(folder);
        for all in [&mut made, &mut ours] {
            all.values_mut().for_each(sorted);
        }
        assert_eq!(made.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>(), "{folder}");
        for (name, document) in &ours {
            assert_eq!(&made[name], document, "{folder}: {name}");
        }
    }
}
