//! The manifests: their parts find one another, and they agree with the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use runcast::config::Config;
use serde_json::Value;

use crate::image;
use crate::settings::{READY_SECS, SPARE_SECS, buffers, bytes, config, longest_silence, millis};
use crate::yaml::{at, document, documents, list, number, text};

const POD: &str = "/spec/template";
const CONTAINER: &str = "/spec/template/spec/containers/0";

fn deployment() -> Value {
    document("kubernetes/base/deployment.yaml")
}

/// What hangs below the container.
#[track_caller]
fn of_container(rest: &str) -> Value {
    at(&deployment(), &format!("{CONTAINER}{rest}")).clone()
}

fn environment() -> BTreeMap<String, String> {
    let mut all: BTreeMap<_, _> = image::environment().into_iter().collect();
    for (file, pointer) in [("kubernetes/base/configmap.yaml", "/data"), ("kubernetes/base/secret.yaml", "/stringData")]
    {
        let document = document(file);
        for (name, value) in at(&document, pointer).as_object().unwrap() {
            let value = value.as_str().unwrap_or_else(|| panic!("{name} needs quotes"));
            all.insert(name.clone(), value.to_owned());
        }
    }
    let signing = all.insert("RUNCAST__AUTH__SIGNING_KEYS".to_owned(), "0123456789abcdef0123456789abcdef".to_owned());
    assert_eq!(signing.as_deref(), Some("change-me"), "it is to be changed");
    for variable in list(&of_container("/env"), "") {
        all.insert(text(variable, "/name").to_owned(), "runcast-6f7d9c-x2x4z".to_owned());
    }
    all
}

