//! The tarballs of the client packages: those of this build, which are in the binary, and those of all builds that were
//! started on the same catalog.
//!
//! A lock file names a tarball by its URL and its digest. So whatever was handed out once is kept in the catalog and
//! handed out for good, by nodes of any version.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tracing::{info, warn};

use super::catalog::CatalogError;
use super::catalog::packages::{PackageCatalog, PackageRow};
use crate::backoff::Backoff;
use crate::protocol::{Sha256, Timestamp};

/// What `build.rs` has packed: name, version and `.tgz` of each package.
static BUILT_IN: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/packages.rs"));

/// Tarballs from the catalog that are kept in memory, those asked for last. A tarball has some 100 KB.
const RECENT: usize = 8;
/// Longest name that is asked for.
const MAX_NAME: usize = 128;
/// First pause before the catalog is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A package of this build.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name, `@runcast/playwright` for instance.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its SHA-512 as npm's lock files have it, `sha512-` and Base64.
    pub integrity: String,
    /// Its tarball.
    pub row: PackageRow,
}

impl Package {
    /// A package whose tarball is named as npm names it, with the first eight digits of its SHA-256.
    pub fn new(name: &str, version: &str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let mut sha256 = Sha256([0; 32]);
        sha256.0.copy_from_slice(digest(&SHA256, &content).as_ref());
        let integrity = format!("sha512-{}", STANDARD.encode(digest(&SHA512, &content)));
        let hash: String = sha256.to_string().chars().take(8).collect();
        let file = format!("{}-{version}-{hash}.tgz", stem(name));
        Self { name: name.into(), version: version.into(), integrity, row: PackageRow { file, sha256, content } }
    }

    /// The name of the file without version, under which people find the newest.
    pub fn alias(&self) -> String {
        format!("{}.tgz", stem(&self.name))
    }
}

/// How the files of a package begin: `runcast-playwright` for `@runcast/playwright`.
fn stem(name: &str) -> String {
    name.trim_start_matches('@').replace('/', "-")
}

/// All packages. Clones share them.
#[derive(Clone)]
pub struct Packages(Arc<Shared>);

struct Shared {
    current: Vec<Package>,
    catalog: Arc<dyn PackageCatalog>,
    /// At most [`RECENT`] tarballs, the one asked for last in front.
    recent: Mutex<VecDeque<PackageRow>>,
}

impl Packages {
    /// Those of this build, and those in the catalog.
    pub fn built_in(catalog: Arc<dyn PackageCatalog>) -> Self {
        let packages = BUILT_IN.iter().map(|(name, version, content)| Package::new(name, version, *content));
        Self::new(packages.collect(), catalog)
    }

    /// These as what this build has, and those in the catalog.
    pub fn new(current: Vec<Package>, catalog: Arc<dyn PackageCatalog>) -> Self {
        Self(Arc::new(Shared { current, catalog, recent: Mutex::default() }))
    }

    /// The same catalog as seen by a build that has these packages.
    #[must_use]
    pub fn of_build(&self, current: Vec<Package>) -> Self {
        Self::new(current, self.0.catalog.clone())
    }

    /// The packages of this build.
    pub fn current(&self) -> &[Package] {
        &self.0.current
    }

    /// The tarball with this file name, of this build or any other; `None` if there never was one.
    ///
    /// # Errors
    /// When it is none of this build's and the catalog does not answer.
    pub async fn find(&self, file: &str) -> Result<Option<PackageRow>, CatalogError> {
        let own = self.0.current.iter().map(|package| &package.row).find(|row| row.file == file);
        if let Some(row) = own.cloned().or_else(|| self.remembered(file)) {
            return Ok(Some(row));
        }
        if !may_be_a_name(file) {
            return Ok(None);
        }
        let found = self.0.catalog.package(file).await?;
        if let Some(row) = &found {
            self.remember(row.clone());
        }
        Ok(found)
    }

    /// Puts the packages of this build into the catalog, however long that is away.
    pub async fn keep(&self) {
        let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut told = false;
        while let Err(error) = self.try_to_keep().await {
            if !told {
                warn!(%error, "the client packages are not in the catalog yet: only this node hands them out");
                told = true;
            }
            tokio::time::sleep(pauses.pause()).await;
        }
        if told {
            info!("the client packages are in the catalog");
        }
    }

    async fn try_to_keep(&self) -> Result<(), CatalogError> {
        for package in &self.0.current {
            self.0.catalog.keep(&package.row, Timestamp::now()).await?;
        }
        Ok(())
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, VecDeque<PackageRow>> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, file: &str) -> Option<PackageRow> {
        let mut recent = self.recent();
        let at = recent.iter().position(|row| row.file == file)?;
        let row = recent.remove(at)?;
        recent.push_front(row.clone());
        Some(row)
    }

    fn remember(&self, row: PackageRow) {
        let mut recent = self.recent();
        recent.retain(|other| other.file != row.file);
        recent.push_front(row);
        recent.truncate(RECENT);
    }
}

/// Whether the catalog is worth asking for such a name.
fn may_be_a_name(file: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+".contains(&byte);
    file.len() <= MAX_NAME && file.starts_with("runcast-") && file.ends_with(".tgz") && file.bytes().all(is_plain)
}

#[cfg(test)]
mod tests;
