//! Whose events those of a file are: the same file, published to the same run, is the same producer, so that the server
//! knows what it has stored of it.

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::Path;

use uuid::Builder;

use crate::artifacts::Digesting;
use crate::protocol::{ProducerId, RunId};

/// The producer of a file's events, and the file's bytes. `options` are those that decide which lines are posted, and so
/// the numbers of all others. The file is read once, and is at its beginning afterwards.
///
/// # Errors
/// The file can't be read.
pub(super) fn producer_of(run: &RunId, path: &Path, options: &str, file: &mut File) -> io::Result<(ProducerId, u64)> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let mut digest = Digesting::default();
    for part in [b"runcast publish", run.as_str().as_bytes(), name, options.as_bytes()] {
        digest.take(part);
        // No part of these contains a NUL.
        digest.take(&[0]);
    }
    let size = digest.read(file, |_| Ok(()))?;
    file.rewind()?;
    let digest = digest.sha256().0;
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    let id = Builder::from_custom_bytes(half).into_uuid().to_string();
    let producer = ProducerId::parse(&id).map_err(|error| io::Error::other(error.to_string()))?;
    Ok((producer, size))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn run_name_content_and_options_make_the_producer_and_the_folder_does_not() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"{}\n").unwrap();
        let mut of = |run: &str, path: &str, options: &str| {
            file.rewind().unwrap();
            let of = producer_of(&RunId::parse(run).unwrap(), Path::new(path), options, &mut file).unwrap();
            assert_eq!((of.1, file.stream_position().unwrap()), (3, 0));
            of.0.as_str().to_owned()
        };
        let first = of("r", "a/run.ndjson", "");
        assert_eq!(uuid::Uuid::parse_str(&first).unwrap().get_version_num(), 8);
        assert_eq!(of("r", "/b/run.ndjson", ""), first);
        for (run, path, options) in [("q", "run.ndjson", ""), ("r", "other.ndjson", ""), ("r", "run.ndjson", "strict")]
        {
            assert_ne!(of(run, path, options), first);
        }
        let mut other = tempfile::tempfile().unwrap();
        other.write_all(b"{ }\n").unwrap();
        other.rewind().unwrap();
        let of_other = producer_of(&RunId::parse("r").unwrap(), Path::new("run.ndjson"), "", &mut other).unwrap();
        assert_ne!(of_other.0.as_str(), first);
    }
}
