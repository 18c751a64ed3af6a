//! How the descriptors of the process are shared out: to connections, and to what holds one for an artifact.

use std::num::NonZero;

use crate::artifacts::CHANGES_AT_A_TIME;
use crate::config::{Config, ObjectsUrl};
use crate::descriptors::Descriptors;
use crate::storage::objects::READS_AT_A_TIME;

/// Descriptors of a compression: the original, the smaller form, a connection to the store, a directory.
const PER_COMPRESSION: usize = 4;

/// Connections of `server.ops_bind`: scrapers, probes, and the browsers of a few people. Further ones wait in the kernel.
pub(super) const OPS_CONNECTIONS: usize = 64;

/// How many of each there may be at a time. Together they leave the reserve free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Connections: `server.max_connections`, as far as the limit allows.
    pub connections: usize,
    /// Uploads: `artifacts.max_uploads`, as far as the limit allows. Each has a file, or a connection to a bucket.
    pub uploads: usize,
    /// Artifacts that are read from a bucket: `artifacts.max_downloads`, as far as the limit allows.
    pub downloads: usize,
}

impl Shares {
    /// As configured, under this limit.
    pub fn of(config: &Config, limits: Descriptors) -> Self {
        let (server, artifacts) = (&config.server, &config.artifacts);
        let (uploads, downloads, others) = match &config.objects.url {
            ObjectsUrl::None => (0, 0, 0),
            ObjectsUrl::Usual if config.is_cluster() => (0, 0, 0),
            ObjectsUrl::Usual | ObjectsUrl::Dir(_) => {
                (artifacts.max_uploads, 0, of_compression(config) + READS_AT_A_TIME)
            }
            ObjectsUrl::S3(_) | ObjectsUrl::Gcs(_) | ObjectsUrl::Azure(_) => {
                let others = of_compression(config) + READS_AT_A_TIME + CHANGES_AT_A_TIME;
                (artifacts.max_uploads, artifacts.max_downloads, others)
            }
        };
        let others = others + if server.ops_bind.0.is_some() { OPS_CONNECTIONS } else { 0 };
        let wanted = uploads + downloads + others;
        let had = limits.files(server.max_connections, wanted);
        let connections = limits.connections(server.max_connections, had);
        if had == wanted {
            return Self { connections, uploads, downloads };
        }
        let left = had.saturating_sub(others);
        let part = |of: usize| match of {
            0 => 0,
            of => (left * of / (uploads + downloads)).clamp(1, of),
        };
        Self { connections, uploads: part(uploads), downloads: part(downloads) }
    }
}

/// Compressions at a time.
pub(super) fn compressions(config: &Config) -> usize {
    match config.artifacts.compress_threads {
        0 => (std::thread::available_parallelism().map_or(1, NonZero::get) - 1).max(1),
        threads => threads,
    }
}

fn of_compression(config: &Config) -> usize {
    PER_COMPRESSION * compressions(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BucketSetting, OpsBind};

    fn shares(soft: u64, connections: usize) -> Shares {
        let mut config = Config::default();
        config.artifacts.compress_threads = 1;
        config.server.max_connections = connections;
        Shares::of(&config, Descriptors { soft, hard: soft })
    }

    #[test]
    fn connections_uploads_and_files_fit_under_the_limit_together() {
        // 64 in reserve, 64 uploads, 4 of a compression, 16 reads.
        assert_eq!(shares(400, 0), Shares { connections: 400 - 64 - 84, uploads: 64, downloads: 0 });
        assert_eq!(shares(400, 100), Shares { connections: 100, uploads: 64, downloads: 0 });
        assert_eq!(shares(20_000, 0), Shares { connections: 20_000 - 1_024 - 84, uploads: 64, downloads: 0 });
    }

    #[test]
    fn a_listener_for_operators_has_a_share_of_its_own() {
        let mut config = Config::default();
        config.artifacts.compress_threads = 1;
        config.server.ops_bind = OpsBind(Some("127.0.0.1:0".parse().unwrap()));
        let shares = Shares::of(&config, Descriptors { soft: 20_000, hard: 20_000 });
        assert_eq!(shares, Shares { connections: 20_000 - 1_024 - 84 - 64, uploads: 64, downloads: 0 });
    }

    #[test]
    fn where_descriptors_are_few_three_quarters_of_them_are_for_connections() {
        assert_eq!(shares(144, 0), Shares { connections: 60, uploads: 1, downloads: 0 });
        assert_eq!(shares(256, 0), Shares { connections: 144, uploads: 28, downloads: 0 });
        assert_eq!(shares(256, 110), Shares { connections: 110, uploads: 62, downloads: 0 });
    }

    #[test]
    fn what_is_read_from_a_bucket_counts_and_nothing_where_no_artifacts_are_kept() {
        let mut config = Config::default();
        config.artifacts.compress_threads = 1;
        config.objects.url = ObjectsUrl::S3(BucketSetting { name: "b".into(), prefix: String::new() });
        let limits = Descriptors { soft: 1_000, hard: 1_000 };
        // 64 uploads, 64 reads that somebody may hold up, 4 of a compression, 16 reads, 16 changes.
        assert_eq!(Shares::of(&config, limits), Shares { connections: 900 - 164, uploads: 64, downloads: 64 });
        config.objects.url = ObjectsUrl::None;
        assert_eq!(Shares::of(&config, limits), Shares { connections: 900, uploads: 0, downloads: 0 });
    }
}