fn settings() -> Config {
    config("kubernetes", environment().iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

#[test]
fn the_kustomization_has_every_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes/base");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<_> = files.filter(|file| file != "kustomization.yaml").collect();
    let listed = document("kubernetes/base/kustomization.yaml");
    let listed: BTreeSet<_> =
        list(&listed, "/resources").iter().map(|file| file.as_str().unwrap().to_owned()).collect();
    assert_eq!(files, listed);
    for file in files {
        for document in documents(&format!("kubernetes/base/{file}")) {
            assert!(!text(&document, "/apiVersion").is_empty() && !text(&document, "/metadata/name").is_empty());
        }
    }
}

#[test]
fn selectors_find_the_pods_and_ports_are_open() {
    let deployment = deployment();
    let labels = at(&deployment, &format!("{POD}/metadata/labels"));
    let mut selectors = vec![at(&deployment, "/spec/selector/matchLabels").clone()];
    let spread = list(&deployment, &format!("{POD}/spec/topologySpreadConstraints"));
    selectors.extend(spread.iter().map(|constraint| at(constraint, "/labelSelector/matchLabels").clone()));
    let budget = document("kubernetes/base/poddisruptionbudget.yaml");
    selectors.push(at(&budget, "/spec/selector/matchLabels").clone());
    let policy = document("kubernetes/base/networkpolicy.yaml");
    selectors.push(at(&policy, "/spec/podSelector/matchLabels").clone());
    let services = documents("kubernetes/base/service.yaml");
    selectors.extend(services.iter().map(|service| at(service, "/spec/selector").clone()));
    assert_eq!(selectors.len(), 7);
    for selector in selectors {
        assert_eq!(&selector, labels);
    }
    assert_eq!(number(&budget, "/spec/maxUnavailable"), 1);

    let port = of_container("/ports/0");
    assert_eq!(number(&port, "/containerPort"), u64::from(settings().server.bind.port()));
    for service in &services {
        assert_eq!(at(service, "/spec/ports/0/targetPort"), at(&port, "/name"));
        assert_ne!(service.pointer("/spec/sessionAffinity").and_then(Value::as_str), Some("ClientIP"));
    }
    assert_eq!(at(&policy, "/spec/ingress/0/ports/0/port"), at(&port, "/name"));
    assert_eq!(text(&services[1], "/spec/clusterIP"), "None", "the second one is headless");
    let scrape = text(&deployment, &format!("{POD}/metadata/annotations/prometheus.io~1port"));
    assert_eq!(scrape, number(&port, "/containerPort").to_string());
}

#[test]
fn what_the_pod_refers_to_exists() {
    assert!(settings().is_cluster());
    let from = of_container("/envFrom");
    let (map, secret) = (document("kubernetes/base/configmap.yaml"), document("kubernetes/base/secret.yaml"));
    assert_eq!(text(&from, "/0/configMapRef/name"), text(&map, "/metadata/name"));
    assert_eq!(text(&from, "/1/secretRef/name"), text(&secret, "/metadata/name"));
    let (mount, deployment) = (of_container("/volumeMounts/0"), deployment());
    assert_eq!(text(&mount, "/name"), text(&deployment, &format!("{POD}/spec/volumes/0/name")));
    assert_eq!(text(&mount, "/mountPath"), settings().server.data_dir.to_str().unwrap());
    let user = number(&deployment, &format!("{POD}/spec/securityContext/runAsUser"));
    assert_eq!(image::last("USER"), format!("{user}:{user}"), "who owns the data directory");
    let image = of_container("/image");
    assert_eq!(image, format!("runcast:{}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_pod_has_the_time_to_drain_and_its_balancers_to_notice() {
    let (deployment, server) = (deployment(), settings().server);
    let grace = number(&deployment, &format!("{POD}/spec/terminationGracePeriodSeconds"));
    let before = number(&of_container("/lifecycle/preStop/sleep/seconds"), "");
    assert!(grace >= before + server.drain_secs + SPARE_SECS, "{grace} s for {before} + {} s", server.drain_secs);

    let ready = of_container("/readinessProbe");
    let noticed = number(&ready, "/periodSeconds") * number(&ready, "/failureThreshold");
    assert!(noticed < server.drain_notice_secs, "{noticed} s, of {}", server.drain_notice_secs);
}

#[test]
fn probes_ask_what_is_meant_for_them() {
    let (ready, live, start) =
        (of_container("/readinessProbe"), of_container("/livenessProbe"), of_container("/startupProbe"));
    assert_eq!(text(&ready, "/httpGet/path"), "/ready");
    for probe in [&live, &start] {
        // Or Redis being away would restart every pod.
        assert_eq!(text(probe, "/httpGet/path"), "/health");
    }
    for probe in [&ready, &live, &start] {
        assert_eq!(at(probe, "/httpGet/port"), &of_container("/ports/0/name"));
        assert!(number(probe, "/timeoutSeconds") >= READY_SECS);
    }
}

#[test]
fn what_settings_bound_fits_into_the_memory() {
    let bounded = buffers(&settings());
    let limit = bytes(text(&of_container("/resources"), "/limits/memory"));
    assert!(2 * bounded <= limit, "{bounded} bytes, and as much again for viewers, of {limit}");
}

#[test]
fn the_ingress_is_patient_and_takes_what_runcast_takes() {
    let (ingress, settings) = (document("kubernetes/base/ingress.yaml"), settings());
    let annotation = |name| text(&ingress, &format!("/metadata/annotations/nginx.ingress.kubernetes.io~1{name}"));
    for patience in ["proxy-read-timeout", "proxy-send-timeout"] {
        assert!(millis(annotation(patience)) > longest_silence(), "{patience}");
    }
    assert_eq!(annotation("proxy-body-size"), "0", "as many as artifacts.max_bytes allows");
    assert_eq!(annotation("proxy-request-buffering"), "off");
    assert!(!annotation("proxy-next-upstream").contains("non_idempotent"));

    let host = text(&ingress, "/spec/rules/0/host");
    assert_eq!(settings.server.public_url, format!("https://{host}"));
    assert_eq!(text(&ingress, "/spec/tls/0/hosts/0"), host);
}

#[test]
fn the_ingress_leads_to_every_route_but_those_for_operators() {
    let ingress = document("kubernetes/base/ingress.yaml");
    let paths = list(&ingress, "/spec/rules/0/http/paths");
    let service = &documents("kubernetes/base/service.yaml")[0];
    for path in paths {
        assert_eq!(at(path, "/backend/service/name"), at(service, "/metadata/name"));
        assert_eq!(at(path, "/backend/service/port/name"), at(service, "/spec/ports/0/name"));
    }
    let leads = |route: &str| {
        paths.iter().any(|path| match (text(path, "/path"), text(path, "/pathType")) {
            (path, "Exact") => route == path,
            (path, _) => route == path || route.starts_with(&format!("{path}/")),
        })
    };
    let openapi: Value = serde_json::from_str(include_str!("../../src/http/openapi.json")).unwrap();
    let inside = ["/ops", "/ready", "/metrics", "/api/actors", "/api/cleanup/stats", "/api/cleanup/run"];
    for route in openapi["paths"].as_object().unwrap().keys() {
        assert_eq!(leads(route), !inside.contains(&route.as_str()), "{route}");
    }
}
