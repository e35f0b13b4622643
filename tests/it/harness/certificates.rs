//! Certificates of a test's own authority, made by `openssl`: good ones, and those that must be refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// An authority in a folder of its own, with one key for all the certificates that it signs.
pub(crate) struct Authority {
    folder: TempDir,
}

/// A server's certificate, and the key that belongs to it.
pub(crate) struct Certificate {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let folder = tempfile::Builder::new().prefix("packmule-ca-").tempdir().unwrap();
        let authority = Authority { folder };
        fs::write(authority.path("ca.cnf"), CONFIG).unwrap();
        fs::write(authority.path("index.txt"), "").unwrap();
        fs::write(authority.path("serial"), "01\n").unwrap();
        let request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let files = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "3650"];
        authority.openssl(&[&request[..], &files[..]].concat());
        authority.openssl(&[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-out",
            "server.key",
        ]);
        authority.openssl(&[
            "req",
            "-new",
            "-key",
            "server.key",
            "-subj",
            "/CN=localhost",
            "-out",
            "server.csr",
        ]);
        authority
    }

    /// The authority's own certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// A certificate with these extensions, from one time to another, as `YYYYMMDDhhmmssZ`. Without extensions it is
    /// of version 1.
    pub(crate) fn sign(&self, name: &str, extensions: &str, from: &str, until: &str) -> Certificate {
        let (file, config) = (format!("{name}.pem"), format!("{name}.ext"));
        fs::write(self.path(&config), extensions).unwrap();
        let mut words = vec!["ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"];
        words.extend(["-in", "server.csr", "-startdate", from, "-enddate", until, "-notext", "-out", &file]);
        if !extensions.is_empty() {
            words.extend(["-extfile", &config]);
        }
        self.openssl(&words);
        Certificate { cert: self.path(&file), key: self.path("server.key") }
    }

    /// A certificate that holds now.
    pub(crate) fn sign_now(&self, name: &str, extensions: &str) -> Certificate {
        self.sign(name, extensions, "20200101000000Z", "20991231000000Z")
    }

    /// The authority's own certificate, used as a server's.
    pub(crate) fn itself(&self) -> Certificate {
        Certificate { cert: self.ca(), key: self.path("ca.key") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, words: &[&str]) {
        let ran = Command::new("openssl").args(words).current_dir(self.folder.path()).output();
        let ran = ran.unwrap_or_else(|error| panic!("openssl: {error}: ./dev test installs it"));
        assert!(ran.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

impl Certificate {
    /// Puts it where a server reads its certificate, in `folder`.
    pub(crate) fn put_into(&self, folder: &Path) {
        fs::copy(&self.cert, folder.join("server.pem")).unwrap();
        fs::copy(&self.key, folder.join("server.key")).unwrap();
    }
}

const CONFIG: &str = "[ca]\ndefault_ca = it\n[it]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\n\
                      default_md = sha256\npolicy = any\nunique_subject = no\n[any]\ncommonName = supplied\n";
