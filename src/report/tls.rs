//! What helps where there is no safe line to a server, for each cause a step that a person can take.

use crate::db::TlsFault;
use crate::report::Report;

/// Adds the steps to a report whose cause is known already.
pub(crate) fn with_hints(report: Report, fault: &TlsFault) -> Report {
    let report = match fault {
        TlsFault::NotOffered => report.hint("ask the administrator of the server to switch TLS on (ssl_cert, ssl_key in its my.cnf)"),
        TlsFault::Wanted => return report.hint("in the settings: tls = \"required\", and ca = \"FILE\" where the authority is your own"),
        TlsFault::CaUnreadable { .. } => return report.hint("mend `ca` in the settings; a path there starts at the settings file's folder"),
        TlsFault::NotPem { .. } => {
            return report
                .hint("`ca` must be the authority's certificate, as text; of a binary one: openssl x509 -inform der -in FILE -out ca.pem");
        }
        TlsFault::OldForm | TlsFault::NoName { .. } | TlsFault::CaAsServer | TlsFault::Weak | TlsFault::OtherUse => {
            report.hint(NEW_CERTIFICATE)
        }
        TlsFault::OtherName { .. } => {
            report.hint("write one of these names as the host in the settings, or have the certificate made anew for this one")
        }
        TlsFault::Expired { .. } => report
            .hint("set this computer's clock, if it is wrong: timedatectl")
            .hint("if it is right, the server needs a new certificate: tell its administrator"),
        TlsFault::NotYet { .. } => report.hint("set this computer's clock, if it is wrong: timedatectl"),
        TlsFault::UnknownIssuer { .. } => report
            .hint("ask the administrator of the server for its authority's certificate (ca.pem), and name it in the settings: ca = \"ca.pem\""),
        TlsFault::TooOld { .. } => report.hint("ask the administrator of the server for TLS 1.2 or 1.3 (tls_version in its my.cnf)"),
        TlsFault::Other { .. } => report,
    };
    report.hint("nothing was sent, not even the password; packmule doctor")
}

const NEW_CERTIFICATE: &str = "ask the administrator of the server for a new certificate, signed by an authority, with the server's \
                               name as subjectAltName; README.md, \"Encrypted lines\", shows how to make one";
