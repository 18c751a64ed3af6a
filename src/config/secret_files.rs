//! Secrets that stand in files of their own: `redis.url_file` names the file of `redis.url`. Each key whose value is a
//! secret has this form, which has no default and stands in no section of `config.toml`.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::sections::ALL_KEYS;
use super::values::Secret;

/// Most bytes of such a file: a key or a URL, or a few of them.
const MAX_BYTES: u64 = 64 * 1024;

/// How the types of secrets are written where the keys are declared. A catalog's URL may hold a password.
const SECRET_TYPES: [&str; 3] = ["Secret", "Vec<Secret>", "CatalogSetting"];

/// The sections and keys whose values are secrets.
fn secrets() -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = ALL_KEYS.iter().flat_map(|keys| keys.iter());
    all.filter(|(.., ty)| SECRET_TYPES.contains(ty)).map(|(section, key, _)| (*section, *key))
}

/// The key of the secret whose file this key names, both behind their section: `redis.url` of `redis.url_file`.
pub fn secret_of(form: &str) -> Option<String> {
    let key = form.strip_suffix("_file")?;
    let is_it = |(section, name): (&str, &str)| key.split_once('.') == Some((section, name));
    secrets().any(is_it).then(|| key.to_owned())
}

/// All keys that name files, behind their sections.
pub(super) fn forms() -> impl Iterator<Item = (String, String)> {
    secrets().map(|(section, key)| (section.to_owned(), format!("{key}_file")))
}

/// What stands in such a file.
pub(super) struct SecretLines {
    /// Its lines, but for those that are empty.
    pub(super) lines: Vec<String>,
    /// Whether everybody on this machine may read it.
    pub(super) is_public: bool,
}

