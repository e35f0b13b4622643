//! What becomes of a lab's change: one answer for every case that there is. ARCHITECTURE.md has the table of them. Pure.
//!
//! Columns that only one side changed come together, and differences of counters are added, before any policy is asked. A
//! policy decides the columns that are left, or the whole row where there is nothing to compare it with: one side has none,
//! both made it, or nobody knows what the lab's edit was made on.

use crate::conflict::detect::Finding;
use crate::conflict::equal::{identical_row, same_row, same_value};
use crate::conflict::kind::Kind;
use crate::conflict::merge::{Merge, merge, moment};
use crate::conflict::policy::{Clock, Decision, decide_by_last_edit};
use crate::conflict::rules::{Placed, Policy};
use crate::model::{Change, RowImage, Site, TableShape};

/// A lab's change and everything that its fate depends on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The table, as the bundle brings it.
    pub shape: &'a TableShape,
    /// Its rules.
    pub rules: &'a Placed,
    /// The change, its time corrected.
    pub change: &'a Change,
    /// The row at the centre.
    pub current: Option<&'a RowImage>,
    /// How the change fits that row.
    pub finding: Finding,
    /// Whose change it is.
    pub lab: &'a Site,
    /// Who made the centre's row what it is.
    pub editor: &'a Site,
    /// When that was.
    pub clock: Clock,
    /// Where nobody knows what the change was made on: whether somebody else changed the row, and the lab had not confirmed
    /// it when it sent the change.
    pub concurrent: bool,
    /// Whether the lab may have sent this change before: its database was put back from a backup since.
    pub repeated: bool,
}

/// A conflict, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What sort of conflict.
    pub kind: Kind,
    /// Whose row is written.
    pub stands: Stands,
}

/// Whose row stands after a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// The lab's, by this rule.
    Lab(String),
    /// The centre's, by this rule.
    Central(String),
    /// A row with something of both, by this rule.
    Merged(RowImage, String),
    /// The centre's, until a person has decided.
    Waits(Wait),
}

/// Why a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A clock cannot be trusted.
    Clock(String),
    /// Something else.
    Other(String),
}

/// Decides what becomes of a change. `None`: it is written as it is, and nobody disagrees; or the row is so already.
pub fn judge(case: &Case<'_>) -> Option<Ruling> {
    let is_so = || case.change.after().zip(case.current).is_some_and(|(a, b)| same_row(case.shape, a, b));
    let kind = match case.finding {
        Finding::AlreadyThere => return None,
        // Sent anew under a new history, and found as it was left.
        Finding::Conflict(_) if case.repeated && is_so() => return None,
        Finding::Clean => {
            let why = || format!("every change of table {} waits for approval", case.shape.name);
            return case.rules.always_review.then(|| waits(Kind::Changed, Wait::Other(why())));
        }
        Finding::BaseUnknown if !case.concurrent && !case.rules.always_review => return None,
        Finding::BaseUnknown if case.current.is_none() => Kind::Missing,
        Finding::BaseUnknown => Kind::Changed,
        Finding::Conflict(kind) => kind,
    };
    if case.rules.always_review {
        let why = format!("every change of table {} waits for approval", case.shape.name);
        return Some(waits(kind, Wait::Other(why)));
    }
    let stands = match (case.change, case.current, kind) {
        (Change::Update { before: Some(before), after, .. }, Some(current), Kind::Changed) => {
            by_columns(case, before, current, after)
        }
        (Change::Update { before: None, after, .. }, Some(current), _) => {
            match uncounted(case, current, after) {
                Some(why) => Stands::Waits(Wait::Other(why)),
                None => whole_row(case),
            }
        }
        (Change::Insert { .. } | Change::Update { .. } | Change::Delete { .. }, _, _) => whole_row(case),
    };
    Some(Ruling { kind, stands })
}

fn waits(kind: Kind, wait: Wait) -> Ruling {
    Ruling { kind, stands: Stands::Waits(wait) }
}

/// The whole row by the policy of its table.
fn whole_row(case: &Case<'_>) -> Stands {
    let rule = format!("rule: {}", case.rules.policy);
    match side(case, case.rules.policy) {
        Side::Lab => Stands::Lab(rule),
        Side::Central => Stands::Central(rule),
        Side::Nobody(wait) => Stands::Waits(wait),
    }
}

