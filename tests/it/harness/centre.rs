//! A centre that gives each lab an account, the labs that have joined with it, and what they say to it in SQL.

use std::fs;
use std::path::Path;

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder};
use packmule::demo::PrivateServer;
use sha2::{Digest, Sha256};

use super::server::server;
use super::site::{Role, TestSite};

/// A centre that lets labs come by network, and labs that have joined it.
pub(crate) struct Centre {
    pub(crate) central: TestSite<'static>,
    pub(crate) labs: Vec<TestSite<'static>>,
}

impl Centre {
    pub(crate) fn new(labs: &[&str], schema: &str) -> Centre {
        let central = TestSite::new(server(), Role::Central, "central");
        central.sql(schema);
        central.run(&["init", "--role", "central", "--site", "central", "--database", &central.url()]).ok();
        let address =
            format!("mysql://localhost/{}?socket={}", central.database(), server().socket().display());
        let settings = fs::read_to_string(central.config()).unwrap();
        fs::write(central.config(), format!("{settings}\n[mail]\nurl_for_labs = \"{address}\"\n")).unwrap();
        let labs = labs.iter().map(|name| {
            let lab = TestSite::new(server(), Role::Lab, name);
            lab.sql(schema);
            lab.run(&["init", "--role", "lab", "--site", name, "--database", &lab.url()]).ok();
            enrol(&central, &lab);
            lab
        });
        let labs = labs.collect();
        Centre { central, labs }
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        for lab in &self.labs {
            let _ =
                self.central.server().sql("", &format!("DROP USER IF EXISTS 'packmule_{}'@'%'", lab.name()));
        }
    }
}

/// Enrols a lab, and lets it join with the answer.
pub(crate) fn enrol(central: &TestSite<'_>, lab: &TestSite<'_>) {
    let (card, answer) = (lab.path(&format!("{}.card", lab.name())), lab.path("answer"));
    let said = central.run(&["enrol", word(&card), "--answer", word(&answer), "--yes"]).ok();
    said.says(&format!("account 'packmule_{}'@'%'", lab.name())).never_says("Pm-7");
    assert!(!fs::read_to_string(&answer).unwrap().contains("Pm-7"));
    lab.run(&["join", word(&answer), "--yes"]).ok().says("Online").never_says("Pm-7");
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn password(lab: &TestSite<'_>) -> String {
    fs::read_to_string(lab.state().join("central.password")).unwrap().trim().to_owned()
}

/// Signs in at the centre as the lab does.
pub(crate) fn sign_in(
    server: &PrivateServer,
    database: &str,
    lab: &str,
    password: &str,
) -> Result<Conn, mysql::Error> {
    let socket = server.socket().to_string_lossy().into_owned();
    let user = format!("packmule_{lab}");
    let options = OptsBuilder::new().user(Some(user)).pass(Some(password)).socket(Some(socket));
    Conn::new(options.db_name(Some(database)))
}

impl Centre {
    pub(crate) fn sign_in(&self, lab: usize) -> Conn {
        let lab = &self.labs[lab];
        sign_in(self.central.server(), self.central.database(), lab.name(), &password(lab)).unwrap()
    }

    /// Every row of every table of packmule's and the application's at the centre.
    pub(crate) fn all(&self) -> Vec<Vec<Vec<Option<String>>>> {
        let tables = self.central.query("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'");
        let tables = tables.into_iter().filter_map(|row| row.into_iter().next().flatten());
        tables.map(|table| self.central.query(&format!("SELECT * FROM `{table}`"))).collect()
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The statements by which a bundle is sent in one part.
pub(crate) fn sending(from: &str, to: &str, name: &str, body: &[u8]) -> String {
    let (sha, size) = (hash(body), body.len());
    format!(
        "INSERT INTO packmule_sent (from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts) \
         VALUES ('{from}', '{to}', '{name}', '{sha}', '{sha}', {size}, 1048576, 1)"
    )
}

pub(crate) fn part(mail: &str, number: u32, body: &[u8]) -> String {
    let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "INSERT INTO packmule_sent_part (mail, part, sha256, body) VALUES ({mail}, {number}, '{}', 0x{hex})",
        hash(body)
    )
}
