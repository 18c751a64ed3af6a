//! The compose file: its nodes, and what they expect of the services beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use runcast::config::{Config, ObjectsUrl};
use serde_json::Value;

use crate::image;
use crate::proxies::upstreams;
use crate::settings::{SPARE_SECS, buffers, bytes, config, millis};
use crate::yaml::{at, document, list, text};

fn compose() -> Value {
    document("docker-compose.yaml")
}

/// The nodes by name: what is set for each, the image's variables included.
fn nodes(compose: &Value) -> BTreeMap<String, BTreeMap<String, String>> {
    let services = at(compose, "/services").as_object().unwrap().iter();
    let nodes = services.filter(|(_, service)| service["image"].as_str().unwrap().starts_with("runcast:"));
    let environment = |service: &Value| -> BTreeMap<String, String> {
        let set = at(service, "/environment").as_object().unwrap().iter();
        let set = set.map(|(name, value)| (name.clone(), value.as_str().expect(name).to_owned()));
        image::environment().into_iter().chain(set).collect()
    };
    nodes.map(|(name, service)| (name.clone(), environment(service))).collect()
}

fn settings(environment: &BTreeMap<String, String>) -> Config {
    config("docker-compose.yaml", environment.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

#[test]
fn each_node_has_settings_that_hold_a_name_of_its_own_and_time_to_drain() {
    let compose = compose();
    let nodes = nodes(&compose);
    assert_eq!(nodes.len(), 3);
    for (name, environment) in &nodes {
        let settings = settings(environment);
        assert!(settings.is_cluster(), "{name}");
        let server = &settings.server;
        assert_eq!(&server.node_id, name);
        let service = &compose["services"][name];
        assert_eq!(text(service, "/image"), format!("runcast:{}", env!("CARGO_PKG_VERSION")));
        let grace = millis(text(service, "/stop_grace_period"));
        assert!(grace >= (server.drain_secs + SPARE_SECS) * 1_000, "{name}: {grace} ms for {} s", server.drain_secs);
        assert!(2 * buffers(&settings) <= bytes(text(service, "/mem_limit")), "{name}");
    }
}

#[test]
fn nginx_finds_the_nodes_and_they_trust_it() {
    let compose = compose();
    let nodes = nodes(&compose);
    let nginx = at(&compose, "/services/nginx");
    let own_address = text(nginx, "/networks/runcast/ipv4_address");
    let known: BTreeSet<_> = upstreams().into_iter().flatten().collect();
    let mut expected = BTreeSet::new();
    for (name, environment) in &nodes {
        let server = settings(environment).server;
        expected.insert(format!("{name}:{}", server.bind.port()));
        assert!(server.trusted_proxies.iter().any(|proxy| proxy.contains(own_address.parse().unwrap())), "{name}");
        let published = text(nginx, "/ports/0").split(':').nth(1).unwrap();
        assert_eq!(server.public_url, format!("http://localhost:{published}"));
    }
    assert_eq!(known, expected);
    let awaited: BTreeSet<_> = list(nginx, "/depends_on").iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(awaited, nodes.keys().map(String::as_str).collect());

    let mounted = text(nginx, "/volumes/0").split(':').next().unwrap();
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(mounted).is_file(), "{mounted}");
}

#[test]
fn stores_that_are_waited_for_say_when_they_are_well_and_are_where_the_nodes_look() {
    let compose = compose();
    for (name, environment) in nodes(&compose) {
        for (store, how) in at(&compose["services"][&name], "/depends_on").as_object().unwrap() {
            assert_eq!(how["condition"], "service_healthy");
            assert!(compose["services"][store]["healthcheck"]["test"].is_array(), "{store}");
        }
        let redis = &environment["RUNCAST__REDIS__URL"];
        assert!(redis.starts_with("redis://redis:") && compose["services"]["redis"].is_object(), "{redis}");
        let login = |key: &str| text(&compose, &format!("/services/postgres/environment/POSTGRES_{key}")).to_owned();
        let (user, password, database) = (login("USER"), login("PASSWORD"), login("DB"));
        let expected = format!("postgres://{user}:{password}@postgres:5432/{database}");
        assert_eq!(environment["RUNCAST__CATALOG__URL"], expected);
    }
}

#[test]
fn artifacts_are_in_a_volume_that_all_nodes_share_and_that_belongs_to_their_user() {
    let compose = compose();
    for (name, environment) in nodes(&compose) {
        let settings = settings(&environment);
        let service = &compose["services"][&name];
        let (volume, mounted) = text(service, "/volumes/0").split_once(':').unwrap();
        assert_eq!((volume, mounted), ("artifacts", settings.server.data_dir.to_str().unwrap()), "{name}");
        // The rest is read-only, and no other directory is made by anybody.
        assert_eq!(at(service, "/read_only"), true);
        let ObjectsUrl::Dir(objects) = &settings.objects.url else { panic!("{name} keeps no artifacts") };
        assert!(image::directories().contains(objects), "{} is not made by the image", objects.display());
        let spool = &settings.artifacts.spool_dir;
        assert!(spool.starts_with(mounted) && !spool.starts_with(objects), "{}", spool.display());
        let keys: BTreeSet<_> =
            nodes(&compose).into_values().map(|set| set["RUNCAST__OBJECTS__SIGNING_KEY"].clone()).collect();
        assert_eq!(keys.len(), 1, "one key for all nodes");
    }
}

#[test]
fn what_is_to_stay_is_in_volumes_that_have_names() {
    let compose = compose();
    let named = at(&compose, "/volumes").as_object().unwrap();
    for service in ["runcast-1", "redis", "postgres"] {
        let volumes = list(&compose["services"][service], "/volumes");
        let volume = volumes[0].as_str().unwrap().split(':').next().unwrap();
        assert!(volumes.len() == 1 && named.contains_key(volume), "{service}: {volumes:?}");
    }
    assert_eq!(named.len(), 3, "each is used");
}
