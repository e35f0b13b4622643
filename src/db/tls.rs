//! What can go wrong with the encrypted line to a server, told apart so that each can be said clearly.
//!
//! rustls checks certificates as browsers do. The ones that servers made for themselves in earlier years do not pass,
//! and "invalid certificate" helps nobody: so the cause is dug out of the driver's error here.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls's and the driver's own enums: what is not named here is all the same to us"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql_common::proto::codec::error::PacketCodecError;
use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::model::Stamp;

/// Why there is no encrypted line to a server. The words are the cause alone; what helps is for whoever shows them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The server speaks in the clear only.
    #[error("the server does not offer TLS")]
    NotOffered,
    /// The server wants TLS and the settings say that there is to be none.
    #[error("the server takes nobody in without TLS, and the settings switch it off")]
    Wanted,
    /// The CA file cannot be read.
    #[error("the CA file {} cannot be read: {source}", path.display())]
    CaUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The CA file holds no certificate.
    #[error("the CA file {} holds no certificate in PEM form, or one that cannot be read", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
    },
    /// A certificate of version 1, from before subjectAltName and much else.
    #[error("the server's certificate is of the old version 1, whose names and uses cannot be checked")]
    OldForm,
    /// The certificate names no host, or only as CN.
    #[error(
        "the server's certificate names no host at all as subjectAltName, so not {wanted} either; a CN alone does not count any more"
    )]
    NoName {
        /// The host of the settings.
        wanted: String,
    },
    /// The certificate is another host's.
    #[error("the server's certificate is not for {wanted}, but for {}", names.join(", "))]
    OtherName {
        /// The host of the settings.
        wanted: String,
        /// The hosts that it names.
        names: Vec<String>,
    },
    /// The certificate has ended, if this computer's clock is right.
    #[error("the server's certificate ended {}, and this computer's clock says {}", minute(*until), minute(*now))]
    Expired {
        /// Until when it holds.
        until: Stamp,
        /// Now, by this computer's clock.
        now: Stamp,
    },
    /// The certificate has not begun yet, if this computer's clock is right.
    #[error("the server's certificate begins {}, and this computer's clock says {}", minute(*from), minute(*now))]
    NotYet {
        /// From when on it holds.
        from: Stamp,
        /// Now, by this computer's clock.
        now: Stamp,
    },
    /// Nobody known has signed the certificate.
    #[error("{}", unknown_issuer(ca.as_deref()))]
    UnknownIssuer {
        /// The CA file of the settings.
        ca: Option<PathBuf>,
    },
    /// The server shows an authority's certificate: it signed itself, or was given the wrong file.
    #[error(
        "the server shows the certificate of an authority (CA:TRUE), signed by itself, where its own belongs"
    )]
    CaAsServer,
    /// The certificate is signed in a way that is not safe any more.
    #[error(
        "the server's certificate is signed with an old method that is not safe any more, or has too short a key"
    )]
    Weak,
    /// The certificate is for something else than a server.
    #[error("the server's certificate is not made for a server (extendedKeyUsage)")]
    OtherUse,
    /// Both sides speak TLS, and have no version or cipher in common.
    #[error("the server has no TLS 1.2 or 1.3 with a cipher that is safe: {words}")]
    TooOld {
        /// What the library says.
        words: String,
    },
    /// Anything else.
    #[error("{words}")]
    Other {
        /// What the library says.
        words: String,
    },
}

impl TlsFault {
    /// Whether the same again, later, may succeed without anybody's help: a clock may be set by the network.
    pub fn may_pass(&self) -> bool {
        matches!(self, TlsFault::Expired { .. } | TlsFault::NotYet { .. })
    }

    /// Whether it is the server that has no TLS, or none that can be used; a wrong CA file is our own fault.
    pub fn is_servers(&self) -> bool {
        !matches!(self, TlsFault::CaUnreadable { .. } | TlsFault::NotPem { .. } | TlsFault::Wanted)
    }

    /// Looks at the CA file before the driver does, which would say of a wrong one only that it is invalid.
    pub(super) fn of_ca_file(path: &Path) -> Option<Self> {
        let path_buf = path.to_owned();
        match fs::metadata(path).map(|facts| facts.len()) {
            Ok(length) if length > CA_BYTES_MAX => return Some(TlsFault::NotPem { path: path_buf }),
            Ok(_) => {}
            Err(source) => return Some(TlsFault::CaUnreadable { path: path_buf, source }),
        }
        match fs::read(path) {
            Ok(bytes) if holds_certificates(&bytes) => None,
            Ok(_) => Some(TlsFault::NotPem { path: path_buf }),
            Err(source) => Some(TlsFault::CaUnreadable { path: path_buf, source }),
        }
    }

    /// What an error of the driver says about TLS; `None` where it is about something else.
    pub(super) fn of(error: &mysql::Error, host: &str, ca: Option<&Path>) -> Option<Self> {
        match error {
            mysql::Error::DriverError(mysql::DriverError::TlsNotSupported) => {
                return Some(TlsFault::NotOffered);
            }
            // require_secure_transport; MariaDB 10.11 says only that the access is denied
            mysql::Error::MySqlError(error) if matches!(error.code, 3159) => {
                return Some(TlsFault::Wanted);
            }
            _ => {}
        }
        let in_io = |error: &io::Error| {
            let inside = error.get_ref().and_then(|inside| inside.downcast_ref::<rustls::Error>());
            inside.map(|error| of_rustls(error, host, ca))
        };
        match error {
            mysql::Error::IoError(error) | mysql::Error::CodecError(PacketCodecError::Io(error)) => {
                in_io(error)
            }
            mysql::Error::TlsError(mysql::error::tls::TlsError::Tls(error)) => {
                Some(of_rustls(error, host, ca))
            }
            mysql::Error::TlsError(error) => Some(TlsFault::Other { words: error.to_string() }),
            _ => None,
        }
    }
}

