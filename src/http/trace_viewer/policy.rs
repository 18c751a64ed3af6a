//! Content security policies of the trace viewer's files.

use crate::config::{AddressingSetting, BucketSetting, ObjectsConfig, ObjectsUrl};

use super::{PAGES, WORKER};

/// Hash of the only inline script of `index.html`. The script warns about pages opened from a disk, which ours are not.
/// Without the hash, each visit would log an error in the console.
const INLINE_SCRIPT: &str = "'sha256-Ri7HXsDkiKl7epMiRQ8YMyWU6zrse3V3f6urxKM76qA='";

/// What a page may connect to.
const OWN: &str = "connect-src 'self'";

/// The content security policies, by kind of file.
#[derive(Debug)]
pub(super) struct Policies {
    page: String,
    worker: String,
}

/// The origin of a bucket's signed URLs; `None` for a directory, whose signed URLs lead to this server.
fn storage_source(objects: &ObjectsConfig) -> Option<String> {
    let given = [&objects.public_url, &objects.endpoint].into_iter().find(|url| !url.is_empty());
    let given = given.map(|url| url.trim_end_matches('/').to_owned());
    let in_host = |bucket: &BucketSetting, origin: String| match (objects.addressing, origin.split_once("://")) {
        (AddressingSetting::Host, Some((scheme, host))) => format!("{scheme}://{}.{host}", bucket.name),
        _ => origin,
    };
    match &objects.url {
        ObjectsUrl::Usual | ObjectsUrl::None | ObjectsUrl::Dir(_) => None,
        ObjectsUrl::S3(bucket) => {
            let origin = given.unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", objects.region));
            Some(in_host(bucket, origin))
        }
        ObjectsUrl::Gcs(_) => Some(given.unwrap_or_else(|| "https://storage.googleapis.com".into())),
        // The account's name may come from the environment.
        ObjectsUrl::Azure(_) => Some(given.unwrap_or_else(|| "https://*.blob.core.windows.net".into())),
    }
}

impl Policies {
    pub(super) fn new(objects: &ObjectsConfig) -> Self {
        // Inline styles: the colours of the console and of errors are attributes. `data:` frames: the blank page before
        // a snapshot.
        let page = format!(
            "default-src 'none'; script-src 'self' {INLINE_SCRIPT}; style-src 'self' 'unsafe-inline'; img-src 'self' blob: \
             data:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self' data:; worker-src \
             'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        // The worker fetches the traces, including from where the server redirects it to.
        let storage = storage_source(objects).map(|source| format!(" {source}")).unwrap_or_default();
        Self { page, worker: format!("default-src 'none'; connect-src 'self'{storage}") }
    }

    /// The policy of a live trace's page, which opens a socket to the host that it is from. Some browsers do not count
    /// a socket as `'self'`.
    pub(super) fn of_live(&self, host: Option<&str>) -> String {
        match host {
            Some(host) => self.page.replacen(OWN, &format!("{OWN} ws://{host} wss://{host}"), 1),
            None => self.page.clone(),
        }
    }

    pub(super) fn of(&self, file: &str) -> &str {
        match file {
            WORKER => &self.worker,
            page if PAGES.contains(&page) => &self.page,
            _ => "default-src 'none'; sandbox",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(url: &str, change: impl FnOnce(&mut ObjectsConfig)) -> Option<String> {
        let url = ObjectsUrl::try_from(url.to_owned()).unwrap();
        let mut objects = ObjectsConfig { url, ..Default::default() };
        change(&mut objects);
        storage_source(&objects)
    }

    #[test]
    fn the_worker_reaches_the_host_of_signed_urls_and_no_other() {
        for own in ["", "none:", "dir:objects"] {
            assert_eq!(source(own, |_| {}), None, "{own}");
        }
        let given = |url: &str, source: Option<String>| assert_eq!(source.as_deref(), Some(url));
        given("https://s3.us-east-1.amazonaws.com", source("s3://runs", |_| {}));
        given(
            "https://runs.s3.us-east-1.amazonaws.com",
            source("s3://runs/ci", |o| o.addressing = AddressingSetting::Host),
        );
        given("https://storage.googleapis.com", source("gs://runs", |_| {}));
        given("https://*.blob.core.windows.net", source("az://runs", |_| {}));
        let minio = |o: &mut ObjectsConfig| o.endpoint = "http://minio:9000/".into();
        given("http://minio:9000", source("s3://runs", minio));
        given(
            "https://files.example.org",
            source("s3://runs", |o| {
                minio(o);
                o.public_url = "https://files.example.org".into();
            }),
        );

        let objects = ObjectsConfig {
            url: ObjectsUrl::Gcs(BucketSetting { name: "b".into(), prefix: String::new() }),
            ..Default::default()
        };
        let worker = "default-src 'none'; connect-src 'self' https://storage.googleapis.com";
        assert_eq!(Policies::new(&objects).of(WORKER), worker);
        assert_eq!(Policies::new(&ObjectsConfig::default()).of(WORKER), "default-src 'none'; connect-src 'self'");
    }

    #[test]
    fn only_pages_and_the_worker_may_do_anything() {
        let policies = Policies::new(&ObjectsConfig::default());
        assert!(PAGES.iter().all(|page| policies.of(page).contains("script-src 'self' 'sha256-")));
        assert_eq!(policies.of("playwright-logo.svg"), "default-src 'none'; sandbox");
    }

    #[test]
    fn the_page_of_a_live_trace_opens_a_socket_to_its_own_host_only() {
        let policies = Policies::new(&ObjectsConfig::default());
        let live = policies.of_live(Some("runs.test:3001"));
        assert_eq!(live.replace(" ws://runs.test:3001 wss://runs.test:3001", ""), policies.of(PAGES[0]));
        assert!(live.contains("connect-src 'self' ws://runs.test:3001 wss://runs.test:3001;"), "{live}");
        assert_eq!(policies.of_live(None), policies.of(PAGES[0]));
    }
}
