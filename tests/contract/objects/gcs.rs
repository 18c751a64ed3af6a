//! Google: what its client signs with a service account's key, and what it sends.

use std::process::Command;
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use runcast::storage::objects::{Bucket, Objects, StoreLocation, Url};

use super::common::{MIB, bytes, full_meta, keeps_objects, options, write};
use crate::support::S3Server;

const EMAIL: &str = "runcast@project.iam.gserviceaccount.com";
const TTL: Duration = Duration::from_secs(300);

/// A service account: its bucket's objects, and its public key in DER.
fn account(home: &std::path::Path, endpoint: Option<&str>) -> (Objects, Vec<u8>) {
    let openssl = |arguments: &[&str]| {
        let made = Command::new("openssl").args(arguments).current_dir(home).output().expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        made.stdout
    };
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key.pem"]);
    let public = openssl(&["rsa", "-in", "key.pem", "-RSAPublicKey_out", "-outform", "DER"]);
    let private_key = std::fs::read_to_string(home.join("key.pem")).unwrap();
    let credentials = serde_json::json!({
        "type": "service_account", "private_key": private_key, "private_key_id": "1", "client_email": EMAIL,
    });
    let file = home.join("account.json");
    std::fs::write(&file, credentials.to_string()).unwrap();
    let bucket = Bucket { name: "runs".into(), endpoint: endpoint.map(str::to_owned), ..Bucket::default() };
    let location = StoreLocation::Gcs { bucket, credentials_file: Some(file) };
    (Objects::open(&options(location)).unwrap(), public)
}

/// Whether the URL is one that Google takes for `method` with these headers, by its description of V4 signatures.
fn is_signed(url: &Url, public: &[u8], method: &str, headers: &[(String, String)]) -> bool {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let of = |name: &str| pairs.iter().find(|(found, _)| found == name).unwrap().1.clone();
    let (query, signature) = url.query().unwrap().split_once("&X-Goog-Signature=").unwrap();
    let mut query: Vec<&str> = query.split('&').collect();
    query.sort_unstable();
    let mut headers: Vec<(String, String)> = headers.to_vec();
    headers.push(("host".to_owned(), "storage.googleapis.com".to_owned()));
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(of("X-Goog-SignedHeaders"), names.join(";"));
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let request =
        format!("{method}\n{}\n{}\n{lines}\n{}\nUNSIGNED-PAYLOAD", url.path(), query.join("&"), names.join(";"));
    let (date, credential) = (of("X-Goog-Date"), of("X-Goog-Credential"));
    let scope = credential.strip_prefix(&format!("{EMAIL}/")).unwrap();
    let hash = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let text = format!("GOOG4-RSA-SHA256\n{date}\n{scope}\n{hash}");
    let signature: Vec<u8> =
        (0..signature.len()).step_by(2).map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap()).collect();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(text.as_bytes(), &signature).is_ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn urls_are_signed_by_the_service_accounts_key_with_the_headers_of_an_upload() {
    let home = tempfile::tempdir().unwrap();
    let (objects, public) = account(home.path(), None);
    assert_eq!(objects.location(), "gs://runs");
    let url = objects.sign_get("runs/r/a.html", TTL).await.unwrap();
    assert!(url.as_str().starts_with("https://storage.googleapis.com/runs/runs"), "{url}");
    assert!(is_signed(&url, &public, "GET", &[]));
    assert!(!is_signed(&url, &public, "PUT", &[]));
    let other = Url::parse(&url.as_str().replacen("a%2Ehtml", "b%2Ehtml", 1).replacen("a.html", "b.html", 1)).unwrap();
    assert_ne!(other, url);
    assert!(!is_signed(&other, &public, "GET", &[]));

    let signed = objects.sign_put("runs/r/a.html", &full_meta(), TTL).await.unwrap();
    assert!(is_signed(&signed.url, &public, "PUT", &signed.headers), "{signed:?}");
    let mut headers = signed.headers.clone();
    headers[0].1 = "text/plain".to_owned();
    assert!(!is_signed(&signed.url, &public, "PUT", &headers));
}

#[tokio::test]
async fn a_bucket_keeps_objects_and_ends_uploads_by_their_names() {
    let (home, server) = (tempfile::tempdir().unwrap(), S3Server::start_as_google());
    let (objects, _) = account(home.path(), Some(&server.endpoint()));
    assert_eq!(objects.location(), format!("gs://runs at {}", server.endpoint()));
    keeps_objects(&objects).await;
    let mut writer = objects.writer("runs/a", &full_meta()).await.unwrap();
    writer.write(&bytes(1, 6 * MIB)).await.unwrap();
    let upload = writer.upload().unwrap().to_owned();
    std::mem::forget(writer);
    objects.clear("runs/a", Some(&upload)).await.unwrap();
    assert_eq!(objects.head("runs/a").await, Ok(None));
    write(&objects, "runs/b.html", &full_meta(), b"x").await.unwrap();
    let reply = reqwest::get(format!("{}/runs/runs/b.html", server.endpoint())).await.unwrap();
    assert_eq!(reply.headers()["content-type"], full_meta().content_type.as_str());
    assert_eq!(reply.headers()["content-encoding"], "gzip");
    assert_eq!(reply.headers()["content-disposition"], full_meta().disposition.as_str());
}
