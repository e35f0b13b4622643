//! Keys that count up: every site gets a series of its own, which the server must give to new rows.

use crate::db::{Catalog, Class, Kept, KeySteps, Session, integer_max, sql};
use crate::engine::doctor::{Check, bad, good, notice};
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::ledger;
use crate::model::{Role, Series, TableName};

/// What becomes of the server's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerSettings {
    /// They are set, as far as this account may.
    Set,
    /// They are somebody else's business, now and for `doctor`.
    LeaveAlone,
}

/// What there is to say of the keys that the server gives to new rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesReport {
    /// The keys that it must give.
    pub series: Series,
    /// Whether it does.
    pub outcome: SeriesOutcome,
}

/// Whether the server gives the keys of the site's series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesOutcome {
    /// It does.
    Right,
    /// It does from now on.
    Set,
    /// It does until it starts anew.
    UntilRestart,
    /// It does not, and this account may not change that.
    NotAllowed,
    /// A cluster chooses them.
    ByCluster,
    /// Nobody looked: it is somebody else's business.
    LeftAlone,
}

/// Makes the server give the keys of `series`, where a table of `tables` needs them, and remembers the series.
///
/// `None` where no table has a key that counts up. A server that does so already is not touched.
pub(super) fn settle_series(
    session: &mut Session,
    catalog: &Catalog,
    tables: &[TableName],
    series: Series,
    server: ServerSettings,
) -> Result<Option<SeriesReport>, Error> {
    let needed = counters(catalog, tables).next().is_some();
    let outcome = match server {
        ServerSettings::LeaveAlone => SeriesOutcome::LeftAlone,
        ServerSettings::Set if needed => set(session, series)?,
        ServerSettings::Set => SeriesOutcome::Right,
    };
    let sites = match server {
        ServerSettings::Set => Some(series.step()),
        ServerSettings::LeaveAlone => None,
    };
    ledger::remember_series(session, sites)?;
    Ok(needed.then_some(SeriesReport { series, outcome }))
}

/// What [`settle_series`] would do. Changes nothing.
pub(super) fn preview_series(
    session: &mut Session,
    catalog: &Catalog,
    tables: &[TableName],
    series: Series,
    server: ServerSettings,
) -> Result<Option<SeriesReport>, Error> {
    if counters(catalog, tables).next().is_none() {
        return Ok(None);
    }
    let outcome = match server {
        ServerSettings::LeaveAlone => SeriesOutcome::LeftAlone,
        ServerSettings::Set => {
            judge(KeySteps::load(session)?, series).as_it_is().unwrap_or(SeriesOutcome::Set)
        }
    };
    Ok(Some(SeriesReport { series, outcome }))
}

fn set(session: &mut Session, series: Series) -> Result<SeriesOutcome, Error> {
    if let Some(outcome) = judge(KeySteps::load(session)?, series).as_it_is() {
        return Ok(outcome);
    }
    match KeySteps::set(session, series) {
        Ok(Kept::ForGood) => Ok(SeriesOutcome::Set),
        Ok(Kept::UntilRestart) => Ok(SeriesOutcome::UntilRestart),
        Err(error) if error.class() == Some(Class::Rights) => Ok(SeriesOutcome::NotAllowed),
        Err(other) => Err(other.into()),
    }
}

/// How a server was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It gives the keys of the series.
    Right,
    /// It does until it starts anew.
    Fleeting,
    /// A cluster chooses.
    ByCluster,
    /// It gives other keys.
    Wrong,
}

impl Found {
    /// What there is to say when the server stays as it is; `None`: it must not stay so.
    fn as_it_is(self) -> Option<SeriesOutcome> {
        match self {
            Found::Right => Some(SeriesOutcome::Right),
            Found::Fleeting => Some(SeriesOutcome::UntilRestart),
            Found::ByCluster => Some(SeriesOutcome::ByCluster),
            Found::Wrong => None,
        }
    }
}

