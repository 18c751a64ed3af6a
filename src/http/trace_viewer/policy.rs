//! Content security policies of the trace viewer's files.

use crate::config::ObjectsConfig;

use super::super::storage_source::storage_source;
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
    use crate::config::{BucketSetting, ObjectsUrl};

    #[test]
    fn the_worker_reaches_the_host_of_signed_urls_and_no_other() {
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
