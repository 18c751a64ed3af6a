//! Content security policies of the pages and their scripts: nothing from elsewhere but what is downloaded from the store
//! of artifacts, no inline script or style, and no script but ours in any sink.

use crate::config::ObjectsConfig;

use super::super::storage_source::storage_source;

/// The content security policies.
#[derive(Clone, Debug)]
pub struct PagePolicies {
    /// A space and the source of downloads, if they are redirected.
    storage: String,
}

impl PagePolicies {
    /// The policies for this store of artifacts.
    pub fn new(objects: &ObjectsConfig) -> Self {
        Self { storage: storage_source(objects).map(|source| format!(" {source}")).unwrap_or_default() }
    }

    /// That of a page. It opens a socket to the host that it is from: some browsers do not count a socket as `'self'`.
    pub(super) fn of_page(&self, host: Option<&str>) -> String {
        let (storage, sockets) = (&self.storage, sockets(host));
        format!(
            "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:{storage}; \
             media-src 'self'{storage}; connect-src 'self'{sockets}{storage}; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types runcast"
        )
    }

    /// That of a script, which matters where the script is a worker: it loads its own parts late.
    pub(super) fn of_script(&self, host: Option<&str>) -> String {
        let sockets = sockets(host);
        format!(
            "default-src 'none'; script-src 'self'; connect-src 'self'{sockets}; require-trusted-types-for 'script'; \
             trusted-types 'none'"
        )
    }
}

/// Sources for sockets to a host.
fn sockets(host: Option<&str>) -> String {
    host.map(|host| format!(" ws://{host} wss://{host}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BucketSetting, ObjectsUrl};

    #[test]
    fn a_page_loads_from_its_own_host_and_from_the_store_alone() {
        let own = PagePolicies::new(&ObjectsConfig::default());
        let policy = own.of_page(Some("runs.test:3001"));
        assert!(policy.contains("connect-src 'self' ws://runs.test:3001 wss://runs.test:3001;"), "{policy}");
        assert!(policy.contains("img-src 'self' blob: data:; media-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");

        let bucket = BucketSetting { name: "b".into(), prefix: String::new() };
        let objects = ObjectsConfig { url: ObjectsUrl::Gcs(bucket), ..Default::default() };
        let policy = PagePolicies::new(&objects).of_page(None);
        for directive in ["img-src 'self' blob: data:", "media-src 'self'", "connect-src 'self'"] {
            assert!(policy.contains(&format!("{directive} https://storage.googleapis.com;")), "{policy}");
        }
        assert!(policy.contains("script-src 'self';"), "{policy}");
    }
}
