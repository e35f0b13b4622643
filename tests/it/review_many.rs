//! Many conflicts at once, the export, the view, and texts that would like to harm whoever looks.

use crate::harness::{ALL_WAIT, Round, stock};

/// Conflicts 1 to 3 of the table stock and 4 of the table pairs.
fn met() -> Round {
    let round = Round::to_review(ALL_WAIT);
    round.meet(
        "UPDATE stock SET note = 'central'; UPDATE pairs SET note = 'central'",
        "UPDATE stock SET note = 'lab'; UPDATE pairs SET note = 'lab'",
    );
    assert_eq!(
        round
            .central()
            .value("SELECT GROUP_CONCAT(table_name ORDER BY id) FROM conflict_log WHERE status = 'open'")
            .matches(',')
            .count(),
        3
    );
    round
}

fn ids(round: &Round, table: &str) -> Vec<String> {
    let query = format!("SELECT id FROM conflict_log WHERE table_name = '{table}' ORDER BY id");
    round.central().query(&query).into_iter().flatten().flatten().collect()
}

#[test]
fn many_are_decided_only_after_a_look_and_a_yes() {
    let round = met();
    let look = round.decide(&["approve", "all", "--table", "stock", "-n"]).ok();
    look.says("Approve 3 conflicts:")
        .says("stock, changed: 3")
        .says("note lab")
        .says("dry run")
        .never_says("pairs");
    round.decide(&["approve", "all"]).code(18).says("Approve 4 conflicts?").says("--yes");
    assert_eq!(round.central().count("packmule_decision"), 0);
    round
        .decide(&["approve", "all", "--table", "stock", "--yes", "-m", "all seen"])
        .ok()
        .says("3 conflicts approved; rows changed: 3.");
    round.decide(&["reject", "all", "--yes"]).ok().says("1 conflict rejected; rows changed: 0.");
    // What people have decided is taken back first, also among many.
    let again = round.decide(&["reject", "all", "--status", "decided", "-n"]).code(3);
    again.says("Reject 0 conflicts").says("Left out: 1: conflict 1 is decided");
    round.settle();
    assert_eq!([1, 2, 3].map(|id| stock(round.lab("lab-b"), id)), ["10 lab old", "20 lab old", "30 lab old"]);
    assert_eq!(round.lab("lab-a").value("SELECT note FROM pairs"), "central");
    assert_eq!(
        round.central().value("SELECT GROUP_CONCAT(DISTINCT decision_note) FROM conflict_log"),
        "all seen"
    );
}

#[test]
fn numbers_and_ranges_name_which_and_what_has_moved_on_is_left_for_a_look() {
    let round = met();
    let stocks = ids(&round, "stock");
    let range = format!("{}-{}", stocks[0], stocks[2]);
    round.central().sql("UPDATE stock SET amount = 1 WHERE id = 2");
    round
        .decide(&["approve", &range, "--yes"])
        .code(3)
        .says("row was edited since")
        .says("2 conflicts approved");
    let open =
        "SELECT GROUP_CONCAT(record_id) FROM conflict_log WHERE status = 'open' AND table_name = 'stock'";
    assert_eq!(round.central().value(open), "2");
    // What cannot be written is left as well, and named.
    round.central().sql("UPDATE pairs SET note = 'other'");
    round.conflicts(&["list", "--site", "lab-b"]).ok().says("There is no such conflict.");
    round
        .conflicts(&["list", "--kind", "changed", "--limit", "1"])
        .ok()
        .says("packmule conflicts list --kind changed --after");
    round.decide(&["reopen", &range, "--yes"]).ok().says("2 conflicts open again; rows changed: 2.");
    assert_eq!(stock(round.central(), 1), "10 central old");
    round.settle();
}

#[test]
fn what_the_database_refuses_among_many_waits_and_the_others_are_decided() {
    let round = Round::to_review(ALL_WAIT);
    round.meet(
        "INSERT INTO rooms VALUES (3, 'r2')",
        "INSERT INTO rooms VALUES (2, 'r2'); INSERT INTO rooms VALUES (4, 'r4')",
    );
    round
        .meet("UPDATE stock SET note = 'central' WHERE id = 1", "UPDATE stock SET note = 'lab' WHERE id = 1");
    round.decide(&["approve", "all", "--yes"]).code(3).says("1 conflict approved").says("Duplicate entry");
    assert_eq!(round.line(1), "unique open central");
    round.settle();
}