fn of_rustls(error: &rustls::Error, host: &str, ca: Option<&Path>) -> TlsFault {
    let wanted = host.to_owned();
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::ExpiredContext { time, not_after } => {
                TlsFault::Expired { until: stamp(not_after.as_secs()), now: stamp(time.as_secs()) }
            }
            CertificateError::NotValidYetContext { time, not_before } => {
                TlsFault::NotYet { from: stamp(not_before.as_secs()), now: stamp(time.as_secs()) }
            }
            CertificateError::NotValidForName => TlsFault::NoName { wanted },
            CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                TlsFault::NoName { wanted }
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                TlsFault::OtherName { wanted, names: presented.iter().map(|name| plain_name(name)).collect() }
            }
            CertificateError::UnknownIssuer => TlsFault::UnknownIssuer { ca: ca.map(Path::to_owned) },
            // Another authority of the same name: an old CA file, from before it was made anew.
            CertificateError::BadSignature => TlsFault::UnknownIssuer { ca: ca.map(Path::to_owned) },
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => TlsFault::Weak,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                TlsFault::OtherUse
            }
            // The library below has no public type for these two.
            CertificateError::Other(other) => match other.to_string().as_str() {
                "UnsupportedCertVersion" => TlsFault::OldForm,
                "CaUsedAsEndEntity" => TlsFault::CaAsServer,
                words => TlsFault::Other { words: words.to_owned() },
            },
            other => TlsFault::Other { words: other.to_string() },
        },
        rustls::Error::PeerIncompatible(_) | rustls::Error::AlertReceived(_) => {
            TlsFault::TooOld { words: error.to_string() }
        }
        other => TlsFault::Other { words: other.to_string() },
    }
}

/// `DnsName("db.example")` and `IpAddress(10.0.0.1)`, as the library prints them, without what is around the name.
fn plain_name(printed: &str) -> String {
    let inner = printed.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(printed);
    inner.trim_matches('"').to_owned()
}

fn stamp(seconds: u64) -> Stamp {
    Stamp::from_micros(Duration::from_secs(seconds).as_micros().try_into().unwrap_or(i64::MAX))
}

/// `2026-11-23 08:20 UTC`.
fn minute(stamp: Stamp) -> String {
    let text = stamp.to_sql();
    format!("{} UTC", text.get(..16).unwrap_or(&text))
}

fn unknown_issuer(ca: Option<&Path>) -> String {
    match ca {
        Some(path) => format!("no authority in {} has signed the server's certificate", path.display()),
        None => "no public authority has signed the server's certificate, and the settings name no other"
            .to_owned(),
    }
}

/// Whether there is a certificate, and none that cannot be read.
fn holds_certificates(bytes: &[u8]) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    let all_read = CertificateDer::pem_slice_iter(bytes)
        .all(|certificate| certificate.is_ok_and(|certificate| roots.add(certificate).is_ok()));
    all_read && !roots.is_empty()
}

const CA_BYTES_MAX: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    fn said(error: CertificateError) -> String {
        let inner = rustls::Error::InvalidCertificate(error);
        // As the driver hands it over: in an I/O error, in its own.
        let error = mysql::Error::IoError(io::Error::new(io::ErrorKind::InvalidData, inner));
        TlsFault::of(&error, "db.example", None).unwrap().to_string()
    }

    #[test]
    fn a_date_that_does_not_hold_is_named_with_this_computers_clock() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let (time, not_after, not_before) = (at(1_700_000_000), at(1_600_000_000), at(1_800_000_000));
        assert_eq!(
            said(CertificateError::ExpiredContext { time, not_after }),
            "the server's certificate ended 2020-09-13 12:26 UTC, and this computer's clock says 2023-11-14 22:13 UTC"
        );
        assert_eq!(
            said(CertificateError::NotValidYetContext { time, not_before }),
            "the server's certificate begins 2027-01-15 08:00 UTC, and this computer's clock says 2023-11-14 22:13 UTC"
        );
    }

    #[test]
    fn names_are_said_without_what_the_library_prints_around_them() {
        let expected = ServerName::try_from("db.example").unwrap();
        let presented = vec!["DnsName(\"other.example\")".to_owned(), "IpAddress(10.0.0.1)".to_owned()];
        assert_eq!(
            said(CertificateError::NotValidForNameContext { expected, presented }),
            "the server's certificate is not for db.example, but for other.example, 10.0.0.1"
        );
    }

    #[test]
    fn what_is_not_about_tls_is_left_to_others() {
        let broken = mysql::Error::IoError(io::Error::new(io::ErrorKind::BrokenPipe, "gone"));
        assert!(TlsFault::of(&broken, "h", None).is_none());
        let other = CertificateError::Other(rustls::OtherError(Arc::new(io::Error::other("Strange"))));
        assert_eq!(said(other), "Strange");
    }
}
