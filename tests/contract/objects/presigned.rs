//! URLs that a client who knows nothing of stores uses.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use runcast::storage::objects::{Addressing, Bucket, Objects, StoreLocation, Url};

use super::common::{MIB, bucket, bytes, full_meta, meta, options, read, s3, upload, write};
use crate::support::{S3Server, SOON, eventually};

const TTL: Duration = Duration::from_secs(300);

/// A plain client, for which the names of the tests' server lead to it.
fn client(address: SocketAddr) -> reqwest::Client {
    let names = [format!("{}.{}", S3Server::BUCKET, S3Server::DOMAIN), S3Server::DOMAIN.to_owned()];
    let builder = names.iter().fold(reqwest::Client::builder(), |builder, name| builder.resolve(name, address));
    builder.build().unwrap()
}

async fn status(method: Method, url: Url) -> u16 {
    reqwest::Client::new().request(method, url).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn what_is_handed_out_has_the_type_the_encoding_and_the_disposition_that_it_was_given() {
    let server = S3Server::start();
    let objects = s3(bucket(&server));
    // One part, and several.
    for (key, content) in [("runs/r/small.html", bytes(1, 100)), ("runs/r/large.html", bytes(2, 6 * MIB))] {
        write(&objects, key, &full_meta(), &content).await.unwrap();
        objects.copy(key, "runs/r/copy.html").await.unwrap();
        for key in [key, "runs/r/copy.html"] {
            let url = objects.sign_get(key, TTL).await.unwrap();
            let reply = client(server.address()).get(url).send().await.unwrap();
            assert_eq!(reply.status(), StatusCode::OK);
            let header = |name| reply.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("content-type"), full_meta().content_type);
            assert_eq!(header("content-encoding"), "gzip");
            assert_eq!(header("content-disposition"), full_meta().disposition);
            assert!(reply.bytes().await.unwrap() == content, "{key}");
        }
    }
}

#[tokio::test]
async fn a_signed_upload_puts_an_object_with_its_headers_and_without_them_nothing() {
    let server = S3Server::start();
    let objects = s3(Bucket { prefix: "ci".into(), ..bucket(&server) });
    let signed = objects.sign_put("runs/r/direct.html", &full_meta(), TTL).await.unwrap();
    assert_eq!(signed.method, "PUT");
    let content = bytes(3, 6 * MIB);
    for change in ["other type", "less"] {
        let mut wrong = signed.clone();
        match change {
            "less" => wrong.headers.truncate(1),
            _ => wrong.headers[0].1 = "text/plain".to_owned(),
        }
        assert_eq!(upload(&wrong, b"x".to_vec()).await, 403, "{change}");
    }
    assert_eq!(objects.head("runs/r/direct.html").await, Ok(None));
    assert_eq!(upload(&signed, content.clone()).await, 200);
    assert!(read(&objects, "runs/r/direct.html").await.unwrap() == content);
    let url = objects.sign_get("runs/r/direct.html", TTL).await.unwrap();
    let reply = reqwest::get(url).await.unwrap();
    assert_eq!(reply.headers()["content-type"], full_meta().content_type.as_str());
    assert_eq!(reply.headers()["content-disposition"], full_meta().disposition.as_str());
    let control = full_meta().disposition.replace("a b", "a\nb");
    let unfit = runcast::storage::objects::ObjectMeta { disposition: control, ..full_meta() };
    assert!(objects.sign_put("a", &unfit, TTL).await.is_err());
}

#[tokio::test]
async fn a_url_that_was_changed_or_is_used_otherwise_is_refused() {
    let server = S3Server::start();
    let objects = s3(bucket(&server));
    for key in ["runs/a", "runs/b"] {
        write(&objects, key, &meta("text/plain"), b"x").await.unwrap();
    }
    let get = objects.sign_get("runs/a", TTL).await.unwrap();
    let put = objects.sign_put("runs/a", &meta("text/plain"), TTL).await.unwrap();
    assert_eq!(status(Method::GET, get.clone()).await, 200);
    let changed = |from: &str, to: &str| {
        let text = get.as_str().replacen(from, to, 1);
        assert_ne!(text, get.as_str());
        Url::parse(&text).unwrap()
    };
    let signature = get.as_str().rsplit_once("X-Amz-Signature=").unwrap().1;
    let other = if signature.starts_with('0') { "1" } else { "0" };
    for (what, url) in [
        ("path", changed("runs/a", "runs/b")),
        ("expiry", changed("X-Amz-Expires=300", "X-Amz-Expires=30000")),
        ("signature", changed(signature, &format!("{other}{}", &signature[1..]))),
        ("key", changed(S3Server::KEY, S3Server::READER)),
    ] {
        assert_eq!(status(Method::GET, url).await, 403, "{what}");
    }
    for method in [Method::PUT, Method::DELETE, Method::POST] {
        assert_eq!(status(method.clone(), get.clone()).await, 403, "{method}");
    }
    assert_eq!(status(Method::GET, put.url.clone()).await, 403);
    assert_eq!(status(Method::DELETE, put.url).await, 403);
    assert_eq!(read(&objects, "runs/a").await.unwrap(), b"x");
}

#[tokio::test]
async fn a_url_ends_at_its_time() {
    let server = S3Server::start();
    let objects = s3(bucket(&server));
    write(&objects, "runs/a", &meta("text/plain"), b"x").await.unwrap();
    let url = objects.sign_get("runs/a", Duration::from_secs(1)).await.unwrap();
    eventually!(status(Method::GET, url.clone()).await, |status| *status == 403, SOON);
}

#[tokio::test]
async fn clients_that_see_the_store_under_another_name_get_urls_with_that_name() {
    let server = S3Server::start();
    let public = format!("http://localhost:{}", server.address().port());
    let objects = s3(Bucket { public_url: Some(public.clone()), ..bucket(&server) });
    write(&objects, "runs/a", &meta("text/plain"), b"x").await.unwrap();
    let url = objects.sign_get("runs/a", TTL).await.unwrap();
    assert!(url.as_str().starts_with(&format!("{public}/runs/runs/a?")), "{url}");
    assert_eq!(status(Method::GET, url.clone()).await, 200);
    // The name is signed: the store's own one does not do.
    let other = url.as_str().replacen(&public, &server.endpoint(), 1);
    assert_eq!(status(Method::GET, Url::parse(&other).unwrap()).await, 403);
    let signed = objects.sign_put("runs/b", &meta("text/plain"), TTL).await.unwrap();
    assert!(signed.url.as_str().starts_with(&public));
    assert_eq!(upload(&signed, b"y".to_vec()).await, 200);
    assert_eq!(read(&objects, "runs/b").await.unwrap(), b"y");
}

#[tokio::test]
async fn a_bucket_may_be_named_in_the_host() {
    let server = S3Server::start();
    write(&s3(bucket(&server)), "runs/a", &meta("text/plain"), b"x").await.unwrap();
    let port = server.address().port();
    let endpoint = Some(format!("http://{}:{port}", S3Server::DOMAIN));
    let bucket = Bucket { endpoint, ..bucket(&server) };
    let location = StoreLocation::S3 { bucket, region: "eu-west-1".into(), addressing: Addressing::Host };
    let objects = Objects::open(&options(location)).unwrap();
    let url = objects.sign_get("runs/a", TTL).await.unwrap();
    assert!(url.as_str().starts_with(&format!("http://runs.{}:{port}/runs/a?", S3Server::DOMAIN)), "{url}");
    let reply = client(server.address()).get(url).send().await.unwrap();
    assert_eq!((reply.status(), reply.text().await.unwrap().as_str()), (StatusCode::OK, "x"));
}
