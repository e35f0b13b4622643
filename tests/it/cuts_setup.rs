//! The same for commands that set things up, put them right or decide: the line breaks at a statement, and the command is run again.

use std::path::{Path, PathBuf};

use crate::cuts::{through, to_port};
use crate::harness::{
    ALL_WAIT, Pair, Ran, Role, Round, SCHEMA, Saved, SavedFolder, Sweep, TestSite, Wire, assert_equal,
    server, signing_key, stock,
};

const TABLES: &[&str] = &["shelves", "items"];

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_init_whose_line_breaks_at_any_statement_is_completed_by_the_same_command() {
    let wire = Wire::to(server().port());
    let site = std::cell::RefCell::new(None);
    let init = || {
        let site = site.borrow();
        let site: &TestSite<'static> = site.as_ref().unwrap();
        let url = to_port(&server().tcp_url(site.database()), wire.port());
        let card = site.path("lab.card");
        site.run(&["init", "--role", "lab", "--site", "lab-z", "--database", &url, "--card", word(&card)])
    };
    Sweep {
        wire: &wire,
        restore: &|| {
            let fresh = TestSite::new(server(), Role::Lab, "lab-z");
            fresh.sql(SCHEMA);
            *site.borrow_mut() = Some(fresh);
        },
        strike: &init,
        after: &|| {
            init().ok();
            let site = site.borrow();
            let site: &TestSite<'static> = site.as_ref().unwrap();
            let queries = [
                "SELECT table_name, column_name, column_type, column_key FROM information_schema.columns \
                 WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
                "SELECT trigger_name, action_statement FROM information_schema.triggers \
                 WHERE trigger_schema = DATABASE() ORDER BY trigger_name",
                "SELECT id, role, site, number, last_batch FROM packmule_here",
                "SELECT number, name FROM packmule_migration ORDER BY number",
                "SELECT COUNT(*) FROM sync_log",
            ];
            queries.map(|query| format!("{:?}", site.query(query))).into()
        },
        sends: &["CREATE TABLE", "INSERT INTO packmule_here"],
    }
    .run();
}

/// A centre and a lab that are at work, and one more lab with a card.
struct Joining {
    pair: Pair,
    lab: TestSite<'static>,
    card: PathBuf,
    answer: PathBuf,
}

impl Joining {
    fn new() -> Joining {
        let pair = Pair::new();
        pair.edit();
        pair.exchange();
        let lab = TestSite::new(server(), Role::Lab, "lab-z");
        lab.sql(SCHEMA);
        let (card, answer) = (lab.path("lab.card"), lab.path("lab.answer"));
        let url = lab.url();
        lab.run(&["init", "--role", "lab", "--site", "lab-z", "--database", &url, "--card", word(&card)])
            .ok();
        Joining { pair, lab, card, answer }
    }

    fn enrol(&self) -> Ran {
        self.pair.central().run(&["enrol", word(&self.card), "--answer", word(&self.answer), "--yes"])
    }

    fn join(&self) -> Ran {
        self.lab.run(&["join", word(&self.answer), "--yes"])
    }

    /// The new lab takes part.
    fn seen(&self) -> Vec<String> {
        let central = self.pair.central();
        self.lab.sql("INSERT INTO shelves VALUES (700, 'of lab-z')");
        let stick = self.lab.stick("stick");
        for (site, command) in [(&self.lab, "export"), (central, "import"), (&self.lab, "import")] {
            site.run(&[command, word(&stick)]).ok();
        }
        assert_equal(&self.lab, central, TABLES);
        let queries = [
            (central, "SELECT name, role, number, state FROM packmule_site ORDER BY name"),
            (&self.lab, "SELECT name, role, number, state FROM packmule_site ORDER BY name"),
            (&self.lab, "SELECT number, last_batch FROM packmule_here"),
            (&self.lab, "SELECT name, direction FROM packmule_table ORDER BY name"),
            (central, "SELECT COUNT(*) FROM conflict_log"),
        ];
        queries.map(|(site, query)| format!("{:?}", site.query(query))).into()
    }

    /// Breaks the line of one of the two at each statement of a command; `after` does what is left to do.
    #[track_caller]
    fn sweep(&self, of: &TestSite<'_>, strike: &dyn Fn() -> Ran, after: &dyn Fn(), sends: &[&str]) {
        let wire = through(of);
        let saved = [self.pair.central(), &self.lab].map(Saved::new);
        let stick = SavedFolder::new(&self.lab.stick("stick"));
        Sweep {
            wire: &wire,
            restore: &|| {
                saved.iter().for_each(Saved::restore);
                stick.restore();
            },
            strike,
            after: &|| {
                after();
                self.seen()
            },
            sends,
        }
        .run();
    }
}

#[test]
fn an_enrol_whose_line_breaks_at_any_statement_gives_one_number_and_one_place() {
    let scene = Joining::new();
    scene.sweep(
        scene.pair.central(),
        &|| scene.enrol(),
        &|| {
            scene.enrol().ok();
            scene.join().ok();
        },
        &["INSERT INTO packmule_site"],
    );
}

