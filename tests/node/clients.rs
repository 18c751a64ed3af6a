//! `/clients`: the packages of this build, and those that servers of other versions on the same catalog handed out.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::failures::node::LocalNode;
use crate::support::{PASSWORD, Postgres, SOON, TestNode, eventually, lasting_port};
use async_trait::async_trait;
use flate2::read::GzDecoder;
use futures_util::future::LocalBoxFuture;
use runcast::app::Storage;
use runcast::config::{CatalogSetting, Config, JournalUrl};
use runcast::protocol::Timestamp;
use runcast::storage::catalog::CatalogError;
use runcast::storage::catalog::packages::{PackageCatalog, PackageRow};
use runcast::storage::packages::{Package, Packages};
use serde_json::Value;
use tokio::process::Command;

#[path = "../../build/pack.rs"]
mod pack;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What is in a tarball, by name.
fn unpacked(tarball: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(GzDecoder::new(tarball));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let (header, name) = (entry.header(), entry.path().unwrap().to_str().unwrap().to_owned());
        assert_eq!((header.mode().unwrap(), header.mtime().unwrap(), header.uid().unwrap()), (0o644, 0, 0), "{name}");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (name, content)
    });
    entries.collect()
}

/// The package of an older version, made of one of this build's.
fn older(folder: &str) -> Package {
    let today = pack::pack(root(), folder).unwrap();
    let mut files = unpacked(&today.tarball);
    let text = String::from_utf8(files.remove("package/package.json").unwrap()).unwrap();
    let text = text.replace(&format!("\"version\": \"{}\"", today.version), "\"version\": \"0.0.9\"");
    files.insert("package/package.json".into(), text.into());
    let files = files.into_iter().map(|(name, content)| (name.strip_prefix("package/").unwrap().to_owned(), content));
    Package::new(&today.name, "0.0.9", pack::gzip(&pack::archive(&files.collect()).unwrap()))
}

/// A node with these packages, or those of this build, on a catalog of its own or a shared one.
async fn node(data: &Path, catalog: Option<&str>, packages: Option<Vec<Package>>, port: u16) -> LocalNode {
    let mut config = Config::default();
    config.server.data_dir = data.to_owned();
    config.journal.url = JournalUrl::Memory;
    if let Some(url) = catalog {
        config.catalog.url = CatalogSetting::try_from(url.to_owned()).unwrap();
    }
    let of_storage = config.clone();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let open = move || -> LocalBoxFuture<'static, Storage> {
        Box::pin(async move {
            let mut storage = Storage::open(&of_storage).await.unwrap();
            if let Some(packages) = packages {
                storage.packages = storage.packages.of_build(packages);
            }
            storage
        })
    };
    LocalNode::start_on(
        listener,
        move |own| (own.server.data_dir, own.catalog) = (config.server.data_dir, config.catalog),
        open,
    )
    .await
}

