//! The sites of a run, what is served of them, and the file that tells the tests in the browser where all that is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::exchanges::{self, word};
use crate::harness::{Role, Round, TestSite, server};
use crate::served::Served;

/// A centre with its labs, and one lab that is not enrolled yet.
pub(crate) struct World {
    round: Round,
    newcomer: TestSite<'static>,
}

/// The users of the console, and their roles.
const USERS: [(&str, &str); 3] = [("vera", "viewer"), ("rose", "reviewer"), ("ada", "admin")];

impl World {
    pub(crate) fn new() -> World {
        let round = exchanges::all();
        let newcomer = TestSite::new(server(), Role::Lab, "lab-new");
        newcomer.sql(&crate::cells::schema());
        let (url, card) = (newcomer.url(), newcomer.path("lab-new.card"));
        let init = ["init", "--role", "lab", "--site", "lab-new", "--database", &url, "--card", word(&card)];
        newcomer.run(&init).ok();
        let world = World { round, newcomer };
        for (name, role) in USERS {
            world
                .central()
                .run(&["users", "add", name, "--role", role, "--password-file", word(&world.password(name))])
                .ok();
        }
        world
    }

    pub(crate) fn central(&self) -> &TestSite<'static> {
        self.round.central()
    }

    /// Starts the console at a port that the system picks.
    pub(crate) fn serve(&self) -> Served {
        Served::start(self.central().command(&["serve", "--listen", "127.0.0.1:0", "--json"]))
    }

    /// Writes the file that tells all that a test in the browser may want to know.
    pub(crate) fn tell(&self, served: &Served) -> PathBuf {
        let sites = self.round.family.sites().chain([&self.newcomer]);
        let sites: Map<String, Value> = sites.map(|site| (site.name().to_owned(), told_of(site))).collect();
        let users: Map<String, Value> = USERS
            .iter()
            .map(|(name, role)| ((*role).to_owned(), json!({"name": name, "password": password_of(name)})))
            .collect();
        let text = json!({
            "url": served.url(), "pid": served.id(), "users": users, "sites": sites,
            "program": env!("CARGO_BIN_EXE_packmule"),
            "sql": [std::env::current_exe().unwrap(), "sql", server().socket()],
        });
        let path = self.central().path("world.json");
        fs::write(&path, text.to_string()).unwrap();
        path
    }

    fn password(&self, name: &str) -> PathBuf {
        let path = self.central().path(&format!("{name}.password"));
        fs::write(&path, password_of(name)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

fn told_of(site: &TestSite<'static>) -> Value {
    json!({
        "settings": site.config(), "database": site.database(), "stick": site.path("stick"),
        "card": site.path(&format!("{}.card", site.name())), "folder": site.path(""),
    })
}

fn password_of(name: &str) -> String {
    format!("{name} has a long password")
}
