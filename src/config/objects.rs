//! Where artifacts are stored (`objects.url`) and how long they are kept (`retention.rules`).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::protocol::ArtifactKind;

/// `objects.url`: the store of artifacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ObjectsUrl {
    /// Empty: the directory `objects` in the data directory; in a cluster, whose nodes keep nothing, no store.
    #[default]
    Usual,
    /// `none:`: no artifacts are kept.
    None,
    /// `dir:PATH`: a directory; a relative path starts at `server.data_dir`.
    Dir(PathBuf),
    /// `s3://BUCKET[/PREFIX]`: Amazon S3, or a store that speaks its protocol.
    S3(BucketSetting),
    /// `gs://BUCKET[/PREFIX]`: Google Cloud Storage.
    Gcs(BucketSetting),
    /// `az://CONTAINER[/PREFIX]`: Azure Blob Storage.
    Azure(BucketSetting),
}

/// A bucket, and the prefix of all keys in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketSetting {
    /// The bucket's name.
    pub name: String,
    /// The prefix without slashes at its ends; may be empty.
    pub prefix: String,
}

/// Why `objects.url` can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectsUrlError {
    /// `dir:` has no path.
    #[error("dir: needs the path of a directory, for instance dir:objects")]
    Path,
    /// The bucket's name, or the prefix after it, is invalid.
    #[error("must be {0}://NAME[/PREFIX]; NAME and PREFIX have letters, digits and . _ - only")]
    Bucket(&'static str),
    /// The URL has none of the known forms.
    #[error("must be dir:PATH, s3://BUCKET[/PREFIX], gs://BUCKET[/PREFIX], az://CONTAINER[/PREFIX] or none:")]
    Form,
}

impl BucketSetting {
    fn parse(rest: &str) -> Option<Self> {
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let fits = |part: &str| {
            !part.is_empty()
                && !matches!(part, "." | "..")
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        };
        let all = fits(name) && (prefix.is_empty() || prefix.split('/').all(fits));
        all.then(|| Self { name: name.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for BucketSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl TryFrom<String> for ObjectsUrl {
    type Error = ObjectsUrlError;

    fn try_from(url: String) -> Result<Self, ObjectsUrlError> {
        let bucket =
            |scheme: &'static str, rest: &str| BucketSetting::parse(rest).ok_or(ObjectsUrlError::Bucket(scheme));
        if url.is_empty() {
            return Ok(Self::Usual);
        }
        match url.split_once("://") {
            Some(("s3", rest)) => return bucket("s3", rest).map(Self::S3),
            Some(("gs", rest)) => return bucket("gs", rest).map(Self::Gcs),
            Some(("az", rest)) => return bucket("az", rest).map(Self::Azure),
            _ => {}
        }
        match url.split_once(':') {
            Some(("none", "")) => Ok(Self::None),
            Some(("dir", "")) => Err(ObjectsUrlError::Path),
            Some(("dir", path)) => Ok(Self::Dir(path.into())),
            _ => Err(ObjectsUrlError::Form),
        }
    }
}

impl From<ObjectsUrl> for String {
    fn from(url: ObjectsUrl) -> Self {
        match url {
            ObjectsUrl::Usual => Self::new(),
            ObjectsUrl::None => "none:".into(),
            ObjectsUrl::Dir(path) => format!("dir:{}", path.display()),
            ObjectsUrl::S3(bucket) => format!("s3://{bucket}"),
            ObjectsUrl::Gcs(bucket) => format!("gs://{bucket}"),
            ObjectsUrl::Azure(bucket) => format!("az://{bucket}"),
        }
    }
}

/// One of `retention.rules`: `KIND=DAYS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeepRule {
    /// The kind of artifacts that the rule is for.
    pub kind: ArtifactKind,
    /// Days for which these artifacts are kept.
    pub days: u32,
}

/// Most days of a rule: a century.
pub(super) const MAX_DAYS: u32 = 36_500;

impl FromStr for KeepRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (kind, days) = text.split_once('=')?;
            let days = days.trim().parse().ok().filter(|days| *days <= MAX_DAYS)?;
            Some(Self { kind: ArtifactKind::parse(kind.trim())?, days })
        };
        read().ok_or_else(|| {
            let kinds = ArtifactKind::ALL.map(ArtifactKind::as_str).join(", ");
            format!("{text:?} must be like video=7: one of {kinds}, and 0 to {MAX_DAYS} days")
        })
    }
}

impl TryFrom<String> for KeepRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<KeepRule> for String {
    fn from(rule: KeepRule) -> Self {
        format!("{}={}", rule.kind.as_str(), rule.days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(name: &str, prefix: &str) -> BucketSetting {
        BucketSetting { name: name.into(), prefix: prefix.into() }
    }

    #[test]
    fn each_store_has_its_form_and_is_written_as_it_was_read() {
        for (url, read) in [
            ("", ObjectsUrl::Usual),
            ("none:", ObjectsUrl::None),
            ("dir:objects", ObjectsUrl::Dir("objects".into())),
            ("dir:/srv/objects", ObjectsUrl::Dir("/srv/objects".into())),
            ("s3://runs", ObjectsUrl::S3(bucket("runs", ""))),
            ("gs://runs/ci/web", ObjectsUrl::Gcs(bucket("runs", "ci/web"))),
            ("az://runs/ci", ObjectsUrl::Azure(bucket("runs", "ci"))),
        ] {
            assert_eq!(ObjectsUrl::try_from(url.to_owned()), Ok(read.clone()), "{url}");
            assert_eq!(String::from(read), url);
        }
        assert_eq!(ObjectsUrl::try_from("s3://runs/a/".to_owned()), Ok(ObjectsUrl::S3(bucket("runs", "a"))));
    }

    #[test]
    fn what_is_no_store_is_refused_with_what_would_be_one() {
        for (url, error) in [
            ("dir:", ObjectsUrlError::Path),
            ("s3://", ObjectsUrlError::Bucket("s3")),
            ("s3://b/../x", ObjectsUrlError::Bucket("s3")),
            ("s3://b//x", ObjectsUrlError::Bucket("s3")),
            ("gs://b?x=1", ObjectsUrlError::Bucket("gs")),
            ("az://user:hunter2@c", ObjectsUrlError::Bucket("az")),
            ("none:x", ObjectsUrlError::Form),
            ("/srv/objects", ObjectsUrlError::Form),
            ("https://bucket.s3.amazonaws.com", ObjectsUrlError::Form),
        ] {
            let refused = ObjectsUrl::try_from(url.to_owned()).unwrap_err();
            assert_eq!(refused, error, "{url}");
            assert!(!refused.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_rule_names_a_kind_and_days() {
        assert_eq!(" video = 7".parse(), Ok(KeepRule { kind: ArtifactKind::Video, days: 7 }));
        for bad in ["video", "films=7", "video=-1", "video=x", "video=36501"] {
            let refused = bad.parse::<KeepRule>().unwrap_err();
            assert!(refused.contains("video=7") && refused.contains("screenshot"), "{refused}");
        }
    }
}
