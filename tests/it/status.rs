//! What `status` says at each stage of a round, at the lab and at the centre, word for word.

use crate::harness::{Round, SCHEMA, TestSite, bundles_in};

const TABLES: &[&str] = &["shelves", "items"];

/// What a site says of itself, with times and sizes masked.
#[track_caller]
fn status(site: &TestSite<'_>) -> String {
    mask(&site.run(&["status"]).ok().stdout)
}

/// Replaces `23 Nov 2026 03:58 UTC` by `TIME` and `4.5 KiB` by `SIZE`.
fn mask(text: &str) -> String {
    let line = |line: &str| {
        let mut masked: Vec<String> = Vec::new();
        for word in line.split(' ') {
            let (mask, before) = match word {
                word if word.starts_with("UTC") => (word.replacen("UTC", "TIME", 1), 4),
                word if word.starts_with("KiB") => (word.replacen("KiB", "SIZE", 1), 1),
                word => (word.to_owned(), 0),
            };
            masked.truncate(masked.len() - before);
            masked.push(mask);
        }
        masked.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn assert_says(site: &TestSite<'_>, lines: &[&str]) {
    assert_eq!(status(site), lines.join("\n"), "{}", site.name());
}

#[test]
fn every_stage_of_the_first_round_has_its_own_words() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    let plan = "Do next: plug a stick in, then: packmule export; bring it to central, whose import puts its rows on it; \
                then here: packmule import";
    assert_says(
        central,
        &[
            "1 lab takes part.",
            "  lab-a  from it: nothing has arrived yet",
            "         to it: all rows are due, with its next stick",
            "Do next: nothing; what waits for the labs goes with their sticks, or now: packmule export",
        ],
    );
    assert_says(
        lab,
        &["Not up to date: the rows of central have not come yet.", "  From central  nothing yet", plan],
    );
    lab.sql("INSERT INTO shelves VALUES (3, 'three'); INSERT INTO items (shelf, name) VALUES (3, 'scale')");
    assert_says(
        lab,
        &[
            "Not up to date: 2 edits wait for central.",
            "  To send       items 1, shelves 1",
            "  From central  nothing yet",
            plan,
        ],
    );
    round.export("lab-a").ok();
    assert_says(
        lab,
        &[
            "On the way: bundle 1 is not confirmed by central yet.",
            "  On the way    bundle 1 on a stick since TIME (2 changes, SIZE)",
            "  Confirmed     nothing yet",
            "  From central  nothing yet",
            "Do next: bring the stick to central and back, then: packmule import; if it was lost: packmule export",
        ],
    );
    round.visit("lab-a").ok();
    assert_says(
        central,
        &[
            "1 lab takes part.",
            "  lab-a  from it: bundle 1 applied, TIME",
            "         to it: bundle 1 on a stick since TIME (all 4 rows, SIZE)",
            "Do next: nothing",
        ],
    );
    round.bring_home("lab-a").ok();
    // The receipt that it sealed now is on its way, and nobody waits for it.
    let done = [
        "Up to date: nothing waits for central.",
        "  Confirmed     up to bundle 1, TIME",
        "  From central  bundle 1, TIME",
        "Do next: nothing",
    ];
    assert_says(lab, &done);
    round.visit("lab-a").ok();
    let settled = [
        "1 lab takes part.",
        "  lab-a  from it: bundle 2 applied, TIME",
        "         to it: up to date, confirmed up to bundle 1",
        "Do next: nothing",
    ];
    assert_says(central, &settled);
    // What the one lab has brought is for nobody else: no log row waits, though none is sealed.
    lab.sql("UPDATE items SET quantity = 7");
    round.export("lab-a").ok();
    central.run(&["import", "--no-reply", round.stick("lab-a").to_str().unwrap()]).ok();
    assert_eq!(central.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "1");
    assert_says(central, &[settled[0], "  lab-a  from it: bundle 3 applied, TIME", settled[2], settled[3]]);
}

#[test]
fn what_waits_at_the_centre_is_told_for_each_lab() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    let central = round.central();
    central.sql("INSERT INTO shelves VALUES (1, 'one')");
    round.settle();
    round.lab("lab-a").sql("UPDATE shelves SET name = 'of a'");
    round.export("lab-a").ok();
    central.run(&["import", "--no-reply", round.stick("lab-a").to_str().unwrap()]).ok();
    assert_says(
        central,
        &[
            "2 labs take part.",
            "  To send  shelves 1",
            "  lab-a    from it: bundle 2 applied, TIME",
            "           to it: up to date, confirmed up to bundle 1",
            "  lab-b    from it: bundle 1 applied, TIME",
            "           to it: 1 edit is not sealed yet; confirmed up to bundle 1",
            "Do next: nothing; what waits for the labs goes with their sticks, or now: packmule export",
        ],
    );
    // Another import of lab-a's stick seals for lab-b as well, whose stick is not here.
    round.visit("lab-a").ok();
    let told = status(central);
    assert!(
        told.contains("to it: bundle 2 waits for its stick (1 change, SIZE); confirmed up to bundle 1"),
        "{told}"
    );
}

