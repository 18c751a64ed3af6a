//! The rules of the shelf, on a catalog that counts and fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;

/// A catalog that fails as often as it is told to.
#[derive(Default)]
struct Counted {
    rows: Mutex<Vec<PackageRow>>,
    asked: AtomicUsize,
    failures: AtomicUsize,
}

impl Counted {
    fn fails(&self) -> Result<(), CatalogError> {
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_or(Ok(()), |_| Err(CatalogError("away".into())))
    }
}

#[async_trait]
impl PackageCatalog for Counted {
    async fn keep(&self, package: &PackageRow, _now: Timestamp) -> Result<(), CatalogError> {
        self.fails()?;
        self.rows.lock().unwrap().push(package.clone());
        Ok(())
    }

    async fn package(&self, file: &str) -> Result<Option<PackageRow>, CatalogError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.fails()?;
        Ok(self.rows.lock().unwrap().iter().find(|row| row.file == file).cloned())
    }
}

fn package(version: &str) -> Package {
    Package::new("@runcast/playwright", version, version.as_bytes().to_vec())
}

fn shelf(current: Vec<Package>) -> (Packages, Arc<Counted>) {
    let catalog = Arc::new(Counted::default());
    (Packages::new(current, catalog.clone()), catalog)
}

#[test]
fn a_package_is_named_as_npm_names_it_and_by_its_digest() {
    let package = Package::new("@runcast/client", "1.2.3", &b"abc"[..]);
    assert_eq!(package.row.file, "runcast-client-1.2.3-ba7816bf.tgz");
    assert_eq!(package.alias(), "runcast-client.tgz");
    assert!(package.integrity.starts_with("sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/"));
    assert!(may_be_a_name(&package.row.file));
}

#[test]
fn the_build_has_both_packages() {
    let names: Vec<_> = BUILT_IN.iter().map(|(name, version, _)| (*name, *version)).collect();
    assert_eq!(names, ["@runcast/playwright", "@runcast/client"].map(|name| (name, env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn own_packages_need_no_catalog_and_others_are_asked_for_once() {
    let (new, catalog) = shelf(vec![package("2.0.0")]);
    let old = package("1.0.0");
    let own = new.current()[0].row.clone();
    catalog.failures.store(1, Ordering::SeqCst);
    assert_eq!(new.find(&own.file).await, Ok(Some(own)));
    assert!(new.find(&old.row.file).await.is_err(), "it may be there");
    new.of_build(vec![old.clone()]).keep().await;
    for _ in 0..3 {
        assert_eq!(new.find(&old.row.file).await, Ok(Some(old.row.clone())));
    }
    assert_eq!(catalog.asked.load(Ordering::SeqCst), 2);
    for none in ["", "x", "runcast-../a.tgz", "runcast-a.zip", &format!("runcast-{}.tgz", "a".repeat(MAX_NAME))] {
        assert_eq!(new.find(none).await, Ok(None), "{none}");
    }
    assert_eq!(catalog.asked.load(Ordering::SeqCst), 2, "no such name is worth a question");
}

#[tokio::test]
async fn the_memory_for_old_tarballs_is_bounded() {
    let (shelf, _) = shelf(Vec::new());
    let old: Vec<_> = (0..RECENT + 4).map(|n| package(&format!("0.{n}.0"))).collect();
    shelf.of_build(old.clone()).keep().await;
    for package in &old {
        assert_eq!(shelf.find(&package.row.file).await, Ok(Some(package.row.clone())));
    }
    assert_eq!(shelf.recent().len(), RECENT);
    assert_eq!(shelf.recent()[0].file, old[RECENT + 3].row.file);
}

#[tokio::test]
async fn packages_are_put_into_a_catalog_that_comes_late() {
    let (shelf, catalog) = shelf(vec![package("1.0.0"), package("1.0.1")]);
    catalog.failures.store(1, Ordering::SeqCst);
    shelf.keep().await;
    let kept: Vec<_> = catalog.rows.lock().unwrap().iter().map(|row| row.file.clone()).collect();
    assert_eq!(kept, shelf.current().iter().map(|package| package.row.file.clone()).collect::<Vec<_>>());
}
