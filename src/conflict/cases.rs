//! Reads the table of all cases in ARCHITECTURE.md, and judges each: text and rules cannot part.

use crate::conflict::{Case, Clock, Finding, Placed, Rules, Stands, Wait, detect, judge};
use crate::model::{Change, Column, ColumnKind, RowImage, RowKey, Stamp, TableName, TableShape, Value};

const HOUR: i64 = 3_600_000_000;
const CLOCKS: &[&str] = &[
    "lab later",
    "centre later",
    "same time",
    "lab ahead",
    "lab fell back",
    "centre ahead",
    "lab unknown",
    "centre unknown",
    "before the log",
    "after the log",
];

#[test]
fn every_case_of_the_table_ends_as_it_says() {
    let text = include_str!("../../ARCHITECTURE.md");
    let (_, section) = text.split_once("## What becomes of a lab's change").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let mut faults = Vec::new();
    let mut count = 0;
    for line in lines.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, before, central, lab, rules, clocks, row, kind, decided] = cells[..] else {
            panic!("a line of the table has other columns: {line}");
        };
        let clocks = if clocks == "-" { CLOCKS } else { std::slice::from_ref(&clocks) };
        for clock in clocks {
            count += 1;
            let wanted = format!("{row} | {kind} | {decided}");
            let found = outcome(before, central, lab, rules, clock);
            // Words behind those of the table may say more.
            if found != wanted && !(decided.starts_with("waits") && found.starts_with(&wanted)) {
                faults.push(format!("{line}\n  {clock}: {found}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 300, "only {count} cases were found");
}

/// The row, the kind and the decision, as the table spells them.
fn outcome(before: &str, central: &str, lab: &str, rules: &str, clock: &str) -> String {
    let shape = shape();
    let placed = placed(&shape, rules);
    let (lab_time, clock, repeated) = times(clock);
    let key = RowKey(vec![text("1")]);
    let (is_unknown, base) = (before.starts_with('?'), row(before.trim_start_matches("? unseen")));
    let change = match (row(lab), base) {
        (Some(after), Some(before)) if !is_unknown => {
            Change::Update { before: Some(before), after, time: lab_time }
        }
        (Some(after), _) if is_unknown => Change::Update { before: None, after, time: lab_time },
        (Some(after), _) => Change::Insert { after, time: lab_time },
        (None, before) => Change::Delete { key, before: before.filter(|_| !is_unknown), time: lab_time },
    };
    let current = row(central);
    let finding = detect(&shape, &placed, &change, current.as_ref());
    let (lab, editor) = ("lab-a".parse().unwrap(), "central".parse().unwrap());
    let ruling = judge(&Case {
        shape: &shape,
        rules: &placed,
        change: &change,
        current: current.as_ref(),
        finding,
        lab: &lab,
        editor: &editor,
        clock,
        concurrent: before == "? unseen",
        repeated,
    });
    let Some(ruling) = ruling else {
        let after = change.after().filter(|_| finding != Finding::AlreadyThere).or(change.after());
        return format!("{} | - | nobody disagrees", words(after));
    };
    let by = |rule: &str| rule.strip_prefix("rule: ").unwrap_or(rule).to_owned();
    let (row, decided) = match &ruling.stands {
        Stands::Lab(rule) => (change.after(), format!("lab, {}", by(rule))),
        Stands::Central(rule) => (current.as_ref(), format!("central, {}", by(rule))),
        Stands::Merged(row, rule) => (Some(row), format!("both, {}", by(rule))),
        Stands::Waits(Wait::Clock(why) | Wait::Other(why)) => (current.as_ref(), format!("waits: {why}")),
    };
    format!("{} | {} | {decided}", words(row), ruling.kind)
}

fn shape() -> TableShape {
    let column = |(name, kind): (&str, ColumnKind)| Column { name: name.to_owned(), kind };
    let columns = [
        ("id", ColumnKind::Integer),
        ("stock", ColumnKind::Integer),
        ("note", ColumnKind::Text),
        ("place", ColumnKind::Text),
        ("seen", ColumnKind::Timestamp),
    ];
    TableShape { name: TableName::new("stock"), columns: columns.map(column).into(), key: vec![0] }
}

fn placed(shape: &TableShape, words: &str) -> Placed {
    let mut rules = Rules::default();
    for word in words.split("; ").filter(|word| !word.is_empty()) {
        match word {
            "counters" => rules.counters.push("stock".to_owned()),
            "merge = false" => rules.merge = false,
            "always_review" => rules.always_review = true,
            "updated_at" => rules.updated_at = Some("seen".to_owned()),
            word => match word.strip_prefix("note = ") {
                Some(policy) => drop(rules.columns.insert("note".to_owned(), policy.parse().unwrap())),
                None => rules.policy = word.parse().unwrap(),
            },
        }
    }
    rules.place(shape, &["int", "int unsigned", "text", "text", "timestamp"])
}

/// The time of the lab's edit, what is known of the centre's, and whether the lab may have sent its edit before.
fn times(word: &str) -> (Stamp, Clock, bool) {
    let day = Stamp::from_sql("2026-01-10 00:00:00").unwrap().micros();
    let at = |hours: i64| Stamp::from_micros(day + hours * HOUR);
    let (lab, central, is_edit) = match word {
        "lab later" | "put back" => (at(12), at(11), true),
        "centre later" => (at(11), at(12), true),
        "same time" => (at(12), at(12), true),
        "lab ahead" => (at(24), at(12), true),
        "lab fell back" => (at(2), at(1), true),
        "centre ahead" => (at(12), at(24), true),
        "lab unknown" => (Stamp::UNKNOWN, at(12), true),
        "centre unknown" => (at(12), Stamp::UNKNOWN, true),
        "before the log" => (at(11), at(12), false),
        "after the log" => (at(12), at(11), false),
        other => panic!("no clocks are called {other}"),
    };
    (lab, Clock { central, is_edit, now: at(20), sealed_before: Some(at(10)) }, word == "put back")
}

fn row(words: &str) -> Option<RowImage> {
    let words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    let [stock, note, place, ..] = words[..] else {
        return None;
    };
    let stock = if stock == "NULL" { Value::Null } else { text(stock) };
    let seen = words.get(3).map_or(Value::Null, |seen| text(&format!("2026-01-10 {seen}:00")));
    Some(RowImage(vec![text("1"), stock, text(note), text(place), seen]))
}

fn words(row: Option<&RowImage>) -> String {
    let Some(row) = row else {
        return "-".to_owned();
    };
    let word = |value: &Value| match value {
        Value::Text(text) => text.replace("2026-01-10 ", "").replace(":00:00", ":00"),
        Value::Null | Value::Bytes(_) => "NULL".to_owned(),
    };
    let mut words: Vec<String> = row.0.iter().skip(1).map(word).collect();
    words.pop_if(|seen| seen == "NULL");
    words.join(" ")
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
