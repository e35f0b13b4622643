//! Stocks that people take from and bring to at several places at once: in the end each is what it was, and all that was
//! taken and brought, but for what waits for a person.

use std::collections::{BTreeMap, BTreeSet};

use mysql::Conn;
use mysql::prelude::Queryable;

use super::site::TestSite;

/// What the stocks hold, or by how much they have changed, in hundredths: amount and price of each row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts(BTreeMap<i64, [i64; 2]>);

impl Counts {
    /// What a site's stocks hold.
    pub(crate) fn read(conn: &mut Conn) -> Counts {
        Counts::of(conn, "SELECT id, CAST(amount * 100 AS SIGNED), CAST(price * 100 AS SIGNED) FROM counts")
    }

    /// What labs have taken and brought that still waits at the centre.
    ///
    /// The database of the lab `put_back` has forgotten edits and sent others again: whether the stocks have what waits of it already,
    /// and whether it is all that was taken, is for a person to say. That is left out.
    pub(crate) fn waiting(central: &TestSite<'_>, put_back: Option<&str>) -> Counts {
        let site = put_back.unwrap_or_default();
        let select = format!("{} FROM conflict_log c WHERE {OPEN} AND site <> '{site}'", difference("c"));
        Counts::of(&mut central.server().connect(central.database()).unwrap(), &select)
    }

    /// What was left out there, each with the row of which it is; earlier states of what waits as well.
    pub(crate) fn doubtful(central: &TestSite<'_>, put_back: &str) -> Vec<Counts> {
        let mut conn = central.server().connect(central.database()).unwrap();
        let lines = format!("{} FROM conflict_log c WHERE {OPEN} AND site = '{put_back}'", difference("c"));
        let states = format!(
            "{} FROM packmule_joined j JOIN conflict_log c ON c.id = j.conflict WHERE {OPEN} AND site = '{put_back}'",
            difference("j")
        );
        let rows: Vec<(i64, i64, i64)> = conn.query(format!("{lines} UNION ALL {states}")).unwrap();
        let alone = |(id, amount, price)| {
            let mut counts = Counts::default();
            counts.add(id, [amount, price]);
            counts
        };
        rows.into_iter().map(alone).collect()
    }

    /// Whether these are `wanted`, with some of what is in doubt or none of it.
    pub(crate) fn may_be(&self, wanted: &Counts, doubtful: &[Counts]) -> bool {
        // Row by row and column by column: what was edited before and after may be one change.
        self.0.keys().all(|id| {
            [0, 1].into_iter().all(|at| {
                let mut ways = BTreeSet::from([self.0[id][at]]);
                for sums in doubtful.iter().filter_map(|one| one.0.get(id)) {
                    ways.extend(ways.clone().into_iter().map(|way| way + sums[at]));
                }
                ways.contains(&wanted.0.get(id).map_or(0, |sums| sums[at]))
            })
        })
    }

    fn of(conn: &mut Conn, query: &str) -> Counts {
        let rows: Vec<(i64, i64, i64)> = conn.query(query).unwrap();
        let mut counts = Counts::default();
        for (id, amount, price) in rows {
            counts.add(id, [amount, price]);
        }
        counts
    }

    fn add(&mut self, id: i64, [amount, price]: [i64; 2]) {
        let sums = self.0.entry(id).or_default();
        sums[0] += amount;
        sums[1] += price;
    }

    /// Adds others, row by row.
    pub(crate) fn extend(&mut self, others: &Counts) {
        others.0.iter().for_each(|(id, sums)| self.add(*id, *sums));
    }

    /// How much these are more than `before`.
    pub(super) fn since(&self, before: &Counts) -> Counts {
        let mut counts = self.clone();
        before.0.iter().for_each(|(id, [amount, price])| counts.add(*id, [-amount, -price]));
        counts
    }
}

/// The row, and by how much a lab wants to change it: of conflicts `c`, and of what stands in `lab`.
fn difference(lab: &str) -> String {
    let cell = |row: &str, name: &str| format!("JSON_UNQUOTE(JSON_EXTRACT({row}_row, '$.{name}')) * 100");
    let one = |name: &str| {
        format!("CAST(ROUND({} - {}) AS SIGNED)", cell(&format!("{lab}.lab"), name), cell("c.before", name))
    };
    format!("SELECT CAST(c.record_id AS SIGNED), {}, {}", one("amount"), one("price"))
}

const OPEN: &str = "c.status = 'open' AND c.table_name = 'counts'";
