//! Where the node keeps something, for the metrics of disk space.

use super::super::Storage;
use super::objects::objects_options;
use crate::config::{CatalogSetting, Config, JournalUrl};
use crate::storage::objects::StoreLocation;
use crate::storage::space::usage::{Kept, SpaceUsage, WatchedDisk};

/// The disks and files of a node. What others keep for it, such as Redis, PostgreSQL and a bucket, is theirs to watch.
pub(in crate::app) fn usage(config: &Config, storage: &Storage) -> SpaceUsage {
    let (data_dir, min_free_bytes) = (&config.server.data_dir, config.journal.min_free_bytes);
    let (mut disks, mut kept) = (Vec::new(), Vec::new());
    if storage.data_dir.is_some() {
        disks.push(WatchedDisk { place: "data", path: data_dir.clone(), min_free_bytes });
    }
    if let JournalUrl::Sqlite(path) = &config.journal.url {
        kept.push(("journal", Kept::Database(data_dir.join(path))));
    }
    if let CatalogSetting::Sqlite(path) = &config.catalog.url {
        kept.push(("catalog", Kept::Database(data_dir.join(path))));
    }
    if let Some(artifacts) = &storage.artifacts {
        if let Some(StoreLocation::Directory { path, min_free_bytes }) =
            objects_options(config).map(|options| options.location)
        {
            disks.push(WatchedDisk { place: "objects", path, min_free_bytes });
        }
        let spool = artifacts.spool.path().to_owned();
        // Uploads end before appends do.
        let min_free_bytes = min_free_bytes.saturating_mul(2);
        disks.push(WatchedDisk { place: "spool", path: spool.clone(), min_free_bytes });
        kept.push(("spool", Kept::Directory(spool)));
    }
    SpaceUsage::new(disks, kept)
}
