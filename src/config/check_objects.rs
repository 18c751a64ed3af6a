//! Finds settings of artifacts that contradict one another or the location where artifacts are stored.

use super::conflict::Conflict;
use super::legacy_env::SUPABASE_S3;
use super::{Config, JournalUrl, ObjectsUrl};

/// Most bytes of an object in a bucket: as many parts as S3 allows, of the size that keeps memory small; see
/// `storage::objects::ObjectWriter`.
const MAX_ELSEWHERE: u64 = 10_000 * (5 << 20);

/// Finds all settings of artifacts that contradict one another.
pub(super) fn conflicts(config: &Config) -> Vec<Conflict> {
    let mut found = match &config.objects.url {
        ObjectsUrl::Usual | ObjectsUrl::None | ObjectsUrl::Dir(_) => at_home(config),
        ObjectsUrl::S3(_) | ObjectsUrl::Gcs(_) | ObjectsUrl::Azure(_) => elsewhere(config),
    };
    found.extend(signing(config));
    if config.objects.access_key.is_empty() != config.objects.secret_key.is_empty() {
        found.push(conflict("objects.access_key", "objects.secret_key", "one is nothing without the other"));
    }
    let retention = &config.retention;
    if !retention.allow_zero && (retention.days == 0 || retention.rules.iter().any(|rule| rule.days == 0)) {
        let text = "0 days would delete artifacts as soon as they are there; if that is meant, set \
                    retention.allow_zero = true";
        let key = if retention.days == 0 { "retention.days" } else { "retention.rules" };
        found.push(conflict(key, "retention.allow_zero", text));
    }
    found
}

fn conflict(a: &'static str, b: &'static str, text: &str) -> Conflict {
    Conflict { keys: [a, b], text: text.to_owned() }
}

/// Conflicts when artifacts are in a directory, or are not kept.
fn at_home(config: &Config) -> Vec<Conflict> {
    let objects = &config.objects;
    let mut found = Vec::new();
    if let ObjectsUrl::Dir(path) = &objects.url
        && config.is_cluster()
        && path.is_relative()
    {
        let text = "the other nodes would not see the artifacts in a directory of this node: objects.url must be s3://, \
                    gs:// or az://, or dir: with the absolute path of a directory that all nodes share";
        found.push(conflict("objects.url", "journal.url", text));
    }
    for (key, is_set) in [
        ("objects.endpoint", !objects.endpoint.is_empty()),
        ("objects.public_url", !objects.public_url.is_empty()),
        ("objects.access_key", !objects.access_key.is_empty()),
        ("objects.credentials_file", !objects.credentials_file.as_os_str().is_empty()),
        ("objects.ca_file", !objects.ca_file.as_os_str().is_empty()),
    ] {
        if is_set {
            found.push(conflict(key, "objects.url", "would not be used: objects.url names no store elsewhere"));
        }
    }
    found
}

/// Conflicts when artifacts are in a bucket.
fn elsewhere(config: &Config) -> Vec<Conflict> {
    let objects = &config.objects;
    let mut found = Vec::new();
    if config.journal.url == JournalUrl::Memory {
        let text = "a store that stays would fill with artifacts that a catalog in memory forgets";
        found.push(conflict("objects.url", "journal.url", text));
    }
    if config.artifacts.max_bytes > MAX_ELSEWHERE {
        let text = format!("a bucket is written to in at most 10000 parts of 5 MiB: at most {MAX_ELSEWHERE} bytes");
        found.push(conflict("artifacts.max_bytes", "objects.url", &text));
    }
    let is_google = matches!(objects.url, ObjectsUrl::Gcs(_));
    if !is_google && !objects.credentials_file.as_os_str().is_empty() {
        let text = "would not be used: it is for gs://; S3 and Azure take objects.access_key and objects.secret_key";
        found.push(conflict("objects.credentials_file", "objects.url", text));
    }
    if is_google && !objects.access_key.is_empty() {
        let text = "would not be used: gs:// takes objects.credentials_file";
        found.push(conflict("objects.access_key", "objects.url", text));
    }
    if is_google && !objects.public_url.is_empty() {
        let text = "Google's signatures are for its own host: URLs with another one would be refused";
        found.push(conflict("objects.public_url", "objects.url", text));
    }
    if matches!(objects.url, ObjectsUrl::Azure(_)) && !objects.public_url.is_empty() && objects.endpoint.is_empty() {
        let text = "with az:// the one stands in for the other in signed URLs: both are needed";
        found.push(conflict("objects.public_url", "objects.endpoint", text));
    }
    if objects.endpoint.ends_with(SUPABASE_S3) && objects.access_key.is_empty() {
        let text = "Supabase's S3 takes the S3 access keys of the project, which no other key replaces: make a pair in its \
                    dashboard (Storage, S3, Access keys) and set objects.access_key, objects.secret_key and objects.region \
                    to what is shown there (RUNCAST__OBJECTS__ACCESS_KEY, RUNCAST__OBJECTS__SECRET_KEY, \
                    RUNCAST__OBJECTS__REGION)";
        found.push(conflict("objects.endpoint", "objects.access_key", text));
    }
    found
}