#[test]
fn all_that_conflict_log_holds_is_exported_and_read_back() {
    let round = met();
    round.lab("lab-a").sql("UPDATE stock SET note = 'say \"so\",\nagain' WHERE id = 1");
    round.export("lab-a").ok();
    round.visit("lab-a").ok();
    let to = |name: &str| round.central().path(name).to_str().unwrap().to_owned();
    let (csv, json) = (to("all.csv"), to("all.json"));
    round.conflicts(&["export", "--format", "csv", "--to", &csv]).ok().says("5 lines written");
    round
        .conflicts(&["export", "--format", "csv", "--to", &csv])
        .code(1)
        .says("name a file that is not there yet");
    round.conflicts(&["export", "--format", "json", "--to", &json]).ok();
    let mut reader = csv::Reader::from_path(&csv).unwrap();
    let heads: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let at = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let lines = "SELECT id, site, table_name, record_id, before_row, central_row, lab_row FROM conflict_log ORDER BY id";
    let known: Vec<Vec<String>> = round
        .central()
        .query(lines)
        .into_iter()
        .map(|row| row.into_iter().map(Option::unwrap).collect())
        .collect();
    let columns = ["id", "lab", "table", "record", "before", "central", "lab_row"].map(at);
    let read: Vec<Vec<String>> =
        rows[..4].iter().map(|row| columns.iter().map(|&at| row[at].clone()).collect()).collect();
    assert_eq!(read, known);
    assert!(rows[4][at("lab_row")].contains("\"note\":\"lab\"") && !rows[4][at("earlier_of")].is_empty());
    let text = std::fs::read_to_string(&json).unwrap();
    assert_eq!(text.lines().count(), 5);
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["format"], "packmule.conflict-line.v1");
    let texts: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(texts.iter().any(|line| line["lab"]["note"] == "say \"so\",\nagain"), "{text}");
    assert_eq!(texts[4]["format"], "packmule.conflict-earlier.v1");
    // Without a file it goes to stdout, for a pipe.
    let piped = round.conflicts(&["export", "--format", "csv", "--table", "pairs"]).ok().stdout;
    assert_eq!(piped.lines().count(), 2);
}

#[test]
fn plain_sql_reads_the_view() {
    let round = met();
    let id = &ids(&round, "pairs")[0];
    round.decide(&["approve", id]).ok();
    let view = "SELECT CONCAT_WS(' / ', lab, table_name, record_id, kind, what_the_lab_did, waits, whose_row_stands, decided_by, decisions, \
                earlier_states) FROM packmule_conflicts WHERE table_name = ";
    assert_eq!(
        round.central().value(&format!("{view}'pairs'")),
        "lab-a / pairs / [\"1\", \"x\"] / changed / changed it / no / the lab / grace / 1 / 0"
    );
    assert_eq!(
        round.central().value(&format!("{view}'stock' AND record_id = '2'")),
        "lab-a / stock / 2 / changed / changed it / yes / the centre / 0 / 0"
    );
}

#[test]
fn programs_read_what_people_read() {
    let round = met();
    let json = |arguments: &[&str]| {
        let ran = round.central().run(&[&["--json", "conflicts"], arguments].concat());
        serde_json::from_str::<serde_json::Value>(&ran.stdout)
            .unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    };
    let id = &ids(&round, "stock")[1];
    let listed = json(&["list"]);
    assert_eq!((&listed["format"], &listed["total"]), (&"packmule.conflicts.v1".into(), &4.into()));
    let shown = json(&["show", id]);
    assert_eq!(shown["format"], "packmule.conflict.v1");
    assert_eq!(
        (&shown["approve"]["row"]["note"], &shown["reject"]["row"]["note"]),
        (&"lab".into(), &"central".into())
    );
    assert_eq!(shown["lab"]["row"]["note"], "lab");
    let row = shown["row"].as_str().unwrap();
    let done = json(&["approve", id, "--row", row, "--by", "grace"]);
    assert_eq!((&done["format"], &done["outcome"]), (&"packmule.conflict-decided.v1".into(), &"lab".into()));
    assert_eq!((&done["after"]["note"], &done["changed"]), (&"lab".into(), &true.into()));
    round.central().sql("UPDATE stock SET amount = 1 WHERE id = 3");
    let stale = json(&["approve", &ids(&round, "stock")[2], "--by", "grace"]);
    assert_eq!((&stale["stale"], &stale["now"]["amount"]), (&true.into(), &"1".into()));
    let many = json(&["reject", "all", "--yes", "--by", "grace"]);
    assert_eq!((&many["format"], &many["done"]), (&"packmule.conflicts-decided.v1".into(), &2.into()));
}

#[test]
fn texts_in_a_row_move_no_cursor_and_a_narrow_window_is_enough() {
    let round = Round::to_review(ALL_WAIT);
    round.central().sql("ALTER TABLE stock MODIFY note TEXT");
    round.lab("lab-a").sql("ALTER TABLE stock MODIFY note TEXT");
    round.meet(
        "UPDATE stock SET note = '' WHERE id = 1; UPDATE stock SET note = NULL WHERE id = 2",
        "UPDATE stock SET note = CONCAT('=HYPERLINK(1)', CHAR(27), '[2J', CHAR(10), 'packmule: all is well') WHERE id = 1; \
         UPDATE stock SET note = REPEAT('long ', 2000) WHERE id = 2",
    );
    for id in ["1", "2"] {
        let mut command = round.central().command(&["conflicts", "show", id]);
        let output = command.env("COLUMNS", "40").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\x1b') && !text.lines().any(|line| line.starts_with("packmule:")), "{text}");
        let words =
            if id == "1" { ["\"\"", "\\u{1b}[2J\\npackmule"] } else { ["NULL", "(10 000 characters)"] };
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
    round.decide(&["approve", "all", "--yes"]).ok().never_says("\x1b");
}
