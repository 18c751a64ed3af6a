//! Where downloads are redirected to, as a source in a content security policy.

use crate::config::{AddressingSetting, BucketSetting, ObjectsConfig, ObjectsUrl};

/// The origin of a bucket's signed URLs; `None` for a directory, whose signed URLs lead to this server.
pub(super) fn storage_source(objects: &ObjectsConfig) -> Option<String> {
    let given = [&objects.public_url, &objects.endpoint].into_iter().find(|url| !url.is_empty());
    let given = given.map(|url| url.trim_end_matches('/').to_owned());
    let in_host = |bucket: &BucketSetting, origin: String| match (objects.addressing, origin.split_once("://")) {
        (AddressingSetting::Host, Some((scheme, host))) => format!("{scheme}://{}.{host}", bucket.name),
        _ => origin,
    };
    match &objects.url {
        ObjectsUrl::Usual | ObjectsUrl::None | ObjectsUrl::Dir(_) => None,
        ObjectsUrl::S3(bucket) => {
            let origin = given.unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", objects.region));
            Some(in_host(bucket, origin))
        }
        ObjectsUrl::Gcs(_) => Some(given.unwrap_or_else(|| "https://storage.googleapis.com".into())),
        // The account's name may come from the environment.
        ObjectsUrl::Azure(_) => Some(given.unwrap_or_else(|| "https://*.blob.core.windows.net".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(url: &str, change: impl FnOnce(&mut ObjectsConfig)) -> Option<String> {
        let url = ObjectsUrl::try_from(url.to_owned()).unwrap();
        let mut objects = ObjectsConfig { url, ..Default::default() };
        change(&mut objects);
        storage_source(&objects)
    }

    #[test]
    fn the_source_is_the_host_of_signed_urls_and_no_other() {
        for own in ["", "none:", "dir:objects"] {
            assert_eq!(source(own, |_| {}), None, "{own}");
        }
        let given = |url: &str, source: Option<String>| assert_eq!(source.as_deref(), Some(url));
        given("https://s3.us-east-1.amazonaws.com", source("s3://runs", |_| {}));
        given(
            "https://runs.s3.us-east-1.amazonaws.com",
            source("s3://runs/ci", |o| o.addressing = AddressingSetting::Host),
        );
        given("https://storage.googleapis.com", source("gs://runs", |_| {}));
        given("https://*.blob.core.windows.net", source("az://runs", |_| {}));
        let minio = |o: &mut ObjectsConfig| o.endpoint = "http://minio:9000/".into();
        given("http://minio:9000", source("s3://runs", minio));
        given(
            "https://files.example.org",
            source("s3://runs", |o| {
                minio(o);
                o.public_url = "https://files.example.org".into();
            }),
        );
    }
}
