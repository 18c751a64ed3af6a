//! The variants of the manifests that keep artifacts: in a bucket, and on a volume.

use std::collections::BTreeMap;

use runcast::config::{Config, ConfigSources, ObjectsUrl};
use serde_json::Value;

use crate::image;
use crate::kustomize::built;
use crate::settings::config;
use crate::yaml::{at, list, text};

const POD: &str = "/spec/template/spec";

/// What the pods of a variant are told, with `changes`, such as who installs it has to make.
fn environment(variant: &BTreeMap<String, Value>, changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = image::environment().into_iter().collect();
    for (kind, pointer) in [("ConfigMap runcast", "/data"), ("Secret runcast", "/stringData")] {
        let set = at(&variant[kind], pointer).as_object().unwrap().iter();
        all.extend(set.map(|(name, value)| (name.clone(), value.as_str().expect(name).to_owned())));
    }
    for (name, value) in changes {
        assert!(
            all.insert((*name).to_owned(), (*value).to_owned()).is_some(),
            "{name} is nothing that is to be changed"
        );
    }
    all
}

fn settings(folder: &str, changes: &[(&str, &str)]) -> Config {
    let keys = ("RUNCAST__AUTH__SIGNING_KEYS", "0123456789abcdef0123456789abcdef");
    let all = environment(&built(folder), &[changes, &[keys]].concat());
    let settings = config(folder, all.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    assert!(settings.is_cluster(), "{folder}");
    settings
}

#[test]
fn with_a_bucket_the_pods_have_its_name_and_its_keys() {
    let objects = settings("s3", &[]).objects;
    assert!(matches!(objects.url, ObjectsUrl::S3(_)), "{:?}", objects.url);
    assert!(!objects.access_key.is_empty() && !objects.secret_key.is_empty());
    let secret = &built("s3")["Secret runcast"];
    for key in ["RUNCAST__OBJECTS__ACCESS_KEY", "RUNCAST__OBJECTS__SECRET_KEY"] {
        assert_eq!(text(secret, &format!("/stringData/{key}")), "change-me");
    }
    // Nothing else is another.
    assert_eq!(built("s3")["Deployment runcast"], built("base")["Deployment runcast"]);
}

#[test]
fn with_a_volume_all_pods_mount_it_where_their_artifacts_are() {
    let all = built("volume");
    let key = ("RUNCAST__OBJECTS__SIGNING_KEY", "0123456789abcdef0123456789abcdef");
    let ObjectsUrl::Dir(objects) = settings("volume", &[key]).objects.url else { panic!("no directory") };
    let deployment = &all["Deployment runcast"];
    let mounts = list(deployment, &format!("{POD}/containers/0/volumeMounts"));
    let mount = mounts.iter().find(|mount| text(mount, "/mountPath") == objects.to_str().unwrap());
    let mount = mount.unwrap_or_else(|| panic!("nothing is mounted at {}", objects.display()));
    assert_eq!(mount.get("readOnly"), None);
    let volumes = list(deployment, &format!("{POD}/volumes"));
    let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
    let claim = &all[&format!("PersistentVolumeClaim {}", text(volume, "/persistentVolumeClaim/claimName"))];
    assert_eq!(at(claim, "/spec/accessModes"), &serde_json::json!(["ReadWriteMany"]), "pods are on several machines");
    // The directories of the base stay.
    assert_eq!(mounts.len(), 3);
    let names = |listed: &[Value]| listed.iter().map(|item| text(item, "/name").to_owned()).collect::<Vec<_>>();
    assert_eq!(names(mounts), names(volumes));
}

#[test]
fn with_a_volume_no_pod_starts_with_the_key_that_everybody_can_read() {
    let environment = environment(&built("volume"), &[]);
    let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let refused = Config::load(&ConfigSources { environment, ..ConfigSources::default() });
    let refused = refused.unwrap_err().to_string();
    for key in ["objects.signing_key", "auth.signing_keys"] {
        assert!(refused.contains(key) && refused.contains("32"), "{refused}");
    }
}