#[test]
fn a_join_whose_line_breaks_at_any_statement_is_completed_by_the_same_command() {
    let scene = Joining::new();
    scene.enrol().ok();
    scene.sweep(
        &scene.lab,
        &|| scene.join(),
        &|| drop(scene.join().ok()),
        &["INSERT INTO packmule_site", "UPDATE packmule_here"],
    );
}

/// A centre and a lab, with a backup of one of them that is a round old.
fn with_backup(of: impl for<'r> Fn(&'r Round) -> &'r TestSite<'static>) -> Round {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    round.central().sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    round.settle();
    let backup = Saved::new(of(&round));
    round
        .lab("lab-a")
        .sql("INSERT INTO shelves VALUES (10, 'of the lab'); UPDATE shelves SET name = 'x' WHERE id = 2");
    round.central().sql("UPDATE shelves SET name = 'of the centre' WHERE id = 1");
    round.go_round("lab-a");
    backup.restore_rows();
    drop(backup);
    of(&round).sql("INSERT INTO shelves VALUES (20, 'after the backup')");
    round
}

fn rows(round: &Round) -> Vec<String> {
    round.go_round("lab-a");
    round.go_round("lab-a");
    round.assert_all_equal();
    let central = round.central();
    let queries =
        ["SELECT * FROM shelves ORDER BY id", "SELECT COUNT(*) FROM conflict_log WHERE status = 'open'"];
    queries.map(|query| format!("{:?}", central.query(query))).into()
}

#[test]
fn a_lab_s_recovery_whose_line_breaks_at_any_statement_is_done_by_the_same_command() {
    let round = with_backup(|round| round.lab("lab-a"));
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let wire = through(lab);
    let saved = [central, lab].map(Saved::new);
    let stick = SavedFolder::new(&round.stick("lab-a"));
    let (card, answer) = (lab.path("new.card"), lab.path("new.answer"));
    let recover = || lab.run(&["recover", "--yes", "--card", word(&card)]);
    Sweep {
        wire: &wire,
        restore: &|| {
            saved.iter().for_each(Saved::restore);
            stick.restore();
        },
        strike: &recover,
        after: &|| {
            recover().ok();
            round.export("lab-a").ok();
            central.run(&["enrol", word(&card), "--answer", word(&answer), "--yes"]).ok();
            lab.run(&["join", word(&answer), "--yes"]).ok();
            rows(&round)
        },
        sends: &["UPDATE packmule_here", "COMMIT"],
    }
    .run();
}

#[test]
fn a_centre_s_recovery_whose_line_breaks_at_any_statement_is_done_by_the_same_command() {
    let round = with_backup(Round::central);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let wire = through(central);
    let saved = [central, lab].map(Saved::new);
    let stick = SavedFolder::new(&round.stick("lab-a"));
    let recover = || central.run(&["recover", "--yes"]);
    Sweep {
        wire: &wire,
        restore: &|| {
            saved.iter().for_each(Saved::restore);
            stick.restore();
        },
        strike: &recover,
        after: &|| {
            recover().ok();
            rows(&round)
        },
        sends: &["UPDATE packmule_here", "COMMIT"],
    }
    .run();
}

#[test]
fn new_keys_whose_line_breaks_at_any_statement_are_known_to_the_other_side_in_the_end() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    round.central().sql("INSERT INTO shelves VALUES (1, 'one')");
    round.settle();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let wire = through(lab);
    let saved = [central, lab].map(Saved::new);
    let stick = SavedFolder::new(&round.stick("lab-a"));
    let rotate = || lab.run(&["keys", "rotate", "--yes"]);
    Sweep {
        wire: &wire,
        restore: &|| {
            saved.iter().for_each(Saved::restore);
            stick.restore();
        },
        strike: &rotate,
        after: &|| {
            rotate().ok();
            lab.sql("INSERT INTO shelves VALUES (10, 'under new keys')");
            let seen = rows(&round);
            let known = central.value("SELECT verifying_key FROM packmule_site WHERE name = 'lab-a'");
            assert_eq!(known, signing_key(lab).verifying_key().to_string());
            seen
        },
        sends: &["INSERT INTO packmule_untold_key", "COMMIT"],
    }
    .run();
}

#[test]
fn a_decision_whose_line_breaks_at_any_statement_is_made_once() {
    let round = Round::to_review(ALL_WAIT);
    round.meet(
        "UPDATE stock SET note = 'of the centre' WHERE id = 1",
        "UPDATE stock SET note = 'of the lab' WHERE id = 1",
    );
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let wire = through(central);
    let saved = [central, lab].map(Saved::new);
    let stick = SavedFolder::new(&round.stick("lab-a"));
    let approve = || round.decide(&["approve", "1"]);
    Sweep {
        wire: &wire,
        restore: &|| {
            saved.iter().for_each(Saved::restore);
            stick.restore();
        },
        strike: &approve,
        after: &|| {
            // Where it was made already the second run has nothing to decide.
            let ran = approve();
            assert!(matches!(ran.code, Some(0 | 1)), "{ran:?}");
            round.go_round("lab-a");
            round.go_round("lab-a");
            assert_equal(lab, central, &["stock"]);
            vec![stock(lab, 1), round.line(1), central.value("SELECT COUNT(*) FROM packmule_decision")]
        },
        sends: &["INSERT INTO packmule_decision", "COMMIT"],
    }
    .run();
}
