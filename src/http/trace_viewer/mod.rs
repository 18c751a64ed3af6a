//! `/trace/`: Playwright's trace viewer, as `scripts/trace-viewer` fetched it; and the same for live traces.
//!
//! All its files are read once, on the first request. So a path that names none of them is not found, however it is
//! spelled; links that lead elsewhere are never followed; and files of two versions never mix.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use header::{EntityTag, IfNoneMatch};
use tokio::sync::OnceCell;

use super::host;
use super::problem::Problem;
use crate::config::Config;

mod policy;

use policy::Policies;

/// The viewer's pages that are served; its other pages steer a test runner.
const PAGES: [&str; 2] = ["index.html", "snapshot.html"];
/// The service worker; [`GUARD`] is prepended to it.
const WORKER: &str = "sw.bundle.js";
const GUARD: &str = include_str!("guard.js");
/// The script of ours on the page of a live trace: it keeps the viewer's socket open, and lets one stop following.
const FOLLOW: &str = include_str!("follow.js");
/// Its name there.
const FOLLOW_NAME: &str = "runcast-follow.js";
/// Where the page of a live trace loads it, before the viewer's own scripts.
const HEAD: &str = "<head>";
/// Deepest level of nested folders.
const MAX_DEPTH: usize = 4;
/// Most files in all folders together.
const MAX_FILES: usize = 1_000;
/// Most bytes of all files together; version 1.65 has 1.7 MB.
const MAX_BYTES: usize = 64 << 20;

/// The node's trace viewer.
#[derive(Debug)]
pub struct TraceViewer {
    /// The folders in which it may be, the preferred one first.
    locations: Vec<PathBuf>,
    policies: Policies,
    /// The files by their path below `/trace/`. Empty until all of them have been read.
    files: OnceCell<BTreeMap<String, File>>,
    /// The page of live traces, made from the viewer's.
    live_page: OnceCell<File>,
    follow: File,
}

#[derive(Debug, PartialEq, Eq)]
struct File {
    content_type: String,
    tag: String,
    body: Bytes,
}

/// The folders that a relative path can mean: below the working directory, then below the program's folder.
fn locations(configured: &Path, start: &Path, program: Option<&Path>) -> Vec<PathBuf> {
    let mut locations = vec![start.join(configured)];
    locations.extend(program.and_then(Path::parent).map(|home| home.join(configured)));
    locations.dedup();
    locations
}

impl TraceViewer {
    /// The trace viewer of this process, as configured.
    pub fn of_process(config: &Config) -> Self {
        let start = std::env::current_dir().unwrap_or_default();
        let program = std::env::current_exe().ok();
        Self {
            locations: locations(&config.artifacts.trace_viewer_dir, &start, program.as_deref()),
            policies: Policies::new(&config.objects),
            files: OnceCell::new(),
            live_page: OnceCell::new(),
            follow: File::new(FOLLOW_NAME, FOLLOW.into()),
        }
    }

    /// Whether the viewer has been fetched.
    pub fn is_there(&self) -> bool {
        self.files.initialized() || self.locations.iter().any(|location| location.join(PAGES[0]).is_file())
    }

    /// A file of the viewer of a live trace. The files are those of [`file`], except for the page, which has a script of
    /// ours and may open a socket.
    ///
    /// # Errors
    /// 404 when there is no such file, or no viewer.
    pub(super) async fn live(&self, request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
        let name = if name.is_empty() { PAGES[0] } else { name };
        let files = self.files().await?;
        if name == PAGES[0] {
            let page = files.get(name).ok_or_else(no_such_file)?;
            let page = self.live_page.get_or_init(|| async { live_page(page) }).await;
            let host = host::of(request.uri(), request.headers())?.map(|host| host.to_string());
            return Ok(answer(request, page, &self.policies.of_live(host.as_deref())));
        }
        let file = if name == FOLLOW_NAME { &self.follow } else { files.get(name).ok_or_else(no_such_file)? };
        Ok(answer(request, file, self.policies.of(name)))
    }

    async fn files(&self) -> Result<&BTreeMap<String, File>, Problem> {
        let read = || async {
            let location = self.locations.iter().find(|location| location.is_dir()).cloned();
            let location = location.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            web::block(move || read_all(&location)).await.map_err(io::Error::other)?
        };
        self.files.get_or_try_init(read).await.map_err(|error: io::Error| {
            let detail =
                format!("artifacts.trace_viewer_dir has no trace viewer ({error}); scripts/trace-viewer fetches it");
            Problem::new(StatusCode::NOT_FOUND, "trace_viewer_missing", detail)
        })
    }
}

/// Reads every file of the viewer.
fn read_all(location: &Path) -> io::Result<BTreeMap<String, File>> {
    let mut found = BTreeMap::new();
    read_folder(location, "", MAX_DEPTH, &mut found)?;
    for needed in PAGES.into_iter().chain([WORKER]) {
        if !found.contains_key(needed) {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("no {needed}")));
        }
    }
    Ok(found)
}

fn read_folder(folder: &Path, prefix: &str, depth: usize, found: &mut BTreeMap<String, File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        if kind.is_dir() && depth > 0 {
            read_folder(&entry.path(), &format!("{path}/"), depth - 1, found)?;
        } else if kind.is_file() && (!name.ends_with(".html") || PAGES.contains(&path.as_str())) {
            let used: usize = found.values().map(|file| file.body.len()).sum();
            let size = usize::try_from(entry.metadata()?.len()).unwrap_or(usize::MAX);
            if found.len() >= MAX_FILES || size > MAX_BYTES - used.min(MAX_BYTES) {
                return Err(io::Error::other("more files than a trace viewer has"));
            }
            let file = File::new(&path, fs::read(entry.path())?);
            found.insert(path, file);
        }
    }
    Ok(())
}

