//! What each side wants of a row on which they disagree, put onto the row as it is now. Pure.
//!
//! A person who decides is shown these rows and chooses between them. Others may have edited the row since: what they did stays, as far
//! as it is none of what the two disagree on.

use crate::conflict::equal::{same_row, same_value};
use crate::conflict::merge::later;
use crate::conflict::rules::Placed;
use crate::model::{RowImage, TableShape, Value};

/// A disagreement on one row, and the row as it is now.
#[derive(Debug, Clone, Copy)]
pub struct Dispute<'a> {
    /// The table.
    pub shape: &'a TableShape,
    /// Its rules.
    pub rules: &'a Placed,
    /// The row that the lab's edit was made on; `None`: there was none, or nobody knows.
    pub before: Option<&'a RowImage>,
    /// The centre's row without the lab's edit.
    pub central: Option<&'a RowImage>,
    /// The row as the lab wants it.
    pub lab: Option<&'a RowImage>,
    /// The row that has stood at the centre since the conflict was met: the centre's, or what a rule made of both.
    pub stood: Option<&'a RowImage>,
    /// The row at the centre now.
    pub now: Option<&'a RowImage>,
}

/// What a person puts together of both sides' columns, by their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mix {
    /// Columns that the lab's edit decides.
    pub lab: Vec<usize>,
    /// Columns that neither side does.
    pub set: Vec<(usize, Value)>,
}

impl Dispute<'_> {
    /// The row as the centre wants it: as it is, without what a rule has taken from the lab. `None`: no row.
    pub fn central_wish(&self) -> Option<RowImage> {
        let (stood, central) = match (self.stood, self.central) {
            (None, None) => return self.now.cloned(),
            (Some(stood), Some(central)) if same_row(self.shape, stood, central) => return self.now.cloned(),
            (Some(_), None) => return None,
            // Deleted since, and not by the lab.
            (Some(_), Some(_)) if self.now.is_none() => return None,
            // The lab had deleted it; whoever has made it again since may keep it.
            (None, Some(central)) => return Some(self.now.unwrap_or(central).clone()),
            (Some(stood), Some(central)) => (stood, central),
        };
        let cell = |at: usize, now: &Value| {
            let (Some(stood), Some(central)) = (stood.0.get(at), central.0.get(at)) else {
                return now.clone();
            };
            match self.rules.limits_of(at) {
                _ if self.is_same(at, stood, central) => now.clone(),
                // The lab's difference is taken out again; what others took since stays taken.
                Some(limits) => limits.add(stood, now, central).unwrap_or_else(|_| central.clone()),
                None if self.rules.updated_at == Some(at) => later(now, central),
                None => central.clone(),
            }
        };
        Some(self.with_key_of_now(cell))
    }

    /// The row as the lab wants it: what the lab has changed, put onto the row as it is. `None`: no row.
    ///
    /// Where nobody knows what the lab's edit was made on, or rows are not to be mixed, it is the lab's whole row.
    pub fn lab_wish(&self) -> Option<RowImage> {
        let lab = self.lab?;
        if self.now.is_none() {
            return Some(lab.clone());
        }
        let ground = self.central_wish();
        let cell = |at: usize, now: &Value| match (self.before.and_then(|row| row.0.get(at)), lab.0.get(at)) {
            (_, None) => now.clone(),
            (Some(before), Some(lab)) if self.is_same(at, before, lab) && self.keeps_unchanged(at) => {
                now.clone()
            }
            (_, Some(lab)) if self.rules.updated_at == Some(at) => later(now, lab),
            (before, Some(lab)) => self.labs_value(at, before, ground.as_ref(), lab),
        };
        Some(self.with_key_of_now(cell))
    }

    /// The centre's wish with some columns of the lab, and with values that a person gives. `None`: there is no row to begin with.
    ///
    /// Where the centre wants no row, it begins with the lab's.
    pub fn mixed(&self, mix: &Mix) -> Option<RowImage> {
        let ground = self.central_wish();
        let mut row = ground.clone().or_else(|| self.lab.cloned())?;
        for &at in &mix.lab {
            let before = self.before.and_then(|row| row.0.get(at));
            if let (Some(cell), Some(lab)) = (row.0.get_mut(at), self.lab.and_then(|row| row.0.get(at))) {
                *cell = self.labs_value(at, before, ground.as_ref(), lab);
            }
        }
        set(&mut row, mix);
        Some(row)
    }

    /// The lab's row under another key, with values that a person gives: the centre's row stays beside it.
    pub fn under_another_key(&self, mix: &Mix) -> Option<RowImage> {
        let mut row = self.lab?.clone();
        set(&mut row, mix);
        Some(row)
    }

    /// What the lab's edit makes of a column: of a counter the sum where it fits, of all others the lab's value.
    fn labs_value(&self, at: usize, before: Option<&Value>, ground: Option<&RowImage>, lab: &Value) -> Value {
        let sum = || {
            let limits = self.rules.limits_of(at)?;
            limits.add(before?, ground?.0.get(at)?, lab).ok()
        };
        sum().unwrap_or_else(|| lab.clone())
    }

    /// Whether a column that the lab did not change stays as it is: not in a row that is taken whole.
    fn keeps_unchanged(&self, at: usize) -> bool {
        self.rules.merge || self.rules.limits_of(at).is_some()
    }

    /// The row as it is now, each column but the key's made anew.
    fn with_key_of_now(&self, cell: impl Fn(usize, &Value) -> Value) -> RowImage {
        let cells = self.now.map(|row| row.0.as_slice()).unwrap_or_default().iter().enumerate();
        let made = cells.map(|(at, now)| match self.shape.key.contains(&at) {
            true => now.clone(),
            false => cell(at, now),
        });
        RowImage(made.collect())
    }

    fn is_same(&self, at: usize, a: &Value, b: &Value) -> bool {
        self.shape.columns.get(at).is_some_and(|column| same_value(column.kind, a, b))
    }
}

