//! The line to the database breaks at each statement of a command: before the server hears it, or when it has been done and
//! the answer is lost, COMMIT among them. The same command again completes the work, and nothing is done twice.
//!
//! `cargo test --test it cuts` breaks it at each COMMIT and at some other statements; with `PACKMULE_ALL_CUTS=1` at every one.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::harness::{
    COUNT_WRITES, Pair, Saved, SavedFolder, Sweep, TestSite, Wire, assert_equal, files, mail_url, set_central,
};

const TABLES: &[&str] = &["shelves", "items"];

#[test]
fn an_export_whose_line_breaks_at_any_statement_is_completed_by_the_next() {
    let scene = Scene::new(false);
    scene.pair.edit();
    let (lab, stick) = (scene.pair.lab(), scene.pair.stick());
    let wire = through(lab);
    let sends = &["WITH CONSISTENT SNAPSHOT", "UPDATE sync_log", "INSERT INTO packmule_bundle", "COMMIT"];
    scene.sweep(&wire, lab, &["export", stick], sends);
}

#[test]
fn an_import_with_its_answer_whose_line_breaks_at_any_statement_is_completed_by_the_next() {
    let scene = Scene::new(false);
    scene.pair.edit();
    scene.pair.export().ok();
    let (central, stick) = (scene.pair.central(), scene.pair.stick());
    let wire = through(central);
    let sends = &["FOR UPDATE", "INSERT INTO `items`", "INSERT INTO packmule_bundle", "DELETE FROM sync_log"];
    scene.sweep(&wire, central, &["import", stick], sends);
}

#[test]
fn a_lab_s_import_of_answer_and_receipt_whose_line_breaks_at_any_statement_is_completed_by_the_next() {
    let scene = Scene::new(false);
    let (lab, central, stick) = (scene.pair.lab(), scene.pair.central(), scene.pair.stick());
    scene.pair.edit();
    scene.pair.export().ok();
    central.run(&["import", stick]).ok();
    scene.pair.edit();
    let wire = through(lab);
    let sends = &["SET confirmed_seq", "INSERT INTO `shelves`", "FOR UPDATE", "COMMIT"];
    scene.sweep(&wire, lab, &["import", stick], sends);
}

#[test]
fn an_exchange_whose_line_to_the_centre_breaks_at_any_statement_goes_on() {
    let scene = Scene::new(true);
    let (lab, central) = (scene.pair.lab(), scene.pair.central());
    scene.pair.edit();
    central.run(&["push"]).ok();
    let wire = Wire::to(central.server().port());
    set_central(lab, &to_port(&mail_url(central, "lab-a"), wire.port()));
    let sends = &["INSERT INTO packmule_sent ", "INSERT INTO packmule_sent_part", "packmule_waiting_part"];
    scene.sweep(&wire, lab, &["sync"], sends);
}

#[test]
fn an_exchange_at_the_centre_whose_line_breaks_at_any_statement_goes_on() {
    let scene = Scene::new(true);
    let (lab, central) = (scene.pair.lab(), scene.pair.central());
    scene.pair.edit();
    lab.run(&["push"]).ok();
    let wire = through(central);
    let sends =
        &["INSERT INTO `items`", "UPDATE packmule_mail", "INSERT INTO packmule_mail", "UPDATE sync_log"];
    scene.sweep(&wire, central, &["sync"], sends);
}

#[test]
fn an_exchange_whose_line_to_the_lab_s_own_database_breaks_at_any_statement_goes_on() {
    let scene = Scene::new(true);
    let (lab, central) = (scene.pair.lab(), scene.pair.central());
    scene.pair.edit();
    central.run(&["push"]).ok();
    let wire = through(lab);
    scene.sweep(&wire, lab, &["sync"], &["INSERT INTO `shelves`", "UPDATE sync_log", "COMMIT"]);
}

/// A lab and a centre that have exchanged things, some of them old enough to be pruned, and the centre's own edits.
struct Scene {
    pair: Pair,
    is_online: bool,
}

