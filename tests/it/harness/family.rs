//! A centre and its labs, enrolled with one another as people would do it, by card files and commands.

use std::path::Path;

use packmule::demo::PrivateServer;

use super::site::{Role, TestSite};

/// A centre and labs that know each other. Every database starts with the same tables.
#[derive(Debug)]
pub(crate) struct Family<'s> {
    /// The central office.
    pub(crate) central: TestSite<'s>,
    /// The labs, in the order of their names in [`Family::new`].
    pub(crate) labs: Vec<TestSite<'s>>,
}

impl<'s> Family<'s> {
    /// Makes the sites on one server, runs `schema` in each database, and enrols every lab for all tables.
    pub(crate) fn new(server: &'s PrivateServer, schema: &str, labs: &[&str]) -> Family<'s> {
        let central = TestSite::new(server, Role::Central, "central");
        central.sql(schema);
        init(&central, &["--tables", "all"]);
        let mut family = Family { central, labs: Vec::new() };
        for name in labs {
            let lab = TestSite::new(server, Role::Lab, name);
            lab.sql(schema);
            family.add(lab, &[]);
        }
        family
    }

    /// A centre on one server and one lab, `lab-a`, on another, each with tables of its own making.
    pub(crate) fn between(central: (&'s PrivateServer, &str), lab: (&'s PrivateServer, &str)) -> Family<'s> {
        let mut family = Family::new(central.0, central.1, &[]);
        let site = TestSite::new(lab.0, Role::Lab, "lab-a");
        site.sql(lab.1);
        family.add(site, &[]);
        family
    }

    /// The centre on the first of these servers, and each lab on one of its own.
    pub(crate) fn apart(servers: &[&'s PrivateServer], schema: &str, labs: &[&str]) -> Family<'s> {
        let mut family = Family::new(servers[0], schema, &[]);
        for (name, server) in labs.iter().zip(&servers[1..]) {
            let lab = TestSite::new(server, Role::Lab, name);
            lab.sql(schema);
            family.add(lab, &[]);
        }
        family
    }

    /// All sites, the centre first.
    pub(crate) fn sites(&self) -> impl Iterator<Item = &TestSite<'s>> {
        std::iter::once(&self.central).chain(&self.labs)
    }

    /// Enrols a lab whose database is ready. `options` go to its `init`, for instance `--adopt`.
    pub(crate) fn add(&mut self, lab: TestSite<'s>, options: &[&str]) {
        let (card, answer) = (lab.path("lab.card"), lab.path("lab.answer"));
        let mut with_card = vec!["--card", word(&card)];
        with_card.extend(options);
        init(&lab, &with_card);
        self.central.run(&["enrol", word(&card), "--answer", word(&answer), "--yes"]).ok();
        lab.run(&["join", word(&answer), "--yes", "--no-series"]).ok();
        self.labs.push(lab);
    }

    /// The lab of this name.
    #[track_caller]
    pub(crate) fn lab(&self, name: &str) -> &TestSite<'s> {
        self.labs.iter().find(|lab| lab.name() == name).unwrap_or_else(|| panic!("no lab {name}"))
    }
}

fn init(site: &TestSite<'_>, options: &[&str]) {
    let url = site.url();
    let mut arguments = vec!["init", "--role", site.role().word(), "--site", site.name(), "--database", &url];
    // All sites of a run share one server, and its settings with it.
    arguments.push("--no-series");
    arguments.extend(options);
    site.run(&arguments).ok();
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}