fn set(row: &mut RowImage, mix: &Mix) {
    for (at, value) in &mix.set {
        if let Some(cell) = row.0.get_mut(*at) {
            *cell = value.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conflict::Rules;
    use crate::model::{Column, ColumnKind, TableName};

    fn shape() -> TableShape {
        let column = |(name, kind): (&str, ColumnKind)| Column { name: name.to_owned(), kind };
        let columns = [
            ("id", ColumnKind::Integer),
            ("stock", ColumnKind::Integer),
            ("note", ColumnKind::Text),
            ("place", ColumnKind::Text),
        ];
        TableShape { name: TableName::new("stock"), columns: columns.map(column).into(), key: vec![0] }
    }

    fn row(words: &str) -> Option<RowImage> {
        let words: Vec<Value> = words.split(' ').map(|word| Value::Text(word.to_owned())).collect();
        (words.len() == 3).then(|| RowImage([vec![Value::Text("1".to_owned())], words].concat()))
    }

    fn words(row: Option<RowImage>) -> String {
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Null | Value::Bytes(_) => "NULL".to_owned(),
        };
        row.map_or("-".to_owned(), |row| row.0.iter().skip(1).map(text).collect::<Vec<_>>().join(" "))
    }

    /// What happened, rules; before, centre, lab, what stood, what is now; then the rows that the centre and the lab want.
    const CASES: &str = "
        waits |  | 10 a x | 10 b x | 10 c x | 10 b x | 10 b x | 10 b x | 10 c x
        waits, edited since |  | 10 a x | 10 b x | 10 c x | 10 b x | 10 b z | 10 b z | 10 c z
        decided for the lab |  | 10 a x | 10 b y | 10 c x | 10 c y | 10 c y | 10 b y | 10 c y
        the same, edited since |  | 10 a x | 10 b y | 10 c x | 10 c y | 10 c z | 10 b z | 10 c z
        decided for the centre |  | 10 a x | 10 b x | 10 c x | 10 b x | 10 b x | 10 b x | 10 c x
        a sum that waits | counters | 10 a x | 7 b x | 7 c x | 7 b x | 7 b x | 7 b x | 4 c x
        a sum that was made | counters | 10 a x | 7 a x | 7 a x | 4 a x | 4 a x | 7 a x | 4 a x
        the same, more was taken | counters | 10 a x | 7 a x | 7 a x | 4 a x | 3 a x | 6 a x | 3 a x
        a sum that does not fit | counters | 10 a x | 3 a x | 2 a x | 3 a x | 3 a x | 3 a x | 2 a x
        rows are not mixed | whole | 10 a x | 10 b x | 10 a y | 10 b x | 10 b x | 10 b x | 10 a y
        not mixed, a stock | whole; counters | 10 a x | 7 b x | 10 a y | 7 b x | 7 b x | 7 b x | 7 a y
        nobody knows on what |  | - | 10 b x | 11 a y | 10 b x | 10 b x | 10 b x | 11 a y
        the lab deleted, it waits |  | 10 a x | 10 b x | - | 10 b x | 10 b x | 10 b x | -
        the lab deleted, and won |  | 10 a x | 10 b x | - | - | - | 10 b x | -
        the same, and it was made again |  | 10 a x | 10 b x | - | - | 9 z z | 9 z z | -
        the centre deleted, it waits |  | 10 a x | - | 10 b x | - | - | - | 10 b x
        the centre deleted, the lab won |  | 10 a x | - | 10 b x | 10 b x | 10 b x | - | 10 b x
        deleted since |  | 10 a x | 10 b x | 10 c x | 10 b x | - | - | 10 c x
        decided for the lab, deleted since |  | 10 a x | 10 b x | 10 c x | 10 c x | - | - | 10 c x";

    #[test]
    fn each_side_s_wish_is_put_onto_the_row_as_it_is_now() {
        let shape = shape();
        for case in CASES.trim().lines() {
            let cells: Vec<&str> = case.trim().split('|').map(str::trim).collect();
            let [what, rules, before, central, lab, stood, now, centrals, labs] = cells[..] else {
                panic!("a case of other columns: {case}");
            };
            let mut named = Rules { merge: !rules.contains("whole"), ..Rules::default() };
            if rules.contains("counters") {
                named.counters.push("stock".to_owned());
            }
            let placed = named.place(&shape, &["int", "int unsigned", "text", "text"]);
            let [before, central, lab, stood, now] = [before, central, lab, stood, now].map(row);
            let dispute = Dispute {
                shape: &shape,
                rules: &placed,
                before: before.as_ref(),
                central: central.as_ref(),
                lab: lab.as_ref(),
                stood: stood.as_ref(),
                now: now.as_ref(),
            };
            assert_eq!(words(dispute.central_wish()), centrals, "the centre's: {what}");
            assert_eq!(words(dispute.lab_wish()), labs, "the lab's: {what}");
        }
    }

    #[test]
    fn a_mix_takes_what_is_named_from_the_lab_and_from_the_person() {
        let shape = shape();
        let mut rules = Rules::default();
        rules.counters.push("stock".to_owned());
        let placed = rules.place(&shape, &["int", "int", "text", "text"]);
        let [before, central, lab] = ["10 a x", "7 b x", "9 c y"].map(row);
        let mut dispute = Dispute {
            shape: &shape,
            rules: &placed,
            before: before.as_ref(),
            central: central.as_ref(),
            lab: lab.as_ref(),
            stood: central.as_ref(),
            now: central.as_ref(),
        };
        let mix = |lab: &[usize], set: &[(usize, &str)]| Mix {
            lab: lab.to_vec(),
            set: set.iter().map(|(at, text)| (*at, Value::Text((*text).to_owned()))).collect(),
        };
        assert_eq!(words(dispute.mixed(&mix(&[3], &[]))), "7 b y");
        assert_eq!(words(dispute.mixed(&mix(&[1], &[(2, "d")]))), "6 d x");
        assert_eq!(words(dispute.under_another_key(&mix(&[], &[(0, "8")]))), "9 c y");
        dispute.now = None;
        dispute.stood = None;
        dispute.central = None;
        assert_eq!(words(dispute.mixed(&mix(&[], &[(2, "d")]))), "9 d y");
        dispute.lab = None;
        assert_eq!(dispute.mixed(&mix(&[], &[(2, "d")])), None);
    }
}
