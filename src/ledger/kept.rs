//! The centre's words that a lab cannot follow yet: kept with the row they speak of, and tried again.

use crate::conflict::Kind;
use crate::db::{Row, Session, sql};
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::model::{Stamp, TableName};

/// The centre's latest word on one row, which this lab could not follow yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The table.
    pub table: TableName,
    /// The SHA-256 of the row's key in the form in which equal keys are one, in hexadecimal digits.
    pub row_hash: String,
    /// The key, as `sync_log` spells it.
    pub record_id: String,
    /// The row as a JSON object of column -> text; `None`: it is to be deleted.
    pub row: Option<String>,
    /// When it was edited.
    pub time: Stamp,
    /// Why it was kept.
    pub why: Why,
    /// The database's own words, where it refused the row.
    pub note: Option<String>,
    /// The bundle that brought it.
    pub bundle: String,
    /// The last batch of this lab's own changes that the word takes into account.
    pub covered_batch: u64,
    /// When it was kept.
    pub kept_at: Stamp,
}

/// Why a word was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The lab has changes of the row that the centre has not answered yet.
    OwnChanges,
    /// It does not fit the other rows here yet, or the table.
    Misfit(Kind),
}

impl Why {
    /// The word for it in the table.
    pub fn word(self) -> String {
        match self {
            Why::OwnChanges => "own-changes".to_owned(),
            Why::Misfit(kind) => kind.to_string(),
        }
    }
}

/// The number of the first bundle of the centre of which a word is kept; `None`: none is.
pub fn first_kept_bundle(session: &mut Session) -> Result<Option<u64>, Error> {
    let row = session.first(
        "SELECT MIN(CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(bundle, '.', 4), '.', -1) AS UNSIGNED)) FROM packmule_kept",
    )?;
    Ok(row.map_or(Ok(None), |row| row.parse_optional(0))?)
}

/// Keeps words, each in the place of an older one on the same row.
pub fn keep_words(session: &mut Session, words: &[Kept]) -> Result<(), Error> {
    const SIZE_BYTES: usize = 1 << 20;
    const HEAD: &str = "INSERT INTO packmule_kept (table_name, row_hash, record_id, action, row_image, changed_at, why, \
                        note, bundle, covered_batch, kept_at) VALUES ";
    // VALUES() is spelt in two ways on the two servers, so older words are deleted first.
    for chunk in words.chunks(200) {
        let hashes: Vec<(&TableName, &str)> =
            chunk.iter().map(|one| (&one.table, one.row_hash.as_str())).collect();
        forget(session, &hashes)?;
        let mut values = String::new();
        for one in chunk {
            values.push_str(if values.is_empty() { "(" } else { ",(" });
            values.push_str(&value(one));
            values.push(')');
            if values.len() > SIZE_BYTES {
                session.execute(&format!("{HEAD}{}", std::mem::take(&mut values)))?;
            }
        }
        if !values.is_empty() {
            session.execute(&format!("{HEAD}{values}"))?;
        }
    }
    Ok(())
}

fn value(one: &Kept) -> String {
    [
        sql::text(one.table.as_str()),
        sql::text(&one.row_hash),
        sql::text(&one.record_id),
        sql::text(if one.row.is_some() { "UPDATE" } else { "DELETE" }),
        sql::text_or_null(one.row.as_deref()),
        sql::text(&one.time.to_sql()),
        sql::text(&one.why.word()),
        sql::text_or_null(one.note.as_deref()),
        sql::text(&one.bundle),
        one.covered_batch.to_string(),
        sql::text(&one.kept_at.to_sql()),
    ]
    .join(", ")
}

/// Forgets the words kept on these rows of `table`: they were followed, or a later one was.
pub fn forget_words(session: &mut Session, table: &TableName, hashes: &[String]) -> Result<(), Error> {
    let hashes: Vec<(&TableName, &str)> = hashes.iter().map(|hash| (table, hash.as_str())).collect();
    forget(session, &hashes)
}

fn forget(session: &mut Session, rows: &[(&TableName, &str)]) -> Result<(), Error> {
    for same in rows.chunk_by(|(a, _), (b, _)| a == b) {
        for chunk in same.chunks(500) {
            let Some((table, _)) = chunk.first() else {
                continue;
            };
            let list = chunk.iter().map(|(_, hash)| sql::text(hash)).collect::<Vec<_>>().join(",");
            session.execute(&format!(
                "DELETE FROM packmule_kept WHERE table_name = {} AND row_hash IN ({list})",
                sql::text(table.as_str())
            ))?;
        }
    }
    Ok(())
}

/// Forgets every word on rows of `table` that is not of `bundle`: a snapshot says all there is to say.
pub fn forget_older_words(session: &mut Session, table: &TableName, bundle: &str) -> Result<(), Error> {
    let (table, bundle) = (sql::text(table.as_str()), sql::text(bundle));
    session
        .execute(&format!("DELETE FROM packmule_kept WHERE table_name = {table} AND bundle <> {bundle}"))?;
    Ok(())
}

/// How many words are kept.
pub fn kept_count(session: &mut Session) -> Result<u64, Error> {
    let row = session.first("SELECT COUNT(*) FROM packmule_kept")?.ok_or(Error::NotSetUp)?;
    Ok(row.parse(0)?)
}

/// The words that are kept on one table for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRows {
    /// The table.
    pub table: TableName,
    /// Why they are kept.
    pub why: Why,
    /// How many.
    pub rows: u64,
    /// What the database said of one of them, where it refused it.
    pub note: Option<String>,
    /// Since when the oldest is kept.
    pub since: Stamp,
}

/// What is kept, by table and reason.
pub fn kept_summary(session: &mut Session) -> Result<Vec<KeptRows>, Error> {
    let rows = session.rows(
        "SELECT table_name, why, COUNT(*), MIN(note), MIN(kept_at) FROM packmule_kept \
         GROUP BY table_name, why ORDER BY 1, 2",
    )?;
    let read = |row: &Row| {
        Ok(KeptRows {
            table: TableName::new(row.text(0)?),
            why: why(row.text(1)?),
            rows: row.parse(2)?,
            note: row.optional(3).map(str::to_owned),
            since: stamp(row.text(4)?)?,
        })
    };
    rows.iter().map(read).collect()
}

fn why(word: &str) -> Why {
    word.parse().map_or(Why::OwnChanges, Why::Misfit)
}

/// The words kept on rows of `table`, in the order of their hashes, from the one behind `after` on.
pub fn kept_words(session: &mut Session, table: &TableName, after: &str) -> Result<Vec<Kept>, Error> {
    const ROWS_MAX: u32 = 200;
    let query = format!(
        "SELECT table_name, row_hash, record_id, row_image, changed_at, why, note, bundle, covered_batch, kept_at \
         FROM packmule_kept WHERE table_name = {} AND row_hash > {} ORDER BY row_hash LIMIT {ROWS_MAX}",
        sql::text(table.as_str()),
        sql::text(after)
    );
    session.rows(&query)?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Kept, Error> {
    Ok(Kept {
        table: TableName::new(row.text(0)?),
        row_hash: row.text(1)?.to_owned(),
        record_id: row.text(2)?.to_owned(),
        row: row.optional(3).map(str::to_owned),
        time: stamp(row.text(4)?)?,
        why: why(row.text(5)?),
        note: row.optional(6).map(str::to_owned),
        bundle: row.text(7)?.to_owned(),
        covered_batch: row.parse(8)?,
        kept_at: stamp(row.text(9)?)?,
    })
}