/// Column by column: what only one side changed, sums, and the rest by policy.
fn by_columns(case: &Case<'_>, before: &RowImage, central: &RowImage, lab: &RowImage) -> Stands {
    if case.repeated && case.rules.counts() {
        let why = format!(
            "a database was put back since, and {} may have sent this before: a sum might be made twice",
            case.lab
        );
        return Stands::Waits(Wait::Other(why));
    }
    let mut merged = match merge(case.shape, case.rules, before, central, lab) {
        Ok(merged) => merged,
        Err(why) => return Stands::Waits(Wait::Other(why)),
    };
    let clashes = std::mem::take(&mut merged.clashes);
    let mut policies: Vec<Policy> = clashes.iter().map(|&at| case.rules.policy_of(at)).collect();
    policies.sort();
    policies.dedup();
    for policy in &policies {
        let places: Vec<usize> =
            clashes.iter().copied().filter(|&at| case.rules.policy_of(at) == *policy).collect();
        match side(case, *policy) {
            Side::Lab => merged.take(&places, lab),
            Side::Central => {}
            Side::Nobody(wait) => return Stands::Waits(wait),
        }
    }
    outcome(case.shape, merged, &policies, central, lab)
}

/// Whose row it is that came out, with the rules that made it.
fn outcome(
    shape: &TableShape,
    merged: Merge,
    policies: &[Policy],
    central: &RowImage,
    lab: &RowImage,
) -> Stands {
    let is_labs = identical_row(shape, &merged.row, lab);
    let is_centrals = same_row(shape, &merged.row, central);
    let mut words: Vec<&str> = Vec::new();
    if merged.counted {
        words.push("counters");
    }
    if policies.is_empty() && !merged.counted || merged.joined && !is_labs && !is_centrals {
        words.push("merge");
    }
    words.extend(policies.iter().map(|policy| policy.word()));
    let rule = format!("rule: {}", words.join(", "));
    match (is_labs, is_centrals) {
        (true, _) => Stands::Lab(rule),
        (false, true) => Stands::Central(rule),
        (false, false) => Stands::Merged(merged.row, rule),
    }
}

/// Why a counter cannot be told, where nobody knows the row that the lab's edit was made on.
fn uncounted(case: &Case<'_>, central: &RowImage, lab: &RowImage) -> Option<String> {
    let differs = |at: &usize| match (case.shape.columns.get(*at), central.0.get(*at), lab.0.get(*at)) {
        (Some(column), Some(central), Some(lab)) => !same_value(column.kind, central, lab),
        _ => false,
    };
    let at = case.rules.counters.iter().map(|(at, _)| *at).find(differs)?;
    let name = &case.shape.columns.get(at)?.name;
    Some(format!(
        "{name} cannot be added: only the application logged the edit, and nobody knows from what it was made"
    ))
}

/// Whose side a policy takes.
enum Side {
    Lab,
    Central,
    Nobody(Wait),
}

fn side(case: &Case<'_>, policy: Policy) -> Side {
    match policy {
        Policy::LabWins => Side::Lab,
        Policy::CentralWins => Side::Central,
        Policy::Review => Side::Nobody(Wait::Other("its policy is review".to_owned())),
        Policy::LastEditWins => match by_time(case) {
            Decision::Lab => Side::Lab,
            Decision::Central => Side::Central,
            Decision::Review { why } => Side::Nobody(Wait::Clock(why)),
        },
    }
}

/// Compares the times that the application keeps, where both rows have one, or else those of the logs.
fn by_time(case: &Case<'_>) -> Decision {
    let time = |row: Option<&RowImage>| moment(row?.0.get(case.rules.updated_at?)?);
    match (time(case.change.after()), time(case.current)) {
        (Some(lab), Some(central)) => {
            let slack = case.rules.slack_micros(case.shape);
            let now = case.clock.now.corrected(-slack);
            let sealed_before = case.clock.sealed_before.map(|sealed| sealed.corrected(slack));
            let clock = Clock { central, is_edit: true, now, sealed_before };
            decide_by_last_edit(case.lab, lab, case.editor, clock)
        }
        _ => decide_by_last_edit(case.lab, case.change.time(), case.editor, case.clock),
    }
}
