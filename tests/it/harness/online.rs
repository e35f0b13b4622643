//! Labs that reach their centre by network, each with an account at the centre's server that sees its own mail only.

use std::fs;

use super::family::Family;
use super::line::Line;
use super::site::TestSite;

/// What an account of a lab may do at the centre; schema/README.md says the same.
const GRANTS: [&str; 5] = [
    "SELECT, INSERT (from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts) ON packmule_sent",
    "SELECT (mail, part, sha256), INSERT (mail, part, sha256, body) ON packmule_sent_part",
    "SELECT ON packmule_waiting",
    "SELECT ON packmule_waiting_part",
    "SELECT ON packmule_centre",
];

const PASSWORD: &str = "s3cret";

impl Family<'_> {
    /// Opens the mail of every lab at the centre, and tells each where the centre is.
    pub(crate) fn go_online(&self) {
        for lab in &self.labs {
            open_mail(&self.central, lab.name());
            set_central(lab, &mail_url(&self.central, lab.name()));
        }
    }

    /// The same with a line between each lab and the centre, which can be cut.
    pub(crate) fn go_online_by_lines(&self) -> Vec<Line> {
        let port = self.central.server().port();
        let through = |lab: &TestSite<'_>| {
            open_mail(&self.central, lab.name());
            let line = Line::to(port);
            let url = mail_url(&self.central, lab.name());
            set_central(lab, &url.replace(&format!(":{port}/"), &format!(":{}/", line.port())));
            line
        };
        self.labs.iter().map(through).collect()
    }
}

/// Makes the account of a lab at the centre's server, and opens its mail.
pub(crate) fn open_mail(central: &TestSite<'_>, lab: &str) {
    let account = format!("'packmule_{lab}'@'%'");
    // The server is shared by many centres: the account may be there already.
    let mut statements = format!(
        "INSERT INTO packmule_mail_account (site, account, quota_bytes, quota_count) \
           VALUES ('{lab}', 'packmule_{lab}', 1 << 31, 1000) ON DUPLICATE KEY UPDATE is_open = 1; \
         CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{PASSWORD}';"
    );
    for grant in GRANTS {
        statements += &format!("GRANT {grant} TO {account};");
    }
    central.sql(&statements);
}

/// The address of the centre's database for the account of a lab.
pub(crate) fn mail_url(central: &TestSite<'_>, lab: &str) -> String {
    let url = central.server().tcp_url(central.database());
    url.replace("root@", &format!("packmule_{lab}:{PASSWORD}@"))
}

/// Writes into the settings of a lab where its centre is, in the place of what stood there.
pub(crate) fn set_central(lab: &TestSite<'_>, url: &str) {
    let known = fs::read_to_string(lab.config()).unwrap();
    let known = known.split("\n[central]\n").next().unwrap();
    fs::write(lab.config(), format!("{known}\n[central]\nurl = \"{url}\"\n")).unwrap();
}