/// The status of a file, and what it is.
async fn file(node: &LocalNode, file: &str) -> (u16, Vec<u8>) {
    let response = reqwest::get(node.url(&format!("/clients/{file}"))).await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

#[test]
fn a_package_has_what_is_committed_and_is_the_same_bytes_whenever_it_is_packed() {
    for folder in pack::FOLDERS {
        let packed = pack::pack(root(), folder).unwrap();
        assert_eq!(pack::pack(root(), folder).unwrap(), packed);
        let mut files = unpacked(&packed.tarball);
        let described: Value = serde_json::from_slice(&files.remove("package/package.json").unwrap()).unwrap();
        let mut source: Value =
            serde_json::from_slice(&fs::read(root().join(folder).join("package.json")).unwrap()).unwrap();
        for left_out in ["devDependencies", "scripts"] {
            assert!(source.as_object_mut().unwrap().remove(left_out).is_some(), "{left_out}");
        }
        assert_eq!(described, source);
        assert_eq!(described.get("dependencies"), None, "nothing else is installed with it");
        assert_eq!(files.remove("package/LICENSE").unwrap(), fs::read(root().join("LICENSE")).unwrap());
        for (name, content) in &files {
            let source = root().join(folder).join(name.strip_prefix("package/").unwrap());
            assert!(*content == fs::read(&source).unwrap(), "{}", source.display());
        }
        assert!(files.contains_key("package/README.md") && files.contains_key("package/dist/index.js"));
    }
}

#[test]
fn conditions_of_exports_keep_their_order() {
    let packed = pack::pack(root(), "clients/playwright").unwrap();
    let text = String::from_utf8(unpacked(&packed.tarball).remove("package/package.json").unwrap()).unwrap();
    assert!(text.find("\"types\": \"./dist/index.d.mts\"") < text.find("\"default\": \"./dist/index.mjs\""), "{text}");
}

#[test]
fn a_package_that_was_not_built_is_missed_in_words_that_help() {
    let top = tempfile::tempdir().unwrap();
    fs::create_dir_all(top.path().join("clients/js")).unwrap();
    let refused = pack::pack(top.path(), "clients/js").unwrap_err();
    assert!(
        refused.starts_with("clients/js/dist is missing") && refused.contains("npm ci && npm run build"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_node_hands_out_the_packages_that_it_was_built_with() {
    let node = TestNode::start(&[]);
    let list = node.get("/clients").await;
    assert_eq!((list.header("cache-control"), list.header("x-content-type-options")), ("no-cache", "nosniff"));
    let packages = list.json()["packages"].as_array().unwrap().clone();
    assert_eq!(node.get("/clients/").await.json(), list.json(), "as people type it");
    assert_eq!(packages.len(), pack::FOLDERS.len());
    for (package, folder) in packages.iter().zip(pack::FOLDERS) {
        let packed = pack::pack(root(), folder).unwrap();
        let text = |key: &str| package[key].as_str().unwrap();
        let path = format!("/clients/{}", text("file"));
        assert_eq!((text("name"), text("version")), (packed.name.as_str(), packed.version.as_str()));
        assert_eq!(text("url"), node.url(&path));
        assert_eq!(text("install"), format!("npm install --save-dev {}", node.url(&path)));
        assert_eq!(package["size"], packed.tarball.len());
        assert!(text("integrity").starts_with("sha512-"));
        let response = reqwest::get(node.url(&path)).await.unwrap();
        let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert_eq!(header("content-type"), "application/gzip");
        assert_eq!(header("content-encoding"), "", "it is the file itself that is zipped");
        assert_eq!(header("content-length"), packed.tarball.len().to_string());
        assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(header("x-content-type-options"), "nosniff");
        let tag = format!("\"{}\"", text("sha256"));
        assert_eq!(header("etag"), tag);
        assert!(response.bytes().await.unwrap() == packed.tarball, "{path}");
        let again = node.get_with(&path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", tag.as_str()));
        let head = node.try_send("HEAD", &path, &[], "").await.unwrap();
        assert_eq!((head.status, head.header("content-length")), (200, packed.tarball.len().to_string().as_str()));

        let alias = format!("/clients/{}.tgz", packed.name.trim_start_matches('@').replace('/', "-"));
        let site = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let alias = site.get(node.url(&alias)).send().await.unwrap();
        assert_eq!((alias.status().as_u16(), alias.headers()["location"].to_str().unwrap()), (302, path.as_str()));
        assert_eq!(&alias.headers()["cache-control"], "no-cache");
    }
    for none in ["runcast-client-0.0.1-00000000.tgz", "runcast-client", "x", "..%2fready"] {
        let reply = node.get(&format!("/clients/{none}")).await;
        let detail = reply.problem(404, "not_found");
        assert!(detail.contains(packages[0]["file"].as_str().unwrap()), "{detail}");
        assert_eq!(reply.json()["files"], Value::from_iter(packages.iter().map(|package| package["file"].clone())));
    }
}

#[tokio::test]
async fn commands_name_the_host_by_which_the_server_is_reached() {
    let url = async |node: &TestNode, host: &str| {
        let list = node.get_with("/clients", &[("host", host)]).await.json();
        let package = list["packages"][0].clone();
        package["url"].as_str().unwrap().replace(package["file"].as_str().unwrap(), "")
    };
    let node = TestNode::start(&[("RUNCAST__SERVER__ALLOWED_HOSTS", "ci.test")]);
    assert_eq!(url(&node, "ci.test:8080").await, "http://ci.test:8080/clients/");
    drop(node);
    let node = TestNode::start(&[("RUNCAST__SERVER__PUBLIC_URL", "https://runs.test")]);
    assert_eq!(url(&node, "localhost").await, "https://runs.test/clients/");
    // A click on a link elsewhere is served; a page elsewhere that fetches is not.
    let from = |mode| [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode)];
    assert_eq!(node.get_with("/clients/runcast-client.tgz", &from("navigate")).await.status, 200);
    node.get_with("/clients/runcast-client.tgz", &from("no-cors")).await.problem(403, "origin_not_allowed");
}

#[tokio::test]
async fn what_an_older_version_handed_out_is_handed_out_after_the_upgrade_and_after_the_way_back() {
    let data = tempfile::tempdir().unwrap();
    let old = older("clients/playwright");
    node(data.path(), None, Some(vec![old.clone()]), 0).await.stop();
    let new = node(data.path(), None, None, 0).await;
    assert!(file(&new, &old.row.file).await == (200, old.row.content.to_vec()));
    let current = new.get("/clients").await.1["packages"][0]["file"].as_str().unwrap().to_owned();
    let built = file(&new, &current).await;
    assert_eq!(built.0, 200);
    new.stop();
    let back = node(data.path(), None, Some(vec![old]), 0).await;
    assert!(file(&back, &current).await == built);
    back.stop();
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(file(&node(elsewhere.path(), None, Some(Vec::new()), 0).await, &current).await.0, 404);
}

#[tokio::test]
async fn nodes_of_two_versions_on_one_catalog_hand_out_each_others_packages() {
    let mut server = Postgres::start().await;
    let url = server.database().await;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = older("clients/playwright");
    let first = node(a.path(), Some(&url), Some(vec![old.clone()]), 0).await;
    let second = node(b.path(), Some(&url), None, 0).await;
    let current = second.get("/clients").await.1["packages"][0]["file"].as_str().unwrap().to_owned();
    assert!(file(&second, &old.row.file).await == (200, old.row.content.to_vec()));
    let built = file(&second, &current).await;
    assert!(built.0 == 200 && file(&first, &current).await == built);

    // Without the catalog: its own, and what it was asked for lately. Of anything else nobody can say that there is none.
    server.stop();
    assert!(file(&second, &current).await == built && file(&first, &current).await == built);
    let (status, problem) = file(&second, "runcast-playwright-0.0.8-00000000.tgz").await;
    let problem: Value = serde_json::from_slice(&problem).unwrap();
    assert_eq!((status, problem["code"].as_str()), (503, Some("catalog_unavailable")));
    assert!(!problem["detail"].as_str().unwrap().contains(PASSWORD), "{problem}");
    server.start_again().await;
    let unknown = async || file(&second, "runcast-playwright-0.0.8-00000000.tgz").await.0;
    eventually!(unknown().await, |status| *status == 404, SOON);
}

/// A catalog whose first call panics, and whose second fails.
#[derive(Default)]
struct Faulty {
    calls: AtomicUsize,
    kept: Mutex<Vec<String>>,
}

#[async_trait]
impl PackageCatalog for Faulty {
    async fn keep(&self, package: &PackageRow, _now: Timestamp) -> Result<(), CatalogError> {
        match self.calls.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("a fault"),
            1 => Err(CatalogError("away".into())),
            _ => {
                self.kept.lock().unwrap().push(package.file.clone());
                Ok(())
            }
        }
    }

    async fn package(&self, _file: &str) -> Result<Option<PackageRow>, CatalogError> {
        Err(CatalogError("away".into()))
    }
}

#[tokio::test]
async fn a_keeper_of_packages_that_panics_is_run_anew() {
    let (data, faulty) = (tempfile::tempdir().unwrap(), Arc::new(Faulty::default()));
    let (mut config, catalog) = (Config::default(), faulty.clone());
    config.server.data_dir = data.path().to_owned();
    let open = move || -> LocalBoxFuture<'static, Storage> {
        Box::pin(async move {
            let storage = Storage::open(&config).await.unwrap();
            Storage { packages: Packages::built_in(catalog), ..storage }
        })
    };
    let node = LocalNode::start(|_| {}, open).await;
    let list = node.get("/clients").await.1;
    let files: Vec<_> = list["packages"].as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(file(&node, files[0]).await.0, 200, "its own it hands out all the same");
    eventually!(faulty.kept.lock().unwrap().clone(), |kept| *kept == files, SOON);
    node.stop();
}

/// npm in a project of its own, with an empty cache each time.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("package.json"), r#"{"name":"shop","private":true}"#).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let cache = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.0.path()).env_clear().kill_on_drop(true);
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", cache.path());
        command.env("npm_config_cache", cache.path()).env("npm_config_update_notifier", "false");
        // Nothing but the package is fetched.
        command.env("npm_config_registry", "http://127.0.0.1:1").env("npm_config_audit", "false");
        command.env("npm_config_fetch_retries", "0");
        let output = tokio::time::timeout(3 * SOON, command.output()).await.expect("npm ends").unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = told + &String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(told) } else { Err(told) }
    }
}