impl File {
    fn new(path: &str, content: Vec<u8>) -> Self {
        let body = if path == WORKER { [GUARD.as_bytes(), &content].concat() } else { content };
        let guessed = mime_guess::from_path(path).first_or_octet_stream();
        let charset = if guessed.type_() == "text" { "; charset=utf-8" } else { "" };
        let hash = digest(&SHA256, &body);
        let tag = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { content_type: format!("{}{charset}", guessed.essence_str()), tag, body: body.into() }
    }

    fn is_known_to(&self, request: &HttpRequest) -> bool {
        match request.get_header::<IfNoneMatch>() {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.tag() == self.tag),
            None => false,
        }
    }
}

/// `GET /trace/{file}`
pub(super) async fn file(
    viewer: web::Data<TraceViewer>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let name = if path.is_empty() { PAGES[0] } else { path.as_str() };
    let file = viewer.files().await?.get(name).ok_or_else(no_such_file)?;
    Ok(answer(&request, file, viewer.policies.of(name)))
}

fn no_such_file() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "the trace viewer has no such file")
}

/// The viewer's page with our script before those of its own.
fn live_page(page: &File) -> File {
    let html = String::from_utf8_lossy(&page.body);
    let html = html.replacen(HEAD, &format!("{HEAD}\n    <script src=\"./{FOLLOW_NAME}\"></script>"), 1);
    File::new(PAGES[0], html.into())
}

fn answer(request: &HttpRequest, file: &File, policy: &str) -> HttpResponse {
    let mut response = match file.is_known_to(request) {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response
        .insert_header(header::ETag(EntityTag::new_strong(file.tag.clone())))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    match file.is_known_to(request) {
        true => response.finish(),
        false => response.content_type(file.content_type.as_str()).body(file.body.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer_in(folder: &Path) {
        for name in PAGES.into_iter().chain([WORKER]) {
            fs::write(folder.join(name), format!("the {name}")).unwrap();
        }
    }

    #[test]
    fn a_relative_path_starts_where_the_process_does_else_at_the_program() {
        let (start, program) = (Path::new("/home/me"), Some(Path::new("/opt/runcast/bin/runcast")));
        let both = [PathBuf::from("/home/me/trace-viewer"), "/opt/runcast/bin/trace-viewer".into()];
        assert_eq!(locations(Path::new("trace-viewer"), start, program), both);
        assert_eq!(locations(Path::new("trace-viewer"), start, None), both[..1]);
        assert_eq!(locations(Path::new("/srv/viewer"), start, program), [PathBuf::from("/srv/viewer")]);
    }

    #[test]
    fn files_of_all_folders_are_found_and_the_worker_comes_with_its_guard() {
        let home = tempfile::tempdir().unwrap();
        viewer_in(home.path());
        fs::create_dir(home.path().join("assets")).unwrap();
        for name in ["a.css", "a.js", "a.wasm", "a.woff2", "a.svg", "a.webmanifest", "LICENSE"] {
            fs::write(home.path().join("assets").join(name), name).unwrap();
        }
        let files = read_all(home.path()).unwrap();
        let types: Vec<_> = files.iter().map(|(path, file)| (path.as_str(), file.content_type.as_str())).collect();
        let expected = [
            ("assets/LICENSE", "application/octet-stream"),
            ("assets/a.css", "text/css; charset=utf-8"),
            ("assets/a.js", "text/javascript; charset=utf-8"),
            ("assets/a.svg", "image/svg+xml"),
            ("assets/a.wasm", "application/wasm"),
            ("assets/a.webmanifest", "application/manifest+json"),
            ("assets/a.woff2", "font/woff2"),
            ("index.html", "text/html; charset=utf-8"),
            ("snapshot.html", "text/html; charset=utf-8"),
            ("sw.bundle.js", "text/javascript; charset=utf-8"),
        ];
        assert_eq!(types, expected);
        assert_eq!(files["assets/a.css"].body, "a.css");
        let worker = str::from_utf8(&files[WORKER].body).unwrap();
        assert_eq!(worker.strip_prefix(GUARD), Some("the sw.bundle.js"));
        assert_ne!(files["index.html"].tag, files["snapshot.html"].tag);
    }

    #[test]
    fn links_and_pages_that_steer_a_test_runner_are_left_out() {
        let home = tempfile::tempdir().unwrap();
        viewer_in(home.path());
        fs::write(home.path().join("uiMode.html"), "").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", home.path().join("hostname")).unwrap();
        std::os::unix::fs::symlink("/etc", home.path().join("etc")).unwrap();
        let files = read_all(home.path()).unwrap();
        assert_eq!(files.into_keys().collect::<Vec<_>>(), ["index.html", "snapshot.html", "sw.bundle.js"]);
    }

    #[test]
    fn half_a_viewer_and_what_is_far_too_large_are_none() {
        let home = tempfile::tempdir().unwrap();
        assert!(read_all(&home.path().join("none")).is_err());
        viewer_in(home.path());
        fs::File::create(home.path().join("film")).unwrap().set_len(MAX_BYTES as u64 + 1).unwrap();
        assert!(read_all(home.path()).unwrap_err().to_string().contains("more files"));
        fs::remove_file(home.path().join("film")).unwrap();
        assert!(read_all(home.path()).is_ok());
        fs::remove_file(home.path().join(WORKER)).unwrap();
        assert!(read_all(home.path()).unwrap_err().to_string().contains(WORKER));
    }
}