impl Scene {
    fn new(is_online: bool) -> Scene {
        let pair = Pair::new();
        let (lab, central) = (pair.lab(), pair.central());
        lab.sql(COUNT_WRITES);
        if is_online {
            pair.go_online();
        }
        for site in [lab, central] {
            let known = fs::read_to_string(site.config()).unwrap();
            fs::write(site.config(), format!("keep = \"1s\"\n{known}")).unwrap();
        }
        let scene = Scene { pair, is_online };
        for id in [800, 801] {
            scene.pair.edit();
            scene.pair.central().sql(&format!("INSERT INTO shelves VALUES ({id}, 'of the centre')"));
            scene.exchange();
        }
        sleep(Duration::from_millis(1100));
        scene.pair.central().sql(
            "INSERT INTO shelves VALUES (900, 'of the centre'); DELETE FROM shelves WHERE id = 800; \
             UPDATE shelves SET name = 'renamed' WHERE id = 801",
        );
        scene
    }

    /// Everything goes both ways.
    fn exchange(&self) {
        let (lab, central, stick) = (self.pair.lab(), self.pair.central(), self.pair.stick());
        if self.is_online {
            lab.run(&["sync"]).ok();
            central.run(&["sync"]).ok();
            lab.run(&["sync"]).ok();
        } else {
            lab.run(&["export", stick]).ok();
            central.run(&["import", stick]).ok();
            lab.run(&["import", stick]).ok();
        }
    }

    fn sweep(&self, wire: &Wire, site: &TestSite<'static>, command: &[&str], sends: &[&str]) {
        let saved = [self.pair.lab(), self.pair.central()].map(Saved::new);
        let stick = SavedFolder::new(&self.pair.stick);
        Sweep {
            wire,
            restore: &|| {
                saved.iter().for_each(Saved::restore);
                stick.restore();
            },
            strike: &|| site.run(command),
            after: &|| {
                site.run(command).ok();
                self.exchange();
                self.seen()
            },
            sends,
        }
        .run();
    }

    /// What must be the same in the end whatever happened: rows, and how often each was written.
    fn seen(&self) -> Vec<String> {
        let (lab, central) = (self.pair.lab(), self.pair.central());
        assert_equal(lab, central, TABLES);
        assert_ledgers_fit(lab, central);
        assert_ledgers_fit(central, lab);
        self.pair.assert_no_parts();
        for site in [lab, central] {
            assert_eq!(files(&site.state().join("inbox")), [] as [&Path; 0]);
            assert_eq!(site.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "0");
        }
        let queries = [
            (central, "SELECT * FROM shelves ORDER BY id"),
            (central, "SELECT * FROM items ORDER BY id"),
            (central, WRITES),
            (lab, WRITES),
            (central, "SELECT COUNT(*) FROM conflict_log"),
            (lab, "SELECT COUNT(*) FROM packmule_kept"),
        ];
        queries.map(|(site, query)| format!("{:?}", site.query(query))).into()
    }
}

const WRITES: &str = "SELECT action, COUNT(*) FROM writes GROUP BY action ORDER BY action";

/// Fails the test unless what one site has applied of the other's is what that has sealed, number after number.
fn assert_ledgers_fit(from: &TestSite<'_>, to: &TestSite<'_>) {
    let query = |state: &str| {
        format!(
            "SELECT incarnation, seq, digest, previous, inserts, updates, deletes FROM packmule_bundle \
             WHERE from_site = '{}' AND state = '{state}' ORDER BY incarnation, seq",
            from.name()
        )
    };
    let (sealed, applied) = (from.query(&query("sealed")), to.query(&query("applied")));
    assert!(sealed.starts_with(&applied), "{applied:?} of {sealed:?}");
    for (at, row) in sealed.iter().enumerate() {
        assert_eq!(row.get(1), Some(&Some((at + 1).to_string())), "a gap in the numbers: {sealed:?}");
    }
}

/// Puts a line that can break between a site and its database.
pub(crate) fn through(site: &TestSite<'_>) -> Wire {
    let wire = Wire::to(site.server().port());
    let known = fs::read_to_string(site.config()).unwrap();
    let url = to_port(&site.server().tcp_url(site.database()), wire.port());
    assert!(known.contains(&site.url()), "{known}");
    fs::write(site.config(), known.replace(&site.url(), &url)).unwrap();
    wire
}

/// An address with another port.
pub(crate) fn to_port(url: &str, port: u16) -> String {
    let (before, after) = url.split_once("127.0.0.1:").unwrap();
    let (_, database) = after.split_once('/').unwrap();
    format!("{before}127.0.0.1:{port}/{database}")
}
