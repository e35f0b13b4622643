//! What all streams have come to, each thing read once for all of them: for `status`, `sites` and `doctor`.

use crate::db::Session;
use crate::ledger::bundles::{BundleRecord, SELECT, read};
use crate::ledger::error::Error;
use crate::model::{Site, TableName};

/// Log rows of one table and author that no bundle carries yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsealed {
    /// The table.
    pub table: TableName,
    /// Who made the edits, or whom they are for.
    pub author: Author,
    /// How many.
    pub rows: u64,
}

/// Who made an edit, or whom a note is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// This site.
    Here,
    /// A site whose bundle brought the edit; everybody else is to hear of it.
    Site(Site),
    /// Nobody: this one site is to be told what the row is.
    Answer(Site),
}

impl Author {
    /// Whether `site` is to hear of it.
    pub fn is_heard_by(&self, site: &Site) -> bool {
        match self {
            Author::Here => true,
            Author::Site(author) => author != site,
            Author::Answer(to) => to == site,
        }
    }
}

/// Log rows of the shared tables that no bundle carries yet, by table and author.
pub fn unsealed_rows(session: &mut Session) -> Result<Vec<Unsealed>, Error> {
    let rows = session.rows(
        "SELECT l.table_name, l.origin, COUNT(*) FROM sync_log l JOIN packmule_table t ON t.name = l.table_name \
         WHERE l.batch IS NULL GROUP BY l.table_name, l.origin ORDER BY l.table_name, l.origin",
    )?;
    let read = |row: &crate::db::Row| {
        let author = match row.optional(1) {
            None => Author::Here,
            Some(_) => match row.text(1)?.strip_prefix('>') {
                Some(site) => site.parse().map_or(Author::Here, Author::Answer),
                None => Author::Site(row.parse(1)?),
            },
        };
        Ok(Unsealed { table: TableName::new(row.text(0)?), author, rows: row.parse(2)? })
    };
    rows.iter().map(read).collect()
}

/// The log rows that no bundle carries: how many, and the newest of them. Another answer means that something was logged or sealed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenEdits {
    /// How many.
    pub rows: u64,
    /// The largest number among them; a transaction that commits late may have a smaller one, and counts in `rows`.
    pub newest: u64,
}

/// Looks which log rows no bundle carries.
pub fn open_edits(session: &mut Session) -> Result<OpenEdits, Error> {
    let row = session.first(
        "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM sync_log FORCE INDEX (packmule_open) WHERE batch IS NULL",
    )?;
    let Some(row) = row else {
        return Ok(OpenEdits::default());
    };
    Ok(OpenEdits { rows: row.parse(0)?, newest: row.parse(1)? })
}

/// The bundles sealed here that no receipt covers, of every stream; of each stream the oldest first.
pub fn all_unconfirmed(session: &mut Session) -> Result<Vec<BundleRecord>, Error> {
    let query = format!(
        "{SELECT} JOIN (SELECT s.from_site, s.incarnation, s.to_site, s.confirmed_seq \
           FROM packmule_stream s JOIN packmule_here h ON h.site = s.from_site) AS told USING (from_site, incarnation, to_site) \
         WHERE state = 'sealed' AND seq > confirmed_seq ORDER BY to_site, incarnation, seq"
    );
    session.rows(&query)?.iter().map(read).collect()
}

/// The newest bundle of each stream that was applied here.
pub fn newest_applied(session: &mut Session) -> Result<Vec<BundleRecord>, Error> {
    newest(session, "to_site", "n.state = 'applied'")
}

/// The newest bundle of each stream that was applied here and is more than a receipt.
pub fn newest_with_content(session: &mut Session) -> Result<Vec<BundleRecord>, Error> {
    newest(session, "to_site", "n.state = 'applied' AND n.kind <> 'receipt'")
}

/// The newest bundle of each stream that was sealed here.
pub fn newest_sealed(session: &mut Session) -> Result<Vec<BundleRecord>, Error> {
    newest(session, "from_site", "n.state = 'sealed'")
}

/// The newest bundle of each stream on whose side `own` this site is. It is looked for from the end of each stream: how many bundles came before
/// must not matter to who only wants to know how things stand.
fn newest(session: &mut Session, own: &str, condition: &str) -> Result<Vec<BundleRecord>, Error> {
    // DISTINCT makes the streams' ends a list of their own, so that bundles are read by it; merged into one question, MariaDB reads
    // all bundles of this site first (177 ms beside 7, of 20 000).
    let query = format!(
        "{SELECT} JOIN (SELECT DISTINCT s.from_site, s.incarnation, s.to_site, \
             (SELECT n.seq FROM packmule_bundle n WHERE n.from_site = s.from_site AND n.incarnation = s.incarnation \
                AND n.to_site = s.to_site AND {condition} ORDER BY n.seq DESC LIMIT 1) AS seq \
           FROM packmule_stream s JOIN packmule_here h ON h.site = s.{own}) AS newest USING (from_site, incarnation, to_site, seq)"
    );
    session.rows(&query)?.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_for_all_but_its_author_and_an_answer_for_one() {
        let site = |name: &str| -> Site { name.parse().unwrap() };
        let heard = |author: Author| [author.is_heard_by(&site("lab-a")), author.is_heard_by(&site("lab-b"))];
        assert_eq!(heard(Author::Here), [true, true]);
        assert_eq!(heard(Author::Site(site("lab-a"))), [false, true]);
        assert_eq!(heard(Author::Answer(site("lab-a"))), [true, false]);
    }
}