#[tokio::test]
async fn a_lock_file_of_before_an_upgrade_installs_after_it_with_a_cold_cache() {
    let (data, port, project) = (tempfile::tempdir().unwrap(), lasting_port(), Project::new());
    let old = older("clients/playwright");
    let before = node(data.path(), None, Some(vec![old.clone()]), port).await;
    let url = before.url(&format!("/clients/{}", old.row.file));
    project.run("npm", &["install", "--save-dev", &url]).await.unwrap();
    before.stop();
    let lock = fs::read_to_string(project.path("package-lock.json")).unwrap();
    assert!(lock.contains(&url) && lock.contains(&old.integrity), "{lock}");

    let forgetful = tempfile::tempdir().unwrap();
    let other = node(forgetful.path(), None, None, port).await;
    fs::remove_dir_all(project.path("node_modules")).unwrap();
    let refused = project.run("npm", &["ci"]).await.unwrap_err();
    assert!(refused.contains("404"), "{refused}");
    other.stop();

    let after = node(data.path(), None, None, port).await;
    project.run("npm", &["ci"]).await.unwrap();
    let version = "process.stdout.write(require('@runcast/playwright/package.json').version); \
                   require('@runcast/playwright')";
    assert_eq!(project.run("node", &["-e", version]).await.unwrap(), "0.0.9");
    let install = after.get("/clients").await.1["packages"][0]["install"].as_str().unwrap().to_owned();
    let arguments: Vec<&str> = install.split(' ').skip(1).collect();
    project.run("npm", &arguments).await.unwrap();
    assert_eq!(project.run("node", &["-e", version]).await.unwrap(), env!("CARGO_PKG_VERSION"));
    assert_eq!(fs::read_to_string(project.path("package-lock.json")).unwrap().matches(&old.row.file).count(), 0);
}