/// The conflict of a cluster that has no key for the server's own URLs: all nodes need the same key, and without
/// `objects.signing_key` or `objects.secret_key` they share none.
fn signing(config: &Config) -> Option<Conflict> {
    let objects = &config.objects;
    let keeps = !matches!(objects.url, ObjectsUrl::Usual | ObjectsUrl::None);
    let shares = !objects.signing_key.is_empty() || !objects.secret_key.is_empty();
    (config.is_cluster() && keeps && !shares).then(|| {
        let text =
            "the nodes of a cluster need one objects.signing_key: a URL that one node signed is shown to another";
        conflict("objects.signing_key", "objects.url", text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CatalogSetting, Secret};

    fn found(change: impl FnOnce(&mut Config)) -> Vec<[&'static str; 2]> {
        let mut config = Config::default();
        change(&mut config);
        conflicts(&config).into_iter().map(|conflict| conflict.keys).collect()
    }

    fn url(config: &mut Config, url: &str) {
        config.objects.url = url.to_owned().try_into().unwrap();
    }

    fn cluster(config: &mut Config) {
        config.journal.url = JournalUrl::Redis;
        config.catalog.url = CatalogSetting::Postgres(Secret::new("postgres://h/d"));
    }

    fn keys(config: &mut Config) {
        (config.objects.access_key, config.objects.secret_key) = (Secret::new("id"), Secret::new("secret"));
    }

    #[test]
    fn every_store_is_fine_as_it_is_meant() {
        assert_eq!(found(|_| {}), Vec::<[&str; 2]>::new());
        for store in ["s3://runs", "az://runs"] {
            let all = |config: &mut Config| {
                url(config, store);
                keys(config);
                cluster(config);
                config.objects.endpoint = "https://store.test".into();
                config.objects.public_url = "https://public.test".into();
            };
            assert_eq!(found(all), Vec::<[&str; 2]>::new(), "{store}");
        }
        let google = |config: &mut Config| {
            url(config, "gs://runs");
            cluster(config);
            config.objects.credentials_file = "key.json".into();
            config.objects.signing_key = Secret::new("x".repeat(32));
        };
        assert_eq!(found(google), Vec::<[&str; 2]>::new());
    }

    #[test]
    fn what_a_store_would_not_use_is_refused() {
        for (store, key) in [
            ("dir:objects", "objects.credentials_file"),
            ("dir:objects", "objects.ca_file"),
            ("s3://runs", "objects.credentials_file"),
            ("gs://runs", "objects.access_key"),
            ("gs://runs", "objects.public_url"),
        ] {
            let change = |config: &mut Config| {
                url(config, store);
                match key {
                    "objects.credentials_file" => config.objects.credentials_file = "key.json".into(),
                    "objects.ca_file" => config.objects.ca_file = "ca.pem".into(),
                    "objects.public_url" => config.objects.public_url = "https://h".into(),
                    _ => keys(config),
                }
            };
            assert_eq!(found(change), [[key, "objects.url"]], "{store}");
        }
    }

    #[test]
    fn zero_days_are_refused_unless_they_are_meant() {
        let meant = |config: &mut Config| config.retention.allow_zero = true;
        let days = |config: &mut Config| config.retention.days = 0;
        let rule = |config: &mut Config| config.retention.rules = vec!["video=0".parse().unwrap()];
        assert_eq!(found(days), [["retention.days", "retention.allow_zero"]]);
        assert_eq!(found(rule), [["retention.rules", "retention.allow_zero"]]);
        for set in [days as fn(&mut Config), rule] {
            let both = |config: &mut Config| {
                set(config);
                meant(config);
            };
            assert_eq!(found(both), Vec::<[&str; 2]>::new());
        }
    }

    #[test]
    fn nodes_that_share_a_store_need_a_key_that_they_share() {
        let shared = |store: &'static str| {
            move |config: &mut Config| {
                cluster(config);
                url(config, store);
            }
        };
        let signing = ["objects.signing_key", "objects.url"];
        for store in ["dir:/srv/objects", "s3://runs", "gs://runs"] {
            assert_eq!(found(shared(store)), [signing], "{store}");
        }
        let with_keys = |config: &mut Config| {
            shared("s3://runs")(config);
            keys(config);
        };
        assert_eq!(found(with_keys), Vec::<[&str; 2]>::new());
        assert_eq!(found(cluster), Vec::<[&str; 2]>::new(), "none are kept");
    }

    #[test]
    fn supabase_without_its_access_keys_says_where_they_are() {
        let mut config = Config::default();
        url(&mut config, "s3://runs");
        config.objects.endpoint = format!("https://abc.supabase.co{SUPABASE_S3}");
        let [told] = &conflicts(&config)[..] else { panic!("one conflict") };
        assert!(
            told.text.contains("Access keys") && told.text.contains("RUNCAST__OBJECTS__SECRET_KEY"),
            "{}",
            told.text
        );
        keys(&mut config);
        assert!(conflicts(&config).is_empty());
    }

    #[test]
    fn an_artifact_that_no_bucket_could_take_is_not_allowed() {
        let large = |config: &mut Config| config.artifacts.max_bytes = MAX_ELSEWHERE + 1;
        assert_eq!(found(large), Vec::<[&str; 2]>::new());
        let change = |config: &mut Config| {
            large(config);
            url(config, "s3://runs");
        };
        assert_eq!(found(change), [["artifacts.max_bytes", "objects.url"]]);
    }
}
