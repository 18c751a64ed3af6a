//! Checks whether artifacts can be stored where the configuration says.

use std::path::Path;

use rustix::fs::{Access, access};

use super::{Check, DoctorVerdict, nearest_existing};
use crate::app::objects_options;
use crate::cli::block_on;
use crate::config::Config;
use crate::storage::objects::{Objects, StoreLocation};

/// Writes, reads and removes a small object. A directory that the server would create is not created.
pub(super) fn check(config: &Config) -> Check {
    let check = |verdict, detail| Check::new("artifacts", verdict, detail);
    let Some(options) = objects_options(config) else {
        return check(DoctorVerdict::Ok, "none are kept".to_owned());
    };
    if let StoreLocation::Directory { path, .. } = &options.location
        && !path.exists()
        && path.starts_with(&config.server.data_dir)
    {
        return to_be_made(path);
    }
    let objects = match Objects::open(&options) {
        Ok(objects) => objects,
        Err(error) => return check(DoctorVerdict::Fail, error.to_string()),
    };
    match block_on(objects.probe()) {
        Ok(Ok(())) => {
            check(DoctorVerdict::Ok, format!("{} takes, shows, lists and removes objects", objects.location()))
        }
        Ok(Err(error)) => check(DoctorVerdict::Fail, error.to_string()),
        Err(error) => check(DoctorVerdict::Fail, format!("can't be tried: {error}")),
    }
}

fn to_be_made(path: &Path) -> Check {
    let (above, shown) = (nearest_existing(path), path.display());
    let (verdict, detail) = match access(&above, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => (DoctorVerdict::Ok, format!("{shown} will be made in {}", above.display())),
        Err(error) => (DoctorVerdict::Fail, format!("{shown} can't be made in {}: {error}", above.display())),
    };
    Check::new("artifacts", verdict, detail)
}
