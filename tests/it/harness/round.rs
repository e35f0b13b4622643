//! A centre and labs that only sticks join: each lab has a stick of its own, which makes the round.

use std::fs;
use std::path::PathBuf;

use super::family::Family;
use super::program::Ran;
use super::rows::assert_equal;
use super::server::server;
use super::site::{Role, TestSite};

/// One centre, some labs, and a stick for each lab.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) family: Family<'static>,
    tables: Vec<&'static str>,
}

impl Round {
    /// Makes the sites. `tables` are those that are compared.
    pub(crate) fn new(schema: &str, labs: &[&str], tables: &[&'static str]) -> Round {
        Round::with_settings(schema, labs, tables, "")
    }

    /// The same with more settings at the centre, as its administrator writes them before a lab is enrolled.
    pub(crate) fn with_settings(
        schema: &str,
        labs: &[&str],
        tables: &[&'static str],
        settings: &str,
    ) -> Round {
        let mut family = Family::new(server(), schema, &[]);
        let known = fs::read_to_string(family.central.config()).unwrap();
        fs::write(family.central.config(), format!("{known}\n{settings}")).unwrap();
        for name in labs {
            let lab = TestSite::new(server(), Role::Lab, name);
            lab.sql(schema);
            family.add(lab, &[]);
        }
        Round { family, tables: tables.to_vec() }
    }

    pub(crate) fn central(&self) -> &TestSite<'static> {
        &self.family.central
    }

    pub(crate) fn lab(&self, name: &str) -> &TestSite<'static> {
        self.family.lab(name)
    }

    /// The stick of a lab.
    pub(crate) fn stick(&self, lab: &str) -> PathBuf {
        self.lab(lab).stick("stick")
    }

    /// Puts a lab's changes on its stick.
    pub(crate) fn export(&self, lab: &str) -> Ran {
        self.lab(lab).run(&["export", self.stick(lab).to_str().unwrap()])
    }

    /// Takes in a lab's stick at the centre, which writes its answer to it.
    pub(crate) fn visit(&self, lab: &str) -> Ran {
        self.central().run(&["import", self.stick(lab).to_str().unwrap()])
    }

    /// Takes in what the centre has written to the stick, at the lab.
    pub(crate) fn bring_home(&self, lab: &str) -> Ran {
        self.lab(lab).run(&["import", self.stick(lab).to_str().unwrap()])
    }

    /// One whole round of a lab's stick.
    #[track_caller]
    pub(crate) fn go_round(&self, lab: &str) {
        self.export(lab).ok();
        self.visit(lab).ok();
        self.bring_home(lab).ok();
    }

    /// A round of every lab's stick.
    #[track_caller]
    pub(crate) fn go_round_all(&self) {
        self.family.labs.iter().for_each(|lab| self.go_round(lab.name()));
    }

    /// How many bundles this site has sealed.
    pub(crate) fn sealed(&self, site: &TestSite<'_>) -> u64 {
        site.value("SELECT COUNT(*) FROM packmule_bundle WHERE state = 'sealed'").parse().unwrap()
    }

    /// Fails the test unless all sites hold the same rows.
    #[track_caller]
    pub(crate) fn assert_all_equal(&self) {
        for lab in &self.family.labs {
            assert_equal(lab, self.central(), &self.tables);
        }
    }

    /// Rounds until nobody has anything to say, then the sites must be equal and nothing must be kept.
    #[track_caller]
    pub(crate) fn settle(&self) {
        const ROUNDS_MAX: u32 = 8;
        for _ in 0..ROUNDS_MAX {
            let before: Vec<u64> = self.sites().map(|site| self.sealed(site)).collect();
            self.go_round_all();
            let after: Vec<u64> = self.sites().map(|site| self.sealed(site)).collect();
            if before == after {
                self.assert_all_equal();
                for lab in &self.family.labs {
                    assert_eq!(lab.count("packmule_kept"), 0, "words kept at {}", lab.name());
                }
                return;
            }
        }
        panic!("the sites still exchange bundles after {ROUNDS_MAX} rounds with no edit");
    }

    fn sites(&self) -> impl Iterator<Item = &TestSite<'static>> {
        std::iter::once(self.central()).chain(&self.family.labs)
    }
}