/// Reads the file of a secret.
///
/// # Errors
/// What is wrong with the file. It shows nothing that stands in it.
pub(super) fn read(path: &Path) -> Result<SecretLines, String> {
    let unreadable = |error: std::io::Error| format!("can't be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("has more than {MAX_BYTES} bytes, which no secret has"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if lines.is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(SecretLines { lines, is_public: mode & 0o004 != 0 })
}

/// Reads the file of one secret, and says whether everybody on this machine may read it.
///
/// # Errors
/// What is wrong with the file. It shows nothing that stands in it.
pub fn read_secret(path: &Path) -> Result<(Secret, bool), String> {
    let SecretLines { mut lines, is_public } = read(path)?;
    match lines.len() {
        1 => Ok((Secret::new(lines.remove(0)), is_public)),
        count => Err(format!("must have one line, has {count}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::{self, Permissions};

    use super::super::tests::load;
    use super::super::{CatalogSetting, Config};
    use super::*;

    /// A file with this text and mode, which is removed with the directory.
    fn file(text: &[u8], mode: u32) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let path = path.to_str().unwrap().to_owned();
        (directory, path)
    }

    #[test]
    fn every_key_that_debug_does_not_show_has_the_form() {
        let named: BTreeSet<String> = secrets().map(|(section, key)| format!("{section}.{key}")).collect();
        let debug = format!("{:?}", Config::default());
        assert_eq!(
            debug.matches("(not set)").count() + 2,
            named.len(),
            "a list, and a URL that is no secret: {named:?}"
        );
        for key in ["redis.url", "catalog.url", "objects.signing_key", "sentry.dsn", "auth.signing_keys"] {
            assert_eq!(secret_of(&format!("{key}_file")).as_deref(), Some(key));
        }
        for form in ["redis.prefix_file", "redis.url", "redis.url_file_file", "url_file", "redis._file"] {
            assert_eq!(secret_of(form), None, "{form}");
        }
    }

    #[test]
    fn a_secret_is_taken_from_the_file_that_a_key_or_a_variable_names() {
        let (_one, redis) = file(b"redis://:hunter2@localhost\n", 0o600);
        let (_two, catalog) = file(b"postgres://u:hunter2@localhost/d\r\n", 0o400);
        let (_three, keys) =
            file(b"the first key, with a comma and 32 characters\n\nthe second key has 32 characters as well\n", 0o600);
        let text =
            format!("[redis]\nurl_file = {redis:?}\n[journal]\nurl = \"redis:\"\n[auth]\nsigning_keys_file = {keys:?}");
        let loaded = load(&text, &[("RUNCAST__CATALOG__URL_FILE", &catalog)], &[]).unwrap();
        assert_eq!(loaded.config.redis.url.reveal(), "redis://:hunter2@localhost");
        let CatalogSetting::Postgres(url) = &loaded.config.catalog.url else { panic!("{:?}", loaded.config.catalog) };
        assert_eq!(url.reveal(), "postgres://u:hunter2@localhost/d");
        let keys: Vec<&str> = loaded.config.auth.signing_keys.iter().map(|key| key.reveal()).collect();
        assert_eq!(keys, ["the first key, with a comma and 32 characters", "the second key has 32 characters as well"]);
        let ours = |warning: &&super::super::ConfigProblem| warning.to_string().contains("_file");
        assert_eq!(loaded.warnings.iter().find(ours), None);
        assert!(!format!("{loaded:?}").contains("hunter2"));
    }

    #[test]
    fn a_variable_wins_over_the_configuration_file_also_when_it_is_empty() {
        let (_one, other) = file(b"http://other@localhost:9/1", 0o600);
        let text = "[sentry]\ndsn_file = \"/nonexistent/file\"";
        let loaded = load(text, &[("RUNCAST__SENTRY__DSN_FILE", &other)], &[]).unwrap();
        assert_eq!(loaded.config.sentry.dsn.reveal(), "http://other@localhost:9/1");
        let loaded = load(text, &[("RUNCAST__SENTRY__DSN_FILE", "")], &[]).unwrap();
        assert!(loaded.config.sentry.dsn.is_empty());
    }

    #[test]
    fn a_secret_and_its_file_are_not_given_together() {
        let (_one, path) = file(b"redis://:hunter2@localhost", 0o600);
        let text = format!("[redis]\nurl_file = {path:?}");
        for variable in ["REDIS_URL", "RUNCAST__REDIS__URL"] {
            let problems = load(&text, &[(variable, "redis://:hunter3@localhost")], &[]).unwrap_err();
            let wanted = format!("redis.url ({variable}) and redis.url_file (DIR/config.toml:2): only one of the two");
            assert!(problems.contains(&wanted) && !problems.contains("hunter"), "{problems}");
        }
        // What is as it always is, was not given.
        let (_two, path) = file(b"memory:", 0o600);
        let text = format!("[catalog]\nurl = \"sqlite:catalog.db\"\nurl_file = {path:?}\n[journal]\nurl = \"memory:\"");
        assert_eq!(load(&text, &[], &[]).unwrap().config.catalog.url, CatalogSetting::Memory);
    }

    #[test]
    fn what_is_wrong_with_the_file_is_said_without_showing_it() {
        let (_one, empty) = file(b"\n\n", 0o600);
        let (_two, long) = file(&vec![b'x'; 65_537], 0o600);
        let (_three, binary) = file(b"hunter2\xff", 0o600);
        let (_four, two) = file(b"redis://:hunter2@h\nredis://:hunter2@i", 0o600);
        let (_five, wrong) = file(b"hunter2", 0o600);
        for (path, wanted) in [
            (
                "/nonexistent/file",
                "redis.url_file (RUNCAST__REDIS__URL_FILE): /nonexistent/file can't be read: No such",
            ),
            ("/", "can't be read: Is a directory"),
            (&empty, "is empty"),
            (&long, "has more than 65536 bytes"),
            (&binary, "is not UTF-8"),
            (&two, "must have one line, has 2"),
            (&wrong, "redis.url (/"),
        ] {
            let problems = load(
                "[journal]\nurl = \"redis:\"\n[catalog]\nurl = \"postgres://u@h/d\"",
                &[("RUNCAST__REDIS__URL_FILE", path)],
                &[],
            );
            let problems = problems.unwrap_err();
            assert!(problems.contains(wanted) && problems.contains("has 1 problem:"), "{problems}");
            assert!(!problems.contains("hunter2"), "{problems}");
        }
        let typed = load("[redis]\nurl_file = 3", &[], &[]).unwrap_err();
        assert!(typed.contains("redis.url_file (DIR/config.toml:2): must be a text in quotes"), "{typed}");
    }

    #[test]
    fn a_file_that_everybody_may_read_is_a_warning_and_a_misspelt_name_is_told() {
        let (_one, path) = file(b"http://key@localhost:9/1", 0o644);
        let loaded = load("", &[("RUNCAST__SENTRY__DSN_FILE", &path)], &[]).unwrap();
        let warning = loaded.warnings[0].to_string();
        assert!(
            warning.starts_with("sentry.dsn_file (RUNCAST__SENTRY__DSN_FILE): ") && warning.contains("chmod"),
            "{warning}"
        );
        for (text, meant) in
            [("[sentry]\ndsn_fil = \"x\"", "sentry.dsn_file"), ("[redis]\nurls_file = \"x\"", "redis.url_file")]
        {
            let problems = load(text, &[], &[]).unwrap_err();
            assert!(problems.contains(&format!("did you mean {meant}?")), "{problems}");
        }
        let variable = load("", &[("RUNCAST_REDIS_URL_FILE", "x")], &[]).unwrap_err();
        assert!(variable.contains("did you mean RUNCAST__REDIS__URL_FILE?"), "{variable}");
    }
}
