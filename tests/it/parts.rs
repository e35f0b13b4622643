//! A seal that is too large for one bundle: several, of one snapshot, applied in one transaction or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use packmule::monitor::Step;

use crate::harness::{Family, assert_equal, bundles_in, contents, server};

const SCHEMA: &str = "
    CREATE TABLE reports (id INT PRIMARY KEY, body VARCHAR(2000) NOT NULL);
    CREATE TABLE pages (id INT PRIMARY KEY, report_id INT NOT NULL, FOREIGN KEY (report_id) REFERENCES reports (id))";
const TABLES: &[&str] = &["reports", "pages"];

#[test]
fn a_large_seal_becomes_several_bundles_that_are_applied_together_or_not_at_all() {
    let (family, stick) = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.run(&["export", word(&stick)]).ok().says("You can take the stick out now");
    let bundles = bundles_in(&stick);
    assert!(bundles.len() >= 3, "{bundles:?}");
    assert!(bundles.iter().all(|path| path.metadata().unwrap().len() < 2 << 20));

    let aside = stick.with_file_name("aside.mule");
    fs::rename(&bundles[1], &aside).unwrap();
    central.run(&["import", "--no-reply", word(&stick)]).code(15).says("bundle 2 ");
    assert_eq!(central.count("reports") + central.count("pages"), 0, "nothing without all of it");
    assert_eq!(central.value("SELECT COUNT(*) FROM packmule_bundle"), "0");

    central.run(&["import", "--no-reply", word(&aside)]).ok();
    assert_equal(lab, central, TABLES);
    assert_eq!(central.value("SELECT COUNT(*) FROM packmule_bundle"), bundles.len().to_string());
    fs::rename(&aside, &bundles[1]).unwrap();
    let before = contents(central);
    central.run(&["import", "--no-reply", word(&stick)]).ok().says("already applied, skipped");
    assert_eq!(contents(central), before);
}

#[test]
fn a_crash_at_any_step_of_a_large_seal_and_its_import_is_made_good_by_the_next_run() {
    // What the others stand for does not happen here.
    let is_elsewhere =
        |name: &str| ["retry.", "rekey.", "clear."].iter().any(|stage| name.starts_with(stage));
    for step in Step::ALL.iter().filter(|step| !is_elsewhere(step.name())) {
        let (family, stick) = family();
        let (central, lab) = (&family.central, family.lab("lab-a"));
        let stick = word(&stick);
        let by_line = ["send.", "fetch."].iter().any(|stage| step.name().starts_with(stage));
        let (out, back) = match by_line {
            true => (vec!["push"], vec!["pull"]),
            false => (vec!["export", stick], vec!["import", "--no-reply", stick]),
        };
        if by_line {
            family.go_online();
        }
        // The second time where a step comes once a bundle: then one part is finished and another is not.
        for (site, command) in [(lab, out), (central, back)] {
            let crash = format!("{}#2", step.name());
            site.command(&command).env("PACKMULE_CRASH_AT", crash).output().unwrap();
            site.run(&command).ok();
        }
        assert_equal(lab, central, TABLES);
        let counted = "SELECT SUM(inserts) FROM packmule_bundle";
        assert_eq!(
            (central.value(counted), lab.value(counted)),
            ("3100".into(), "3100".into()),
            "{}",
            step.name()
        );
        assert_eq!(lab.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "0", "{}", step.name());
    }
}

/// A lab with 3 MB that do not compress, and bundles of 1 MiB at the most.
fn family() -> (Family<'static>, PathBuf) {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let lab = family.lab("lab-a");
    let settings = fs::read_to_string(lab.config()).unwrap();
    fs::write(lab.config(), format!("{settings}\n[stick]\nbundle_max = \"1MiB\"\n")).unwrap();
    let mut random = fastrand::Rng::with_seed(11);
    for chunk in 0..31_u32 {
        let rows: Vec<String> = (0..100)
            .map(|at| {
                let body: String = (0..1400).map(|_| random.alphanumeric()).collect();
                format!("({}, '{body}')", chunk * 100 + at)
            })
            .collect();
        let table = if chunk < 30 { "reports" } else { "pages" };
        let rows = match table {
            "reports" => rows.join(","),
            _ => (0..100).map(|at| format!("({at}, {})", at * 7)).collect::<Vec<_>>().join(","),
        };
        lab.sql(&format!("INSERT INTO {table} VALUES {rows}"));
    }
    let stick = family.central.stick("stick");
    (family, stick)
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}
