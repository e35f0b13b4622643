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

/// Runs the scripts that this database has not seen. Returns how many were run.
///
/// DDL commits by itself, so a crash can leave a script half run: every statement is written so that it
/// can run twice (`IF NOT EXISTS`), and the script is noted as done only after its last one.
pub fn migrate(session: &mut Session, migrations: &[Migration]) -> Result<usize, Error> {
    session.execute(
        "CREATE TABLE IF NOT EXISTS packmule_migration (\
           number INT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(80) NOT NULL, \
           done_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))\
         ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    )?;
    let seen: Vec<u32> = session
        .rows("SELECT number FROM packmule_migration")?
        .iter()
        .map(|row| row.parse(0))
        .collect::<Result<_, _>>()?;
    let open: Vec<&Migration> = migrations.iter().filter(|one| !seen.contains(&one.number)).collect();
    for migration in &open {
        for statement in statements(migration.sql) {
            session.execute(statement)?;
        }
        session.execute(&format!(
            "INSERT INTO packmule_migration (number, name) VALUES ({}, {})",
            migration.number,
            sql::text(migration.name)
        ))?;
    }
    Ok(open.len())
}

fn statements(script: &str) -> impl Iterator<Item = &str> {
    script.split(";\n").map(str::trim).filter(|statement| {
        statement.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_at_the_ends_of_its_statements_only() {
        let found: Vec<&str> = statements("-- why; because\nCREATE a;\n\n-- end\n;\nCREATE b\n").collect();
        assert_eq!(found, ["-- why; because\nCREATE a", "CREATE b"]);
    }
}
