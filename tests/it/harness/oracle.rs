//! Says once more, in other words than the program, what each conflict that was decided by rule should have come to, from the
//! rows, times and rules alone. A rule that favours the wrong side loses nothing and leaves all sites equal, so nothing else
//! in a random world would notice.

use serde_json::{Map, Value};
use toml::Table;

use super::site::TestSite;

type Row = Map<String, Value>;

/// One row of `conflict_log`.
struct Line {
    id: String,
    kind: String,
    before: Option<Row>,
    central: Option<Row>,
    lab: Option<Row>,
    written: Option<Row>,
    central_time: Option<String>,
    lab_time: Option<String>,
    decided_at: Option<String>,
}

/// Who wins a column, or a row.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Central,
    Lab,
    /// Nobody can say from here: both edits have the same time.
    Any,
}

/// What is wrong with the conflicts that the centre has met, under these rules of its settings file.
pub(super) fn misjudged(central: &TestSite<'_>, rules: &str) -> Vec<String> {
    let rules: Table = rules.parse().unwrap();
    let rules = rules.get("tables").and_then(|tables| tables.as_table()).cloned().unwrap_or_default();
    let mut faults = Vec::new();
    for (table, line) in decided(central) {
        let rules = rules.get(&table).and_then(|rules| rules.as_table()).cloned().unwrap_or_default();
        if let Err(fault) = judge(&rules, &line) {
            let rows = [&line.before, &line.central, &line.lab, &line.written];
            let rows = rows
                .map(|row| row.as_ref().map_or("-".to_owned(), |row| Value::from(row.clone()).to_string()));
            faults.push(format!("conflict {} in {table}: {fault}: {}", line.id, rows.join(" / ")));
        }
    }
    for row in central.query(OVER) {
        faults.push(format!("a row that did not fit still waits, though it stands: {row:?}"));
    }
    faults
}

/// Those that a rule has decided, with their tables. What was set aside first and fitted later was no matter of rules.
fn decided(central: &TestSite<'_>) -> Vec<(String, Line)> {
    let rows = central.query(
        "SELECT table_name, id, kind, before_row, central_row, lab_row, written_row, central_time, lab_time, decided_at \
         FROM conflict_log WHERE status = 'decided' AND kind IN ('changed', 'missing', 'exists') \
         AND decided_by LIKE 'rule: %' AND decided_by <> 'rule: a later edit of the row fits'",
    );
    let line = |row: Vec<Option<String>>| {
        let [table, id, kind, before, central, lab, written, central_time, lab_time, decided_at] =
            <[_; 10]>::try_from(row).unwrap();
        let json = |text: Option<String>| text.map(|text| serde_json::from_str(&text).unwrap());
        let [before, central, lab, written] = [before, central, lab, written].map(json);
        let [table, id, kind] = [table, id, kind].map(Option::unwrap);
        (table, Line { id, kind, before, central, lab, written, central_time, lab_time, decided_at })
    };
    rows.into_iter().map(line).collect()
}

/// The error says what should have been.
fn judge(rules: &Table, line: &Line) -> Result<(), String> {
    if is_true(rules, "always_review", false) {
        return Err("everything of this table should wait".to_owned());
    }
    match (&line.before, &line.central, &line.lab) {
        (Some(before), Some(central), Some(lab)) if line.kind == "changed" => {
            if before == central {
                return Err("nobody but the lab has changed the row".to_owned());
            }
            let written = line.written.as_ref().ok_or("the row should be there")?;
            by_columns(rules, line, [before, central, lab, written])
        }
        _ => {
            let wanted = match side(policy(rules, None), line)? {
                Side::Central => &line.central,
                Side::Lab => &line.lab,
                Side::Any => return Ok(()),
            };
            if wanted == &line.written { Ok(()) } else { Err("the other side should have won".to_owned()) }
        }
    }
}

