//! Brings packmule's own tables to the form that this program needs, one numbered script after the other.

use crate::db::error::Error;
use crate::db::session::Session;
use crate::db::sql;

/// One numbered script of `schema/`.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number; 1, 2, 3, ...
    pub number: u32,
    /// Its file name, for people.
    pub name: &'static str,
    /// Its statements, each ended by `;` at the end of a line.
    pub sql: &'static str,
}

/// Runs the scripts that this database has not seen, by what `table` remembers of them. Returns how many were run.
///
/// DDL commits by itself, so a crash can leave a script half run: every statement is written so that it
/// can run twice (`IF NOT EXISTS`), and the script is noted as done only after its last one.
pub fn migrate(session: &mut Session, table: &str, migrations: &[Migration]) -> Result<usize, Error> {
    // A table or a view, and a key.
    const ALREADY_THERE: [u16; 2] = [1050, 1061];
    let seen = seen(session, table)?;
    let is_seen = |one: &Migration| seen.as_ref().is_some_and(|seen| seen.contains(&one.number));
    let open: Vec<&Migration> = migrations.iter().filter(|one| !is_seen(one)).collect();
    if seen.is_none() {
        session.execute(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (\
               number INT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(80) NOT NULL, \
               done_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))\
             ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        ))?;
    }
    for migration in &open {
        for statement in statements(migration.sql) {
            match session.execute(statement) {
                // Not every server knows IF NOT EXISTS for views and keys, and OR REPLACE asks for the right to drop a view.
                Err(error) if error.code().is_some_and(|code| ALREADY_THERE.contains(&code)) => {}
                other => drop(other?),
            }
        }
        session.execute(&format!(
            "INSERT INTO {table} (number, name) VALUES ({}, {})",
            migration.number,
            sql::text(migration.name)
        ))?;
    }
    Ok(open.len())
}

/// The numbers of the scripts that have run; `None` where not even the table is there that remembers them.
fn seen(session: &mut Session, table: &str) -> Result<Option<Vec<u32>>, Error> {
    const NO_SUCH_TABLE: u16 = 1146;
    match session.rows(&format!("SELECT number FROM {table}")) {
        Ok(rows) => rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>().map(Some),
        Err(error) if error.code() == Some(NO_SUCH_TABLE) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Cuts a script: a statement ends with a line's last `;`, and where it has a block, with the line `END;`.
fn statements(script: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut from, mut at, mut in_block) = (0, 0, false);
    for line in script.split_inclusive('\n') {
        at += line.len();
        let text = line.trim_end();
        in_block |= text.ends_with(" BEGIN");
        if (in_block && text == "END;") || (!in_block && text.ends_with(';') && !text.starts_with("--")) {
            found.push(script.get(from..at).unwrap_or_default().trim_end().trim_end_matches(';'));
            (from, in_block) = (at, false);
        }
    }
    found.push(script.get(from..).unwrap_or_default());
    found.into_iter().map(without_words).filter(|statement| !statement.is_empty()).collect()
}

/// A statement without what is said of it above: its beginning is shown to people when it is refused.
fn without_words(statement: &str) -> &str {
    let mut rest = statement.trim();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest.trim_start());
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_at_the_ends_of_its_statements_only() {
        assert_eq!(
            statements("-- why; because\nCREATE a;\n\n-- end;\n;\nCREATE b\n"),
            ["CREATE a", "CREATE b"]
        );
    }

    #[test]
    fn a_block_is_one_statement() {
        let script =
            "DROP a;\nCREATE a FOR EACH ROW BEGIN\n  IF b THEN\n    SET c;\n  END IF;\nEND;\nCREATE d;\n";
        assert_eq!(
            statements(script),
            ["DROP a", "CREATE a FOR EACH ROW BEGIN\n  IF b THEN\n    SET c;\n  END IF;\nEND", "CREATE d"]
        );
    }
}