#[test]
fn gaps_conflicts_and_kept_changes_are_told_with_what_to_do() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    round.settle();
    lab.run(&["status", "--check"]).ok();
    // Kept: the lab edits a row while the centre's word on it is on its way.
    central.sql("UPDATE shelves SET name = 'of the centre' WHERE id = 1");
    round.visit("lab-a").ok();
    lab.sql("UPDATE shelves SET name = 'of the lab' WHERE id = 1");
    round.lab("lab-a").run(&["import", "--no-reply", round.stick("lab-a").to_str().unwrap()]).ok();
    let told = status(lab);
    assert!(told.starts_with("Not up to date: 1 edit waits for central.\n"), "{told}");
    let kept =
        "  Kept          1 change of shelves: also edited here; left alone until central has answered that\n";
    assert!(told.contains(kept), "{told}");
    lab.run(&["status", "--check"]).ok();
    round.settle();
    // A gap: of two bundles only the second comes.
    for name in ["first", "second"] {
        central.sql(&format!("UPDATE shelves SET name = '{name}' WHERE id = 2"));
        central.run(&["export", round.stick("lab-a").to_str().unwrap()]).ok();
    }
    let stick = round.stick("lab-a").join("packmule/central-to-lab-a");
    let first = bundles_in(&stick).into_iter().rev().nth(1).unwrap();
    std::fs::remove_file(first).unwrap();
    round.bring_home("lab-a").code(15);
    let told = status(lab);
    assert!(told.starts_with("Not up to date: bundle "), "{told}");
    assert!(
        told.contains("has not arrived\n") && told.ends_with("Do next: ask central to export again"),
        "{told}"
    );
    lab.run(&["status", "--check"]).code(3);
    central.run(&["export", round.stick("lab-a").to_str().unwrap()]).ok();
    round.settle();
    lab.run(&["status", "--check"]).ok().says("Up to date");
}

#[test]
fn a_narrow_window_breaks_lines_between_words() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'one')");
    lab.sql("INSERT INTO shelves VALUES (2, 'two')");
    round.export("lab-a").ok();
    round.visit("lab-a").ok();
    central.run(&["sites", "resend", "lab-a"]).ok();
    for arguments in [["status", "-v"], ["sites", "list"], ["history", "-q"]] {
        for site in
            [central, lab].into_iter().filter(|site| site.name() == "central" || arguments[0] != "sites")
        {
            for width in ["80", "40"] {
                let output = site.command(&arguments).env("COLUMNS", width).output().unwrap();
                let told = String::from_utf8(output.stdout).unwrap();
                assert!(output.status.success() && told.lines().count() > 1, "{told}");
                let columns: usize = width.parse().unwrap();
                assert!(told.lines().all(|line| line.chars().count() <= columns), "{width}\n{told}");
                assert!(told.is_ascii(), "{told}");
            }
        }
    }
}

#[test]
fn a_program_gets_both_directions() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    lab.sql("INSERT INTO shelves VALUES (1, 'one')");
    round.export("lab-a").ok();
    round.visit("lab-a").ok();
    let json = |site: &TestSite<'_>| -> serde_json::Value {
        serde_json::from_str(&site.run(&["status", "--json"]).ok().stdout).unwrap()
    };
    let (at_lab, at_central) = (json(lab), json(central));
    assert_eq!(at_lab["format"], "packmule.status.v1");
    assert_eq!((&at_lab["unconfirmed"], &at_lab["last_sealed"]), (&1.into(), &1.into()));
    assert_eq!((&at_lab["started"], &at_lab["needs_a_person"]), (&false.into(), &false.into()));
    let (in_lab, in_central) = (&at_lab["sites"][0], &at_central["sites"][0]);
    assert_eq!((&in_lab["on_the_way"]["bundles"], &in_lab["confirmed"]), (&vec![1].into(), &().into()));
    assert_eq!((&in_central["last_applied"], &in_central["last_data"]), (&1.into(), &1.into()));
    assert_eq!(in_central["on_the_way"]["snapshot"], true);
    round.bring_home("lab-a").ok();
    assert_eq!(json(lab)["unconfirmed"], 0, "a receipt alone is nothing to wait for");
    assert_eq!(json(lab)["sites"][0]["confirmed"], 1);
}
