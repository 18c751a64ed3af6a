//! Certificates for servers that tests start: an authority and a server certificate that it signed, made with OpenSSL.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Paths of the PEM files.
pub(crate) struct Certificates {
    /// The authority's certificate.
    pub(crate) authority: PathBuf,
    /// The server's certificate, valid only for the name `localhost`.
    pub(crate) certificate: PathBuf,
    /// The server's key.
    pub(crate) key: PathBuf,
}

impl Certificates {
    /// Creates the files in `directory`; they are valid for one day.
    pub(crate) fn make(directory: &Path) -> Self {
        let of = |name: &str| directory.join(name);
        let (authority, certificate, key) = (of("authority.pem"), of("server.pem"), of("server.key"));
        let request = |subject: &str, key: &Path, out: &Path, more: &[&str]| {
            let mut openssl = Command::new("openssl");
            openssl.args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "1",
            ]);
            openssl.args(["-subj", subject]).arg("-keyout").arg(key).arg("-out").arg(out).args(more);
            let made = openssl.current_dir(directory).output().expect("openssl (Debian's package of that name)");
            assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        };
        request("/CN=an authority for tests", &of("authority.key"), &authority, &[]);
        let signed = [
            ["-CA", "authority.pem"],
            ["-CAkey", "authority.key"],
            ["-addext", "basicConstraints=critical,CA:FALSE"],
            ["-addext", "subjectAltName=DNS:localhost"],
        ];
        request("/CN=localhost", &key, &certificate, &signed.concat());
        Self { authority, certificate, key }
    }
}