fn judge(found: KeySteps, wanted: Series) -> Found {
    match (found.by_cluster, found.are(wanted), found.is_fleeting) {
        // Whatever was set would be gone when the next node comes or goes.
        (true, _, _) => Found::ByCluster,
        (false, true, true) => Found::Fleeting,
        (false, true, false) => Found::Right,
        (false, false, _) => Found::Wrong,
    }
}

/// The columns of these tables that count up, as table, column and type.
fn counters<'c>(
    catalog: &'c Catalog,
    tables: &'c [TableName],
) -> impl Iterator<Item = (&'c TableName, &'c str, &'c str)> {
    let tables = tables.iter().filter_map(|name| catalog.tables.get(name));
    tables.flat_map(|table| {
        let counters = table.details.iter().filter(|detail| detail.auto_increment);
        counters.map(|detail| (&table.shape.name, detail.name.as_str(), detail.column_type.as_str()))
    })
}

/// Whether new rows get the keys of this site's series, and whether there is room for them.
pub(super) fn check_series(home: &mut Home<'_>) -> Result<Vec<Check>, Error> {
    let catalog = Catalog::load(&mut home.session)?;
    let tables: Vec<TableName> = ledger::shared_tables(&mut home.session)?.into_iter().collect();
    let number = home.here.number.and_then(|number| u16::try_from(number).ok());
    // A lab that has not joined has no number yet; it is told so elsewhere.
    let (Some(number), Some(_)) = (number, counters(&catalog, &tables).next()) else {
        return Ok(Vec::new());
    };
    let Some(known) = ledger::load_series(&mut home.session)?.sites else {
        let words = "which keys new rows get is left to others (--no-series)".to_owned();
        return Ok(vec![notice("series", words, LEFT_ALONE_REMEDY)]);
    };
    let sites = match home.role() {
        Role::Central => home.settings.series,
        Role::Lab => known,
    };
    let mut checks = Vec::new();
    if sites != known {
        let words = format!("the settings allow {sites} sites, and the sites work with {known}");
        checks.push(bad("series", words, SITES_REMEDY));
    }
    if let Some(series) = Series::new(sites, number) {
        checks.push(check_server(KeySteps::load(&mut home.session)?, series));
        checks.extend(check_room(&mut home.session, &catalog, &tables, series)?);
    }
    Ok(checks)
}

fn check_server(found: KeySteps, series: Series) -> Check {
    let [increment, offset] = series.my_cnf();
    let lines = format!(
        "in the server's my.cnf, below [mysqld]: {increment}\n\
         in the server's my.cnf, below [mysqld]: {offset}"
    );
    match judge(found, series) {
        Found::Right => good("series", format!("new rows get the keys {series}")),
        Found::Fleeting => {
            let words = format!("new rows get the keys {series} until the server starts anew");
            notice("series", words, &lines)
        }
        Found::ByCluster => bad(
            "series",
            format!("a cluster (Galera) chooses the keys of new rows; they must be {series}"),
            &format!(
                "on every node, as its administrator: SET GLOBAL wsrep_auto_increment_control = OFF\n\
                 in my.cnf of every node, below [mysqld]: wsrep_auto_increment_control = OFF\n{lines}\n{CLUSTER_REMEDY}"
            ),
        ),
        Found::Wrong => bad(
            "series",
            format!("new rows get the keys {found}; they must get {series}"),
            &format!(
                "as an administrator of the server: SET GLOBAL {}, GLOBAL {}\n{lines}\n{RECONNECT_REMEDY}",
                increment, offset
            ),
        ),
    }
}