fn by_columns(rules: &Table, line: &Line, [before, central, lab, written]: [&Row; 4]) -> Result<(), String> {
    let is_counter = |name: &str| {
        let counters = rules.get("counters").and_then(|list| list.as_array());
        counters.is_some_and(|list| list.iter().any(|one| one.as_str() == Some(name)))
    };
    let block: Vec<&String> = before.keys().filter(|name| !is_counter(name)).collect();
    let differ = |a: &Row, b: &Row| block.iter().any(|name| a.get(*name) != b.get(*name));
    let whole = !is_true(rules, "merge", true)
        && differ(before, central)
        && differ(before, lab)
        && differ(central, lab);
    // All columns that either side has changed belong together then.
    let belongs =
        |name: &String| whole && (before.get(name) != central.get(name) || before.get(name) != lab.get(name));
    for name in before.keys() {
        let cells = [before, central, lab].map(|row| row.get(name).cloned().unwrap_or_default());
        let wanted = if is_counter(name) {
            counted(&cells)
        } else {
            let [before, central, lab] = cells;
            match (before == central, before == lab) {
                _ if belongs(name) || before != central && before != lab && central != lab => {
                    match side(policy(rules, Some(name)), line)? {
                        Side::Central => central,
                        Side::Lab => lab,
                        Side::Any => continue,
                    }
                }
                (true, _) => lab,
                (false, _) => central,
            }
        };
        if written.get(name) != Some(&wanted) {
            return Err(format!("{name} should be {wanted}"));
        }
    }
    Ok(())
}

/// The centre's number with what the lab has taken or brought.
fn counted([before, central, lab]: &[Value; 3]) -> Value {
    if before == central || before == lab {
        return if before == central { lab.clone() } else { central.clone() };
    }
    let hundredths = |value: &Value| {
        let text = value.as_str().unwrap();
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        format!("{whole}{rest:0<2}").parse::<i64>().unwrap()
    };
    let sum = hundredths(central) + hundredths(lab) - hundredths(before);
    let sign = if sum < 0 { "-" } else { "" };
    let (whole, rest) = (sum.abs() / 100, sum.abs() % 100);
    let has_point = before.as_str().is_some_and(|text| text.contains('.'));
    Value::from(if has_point { format!("{sign}{whole}.{rest:02}") } else { format!("{sign}{whole}") })
}

fn is_true(rules: &Table, name: &str, unless_said: bool) -> bool {
    rules.get(name).and_then(|value| value.as_bool()).unwrap_or(unless_said)
}

fn policy<'r>(rules: &'r Table, column: Option<&str>) -> &'r str {
    let own = column.and_then(|column| rules.get("columns")?.get(column)?.as_str());
    own.or_else(|| rules.get("policy")?.as_str()).unwrap_or("last-edit-wins")
}

fn side(policy: &str, line: &Line) -> Result<Side, String> {
    match policy {
        "central-wins" => Ok(Side::Central),
        "lab-wins" => Ok(Side::Lab),
        "last-edit-wins" => last_edit(line),
        _ => Err("a person should decide".to_owned()),
    }
}

fn last_edit(line: &Line) -> Result<Side, String> {
    let Some(lab) = &line.lab_time else {
        return Err("a person should decide, because nobody knows when the lab edited the row".to_owned());
    };
    if line
        .decided_at
        .as_ref()
        .is_some_and(|decided| lab > decided || line.central_time.as_ref() > Some(decided))
    {
        return Err("a person should decide, because a clock was ahead".to_owned());
    }
    Ok(match &line.central_time {
        // The log here knows no edit of the row since it began: the lab's is the later one.
        None => Side::Lab,
        Some(central) if central == lab => Side::Any,
        Some(central) if central > lab => Side::Central,
        Some(_) => Side::Lab,
    })
}

/// Rows with a word of somebody's that are in `conflict_log` as not fitting, and stand in their table just so.
const OVER: &str = "SELECT id, table_name, lab_row FROM conflict_log WHERE status = 'open' AND kind IN ('unique', 'orphan', 'value') \
                    AND lab_row = central_row";
