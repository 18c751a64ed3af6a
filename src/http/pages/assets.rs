//! `/assets/`: the scripts and styles of the pages, by names that change with their content.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentEncoding};
use actix_web::{HttpRequest, HttpResponse, web};

use super::super::host;
use super::super::problem::Problem;
use super::policy::PagePolicies;

/// What is there: `web/dist`, embedded by `build.rs`.
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file of the pages.
#[derive(Debug)]
pub(super) struct Asset {
    /// Its name in `web/dist`; of a part that is all of a script, the script's.
    name: &'static str,
    /// The last part of its path, which has a checksum.
    served: &'static str,
    plain: &'static [u8],
    gzipped: &'static [u8],
}

impl Asset {
    const fn new(name: &'static str, served: &'static str, plain: &'static [u8], gzipped: &'static [u8]) -> Self {
        Self { name, served, plain, gzipped }
    }

    fn content_type(&self) -> &'static str {
        match self.name.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}

/// The path by which a file of `web/dist` is served.
pub(super) fn path_of(name: &str) -> String {
    let served = ASSETS.iter().find(|asset| asset.name == name).map_or(name, |asset| asset.served);
    format!("/assets/{served}")
}

/// Whether a client takes gzip: no codings but by name, and not with `q=0`.
fn takes_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|item| {
        let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        coding.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// `GET /assets/{file}`
///
/// # Errors
/// 404: the file is none of this build; a page that was loaded from another one has to be loaded again.
pub async fn asset(
    request: HttpRequest,
    policies: web::Data<PagePolicies>,
    file: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let found = ASSETS.iter().find(|asset| asset.served == *file).ok_or_else(|| {
        let detail = format!("this server has no file {:?} of its pages: load the page again", file.as_str());
        Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
    })?;
    let host = host::of(request.uri(), request.headers())?.map(|host| host.to_string());
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(found.content_type())
        .insert_header((header::CONTENT_SECURITY_POLICY, policies.of_script(host.as_deref())))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"));
    Ok(match takes_gzip(&request) {
        true => answer.insert_header(ContentEncoding::Gzip).body(found.gzipped),
        false => answer.body(found.plain),
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn every_file_is_served_under_a_name_with_its_checksum() {
        for name in ["run.js", "worker.js"] {
            assert!(path_of(name).starts_with("/assets/part-"), "{}", path_of(name));
        }
        for name in ["list.js", "ops.js", "diff.js", "page.css"] {
            let (stem, ending) = name.split_once('.').unwrap();
            let path = path_of(name);
            let hash = path.strip_prefix(&format!("/assets/{stem}-")).and_then(|rest| rest.strip_suffix(ending));
            let hash = hash.unwrap_or_else(|| panic!("{path}")).trim_end_matches('.');
            assert!(hash.len() == 8 && u32::from_str_radix(hash, 16).is_ok(), "{path}");
        }
    }

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        for (accepted, takes) in [("gzip, br", true), ("br;q=1, GZIP ;q=0.5", true), ("gzip;q=0", false), ("br", false)]
        {
            let request = TestRequest::default().insert_header((header::ACCEPT_ENCODING, accepted)).to_http_request();
            assert_eq!(takes_gzip(&request), takes, "{accepted}");
        }
        assert!(!takes_gzip(&TestRequest::default().to_http_request()));
    }
}
