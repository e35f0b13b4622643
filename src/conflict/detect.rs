//! Whether a change that arrives fits the row that is here. Pure.

use crate::conflict::equal::{identical_row, same_row, same_value};
use crate::conflict::kind::Kind;
use crate::conflict::rules::Placed;
use crate::model::{Change, RowImage, TableShape};

/// What a change that arrives meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The row is already what the change makes of it.
    AlreadyThere,
    /// The row is what the change was based on.
    Clean,
    /// Only an application logged the change, so nobody knows what it was based on.
    BaseUnknown,
    /// The row is neither.
    Conflict(Kind),
}

/// Compares a change with the row that is here now.
///
/// Where both sides changed a counter, the same number at both ends is not the same edit: each took something.
pub fn detect(shape: &TableShape, rules: &Placed, change: &Change, current: Option<&RowImage>) -> Finding {
    let same = |a: &RowImage, b: &RowImage| same_row(shape, a, b);
    match (change, current) {
        (Change::Update { before: Some(before), after, .. }, Some(current))
            if both_counted(shape, rules, before, current, after) =>
        {
            Finding::Conflict(Kind::Changed)
        }
        (Change::Delete { .. }, None) => Finding::AlreadyThere,
        (Change::Insert { .. }, None) => Finding::Clean,
        // What an application alone has logged may well be a new row.
        (Change::Update { before: None, .. }, None) => Finding::BaseUnknown,
        (Change::Update { before: Some(_), .. }, None) => Finding::Conflict(Kind::Missing),
        (Change::Insert { after, .. } | Change::Update { after, .. }, Some(current))
            if identical_row(shape, after, current) =>
        {
            Finding::AlreadyThere
        }
        // The same in another spelling: nobody's conflict, and the sender's is written.
        (Change::Insert { after, .. } | Change::Update { after, .. }, Some(current))
            if same(after, current) =>
        {
            Finding::Clean
        }
        (Change::Insert { .. }, Some(_)) => Finding::Conflict(Kind::Exists),
        (Change::Update { before, .. } | Change::Delete { before, .. }, Some(current)) => match before {
            None => Finding::BaseUnknown,
            Some(before) if same(before, current) => Finding::Clean,
            Some(_) => Finding::Conflict(Kind::Changed),
        },
    }
}

fn both_counted(
    shape: &TableShape,
    rules: &Placed,
    before: &RowImage,
    central: &RowImage,
    lab: &RowImage,
) -> bool {
    rules.counters.iter().any(|(at, _)| {
        let column = shape.columns.get(*at);
        let cells = before.0.get(*at).zip(central.0.get(*at)).zip(lab.0.get(*at));
        column.zip(cells).is_some_and(|(column, ((before, central), lab))| {
            !same_value(column.kind, before, central) && !same_value(column.kind, before, lab)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conflict::rules::Rules;
    use crate::model::{Column, ColumnKind, RowKey, Stamp, TableName, Value};

    fn row(text: &str) -> RowImage {
        RowImage(vec![Value::Text("1".into()), Value::Text(text.into())])
    }

    #[test]
    fn the_same_document_in_another_spelling_is_written_and_is_no_conflict() {
        let columns = vec![Column { name: "doc".into(), kind: ColumnKind::Json }];
        let shape = TableShape { name: TableName::new("t"), columns, key: vec![0] };
        let none = Rules::default().place(&shape, &[]);
        let row = |text: &str| RowImage(vec![Value::Text(text.into())]);
        let insert = Change::Insert { after: row("[1]"), time: Stamp::from_micros(0) };
        assert_eq!(detect(&shape, &none, &insert, Some(&row("[1]"))), Finding::AlreadyThere);
        assert_eq!(detect(&shape, &none, &insert, Some(&row("[ 1 ]"))), Finding::Clean);
        assert_eq!(detect(&shape, &none, &insert, Some(&row("[2]"))), Finding::Conflict(Kind::Exists));
    }

    #[test]
    fn each_pair_of_change_and_row_has_its_finding() {
        let column = |name: &str, kind| Column { name: name.into(), kind };
        let shape = TableShape {
            name: TableName::new("t"),
            columns: vec![column("id", ColumnKind::Integer), column("v", ColumnKind::Text)],
            key: vec![0],
        };
        let none = Rules::default().place(&shape, &[]);
        let time = Stamp::from_micros(0);
        let insert = Change::Insert { after: row("b"), time };
        let update = |before: Option<&str>| Change::Update { before: before.map(row), after: row("b"), time };
        let delete = |before: Option<&str>| Change::Delete {
            key: RowKey(vec![Value::Text("1".into())]),
            before: before.map(row),
            time,
        };
        let cases = [
            (insert.clone(), None, Finding::Clean),
            (insert.clone(), Some("b"), Finding::AlreadyThere),
            (insert, Some("x"), Finding::Conflict(Kind::Exists)),
            (update(Some("a")), None, Finding::Conflict(Kind::Missing)),
            (update(Some("a")), Some("a"), Finding::Clean),
            (update(Some("a")), Some("b"), Finding::AlreadyThere),
            (update(Some("a")), Some("x"), Finding::Conflict(Kind::Changed)),
            (update(None), Some("x"), Finding::BaseUnknown),
            (update(None), None, Finding::BaseUnknown),
            (delete(Some("a")), None, Finding::AlreadyThere),
            (delete(Some("a")), Some("a"), Finding::Clean),
            (delete(Some("a")), Some("x"), Finding::Conflict(Kind::Changed)),
            (delete(None), Some("x"), Finding::BaseUnknown),
        ];
        for (change, current, finding) in cases {
            let current = current.map(row);
            assert_eq!(detect(&shape, &none, &change, current.as_ref()), finding, "{change:?} {current:?}");
        }
    }
}
