//! Stocks that people take from and bring to at several places at once: in the end each is what it was, and all that was
//! taken and brought, but for what waits for a person.

use std::collections::BTreeMap;

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
    pub(crate) fn waiting(central: &TestSite<'_>) -> Counts {
        let cell = |row: &str, name: &str| format!("JSON_UNQUOTE(JSON_EXTRACT({row}_row, '$.{name}')) * 100");
        let difference =
            |name: &str| format!("CAST(ROUND({} - {}) AS SIGNED)", cell("lab", name), cell("before", name));
        let mut conn = central.server().connect(central.database()).unwrap();
        let query = format!(
            "SELECT CAST(record_id AS SIGNED), {}, {} FROM conflict_log WHERE status = 'open' AND table_name = 'counts'",
            difference("amount"),
            difference("price")
        );
        Counts::of(&mut conn, &query)
    }

    /// Leaves out the stocks of which something waits from a lab whose database was put back. It has forgotten edits and sent others
    /// again, both perhaps in one number: what the stocks have of it is for a person to say.
    pub(crate) fn leave_out_doubtful(&mut self, central: &TestSite<'_>, put_back: &str) {
        let query = format!(
            "SELECT CAST(record_id AS SIGNED) FROM conflict_log \
             WHERE status = 'open' AND table_name = 'counts' AND site = '{put_back}'"
        );
        let mut conn = central.server().connect(central.database()).unwrap();
        let doubtful: Vec<i64> = conn.query(query).unwrap();
        self.0.retain(|id, _| !doubtful.contains(id));
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