/// Keys of a small type are used up soon when only every hundredth is one's own.
fn check_room(
    session: &mut Session,
    catalog: &Catalog,
    tables: &[TableName],
    series: Series,
) -> Result<Vec<Check>, Error> {
    const ROWS_MIN: u64 = 10_000;
    let mut checks = Vec::new();
    for (table, column, column_type) in counters(catalog, tables) {
        let Some(max) = integer_max(column_type) else {
            continue;
        };
        let query = format!("SELECT MAX({}) FROM {}", sql::name(column), sql::name(table.as_str()));
        // NULL in an empty table; a key below 1 leaves all the room there is.
        let highest =
            session.first(&query)?.and_then(|row| row.optional(0)?.parse::<u64>().ok()).unwrap_or(0);
        let room = series.room(highest, max);
        if room < ROWS_MIN {
            let words = format!(
                "{table}.{column} is {column_type}: {room} more {} the keys {series}",
                if room == 1 { "row finds room among" } else { "rows find room among" }
            );
            checks.push(notice("series", words, &room_remedy(catalog, table, column, column_type)));
        }
    }
    Ok(checks)
}

fn room_remedy(catalog: &Catalog, table: &TableName, column: &str, column_type: &str) -> String {
    if column_type.to_lowercase().starts_with("bigint") {
        return format!("look at the row with the highest {column}: no counting comes to such a number");
    }
    let mut remedy = format!(
        "at every site, the centre first: ALTER TABLE {} MODIFY {} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT",
        sql::name(table.as_str()),
        sql::name(column)
    );
    let pointing = catalog.children_of(table).flat_map(|key| {
        let pairs = key.child_columns.iter().zip(&key.parent_columns);
        let pairs = pairs.filter(|(_, parent)| parent.as_str() == column);
        pairs.map(|(child, _)| format!("{}.{child}", key.child))
    });
    let pointing: Vec<String> = pointing.collect();
    if !pointing.is_empty() {
        remedy += &format!("\nand BIGINT UNSIGNED for what points to it: {}", pointing.join(", "));
    }
    remedy
}

const LEFT_ALONE_REMEDY: &str = "make sure that no two sites give the same key; or run `packmule init`, at a lab `packmule join ANSWER`, \
                                 without --no-series";
const SITES_REMEDY: &str = "run the same `packmule init` again here; then enrol every lab again, and let it join with the new answer";
const CLUSTER_REMEDY: &str = "where several nodes are written to at once, each needs an offset of its own that no lab has as its number";
const RECONNECT_REMEDY: &str = "then start anew what uses this database: open connections count as before";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(increment: u64, offset: u64, by_cluster: bool, is_fleeting: bool) -> KeySteps {
        KeySteps { increment, offset, by_cluster, is_fleeting }
    }

    #[test]
    fn only_a_server_that_is_alone_and_wrong_is_changed() {
        let wanted = Series::new(100, 2).unwrap();
        for (found, verdict) in [
            (found(1, 1, false, false), Found::Wrong),
            (found(1, 1, false, true), Found::Wrong),
            (found(100, 3, false, false), Found::Wrong),
            (found(100, 2, false, false), Found::Right),
            (found(100, 2, false, true), Found::Fleeting),
            (found(3, 1, true, false), Found::ByCluster),
            (found(100, 2, true, false), Found::ByCluster),
        ] {
            assert_eq!(judge(found, wanted), verdict, "{found:?}");
            assert_eq!(verdict.as_it_is().is_none(), verdict == Found::Wrong);
        }
    }

    #[test]
    fn a_wrong_server_is_told_with_both_lines_of_its_settings() {
        let check = check_server(found(1, 1, false, false), Series::new(100, 2).unwrap());
        assert_eq!(check.words, "new rows get the keys 1, 2, 3, ...; they must get 2, 102, 202, ...");
        let remedy = check.remedy.unwrap();
        for words in [
            "SET GLOBAL auto_increment_increment = 100, GLOBAL auto_increment_offset = 2\n",
            "below [mysqld]: auto_increment_increment = 100\n",
            "below [mysqld]: auto_increment_offset = 2\n",
        ] {
            assert!(remedy.contains(words), "{remedy}");
        }
    }
}
