//! Tries again what waits at the centre because it did not fit: a row whose parent was missing, whose unique value another row
//! had, or whose value the table did not take.
//!
//! Nothing is tried as long as nothing has changed that could let it fit: the log says which tables have, and a hash of a table's
//! definition whether it was altered. Once an hour everything is tried, for the sake of what no log has seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};

use crate::apply::{self, ParkedDue, Unparked, Without};
use crate::conflict::Kind;
use crate::db;
use crate::engine::attempts::attempts;
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::ready::Tables;
use crate::engine::receive::ImportOptions;
use crate::engine::sites::expect_central;
use crate::ledger::{self, LogMark, ParkedGroup, Tried};
use crate::model::{Role, Site, TableName, hex_from_bytes};
use crate::monitor::{Notice, Step};

/// What is tried, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParkedOptions {
    /// Only what this lab has sent.
    pub site: Option<Site>,
    /// Only what is of this table.
    pub table: Option<TableName>,
    /// Whether everything is tried, even where nothing has changed that is known of.
    pub everything: bool,
    /// Whether everything is rolled back at the end, to see what it would do.
    pub dry_run: bool,
}

/// Tries what waits because it did not fit, as far as something has changed since; until nothing more fits. At a lab nothing waits.
///
/// Each lab's changes are one transaction: rows, log rows, what the labs are told, and the lines of conflict_log. In a dry run no
/// lab's change sees what another's would bring.
pub fn retry_parked(home: &mut Home<'_>, options: ParkedOptions) -> Result<Unparked, Error> {
    if options.everything {
        // That is a person's wish, and no part of other work.
        expect_central(home)?;
    }
    if home.here.role != Role::Central || !home.keeps_house() {
        return Ok(Unparked::default());
    }
    let mut groups = groups(home, &options)?;
    if groups.is_empty() {
        return Ok(Unparked::default());
    }
    // Before anything is looked at: what changes from here on is news the next time.
    let mark = ledger::log_mark(&mut home.session)?;
    let tables = Tables::read(home)?;
    let tried = ledger::tried(&mut home.session)?;
    let mut watch = Watch { definitions: BTreeMap::new(), tried, whole: BTreeSet::new() };
    let mut due = watch.due(home, &tables, &groups, options.everything)?;
    let mut total = Unparked::default();
    while !due.is_empty() {
        let labs: BTreeSet<Site> = groups
            .iter()
            .filter(|group| due.contains_key(&group.table))
            .map(|group| group.site.clone())
            .collect();
        let mut round = Unparked::default();
        for lab in &labs {
            round += retry_lab(home, &tables, lab, &due, options.dry_run)?;
        }
        total += round;
        if round.fit == 0 || options.dry_run {
            break;
        }
        // One that fits now may be what others have waited for.
        groups = self::groups(home, &options)?;
        due = groups
            .iter()
            .map(|group| (group.table.clone(), ParkedDue { rows: true, definition: false }))
            .collect();
    }
    if !options.dry_run && options.site.is_none() {
        home.monitor.step(Step::ParkedCommitted);
        watch.remember(home, mark)?;
    }
    let left = if options.dry_run { groups } else { self::groups(home, &options)? };
    let gone = if options.dry_run { total.fit + total.lost + total.waits } else { 0 };
    total.left = left.iter().map(|group| group.lines).sum::<u64>().saturating_sub(gone);
    Ok(total)
}

/// The same where other work must go on whatever comes of it: the monitor is told why nothing could be tried.
pub fn retry_parked_calmly(home: &mut Home<'_>) -> Unparked {
    match retry_parked(home, ParkedOptions::default()) {
        Ok(unparked) => unparked,
        Err(error) => {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
            home.monitor.notice(Notice::NotTried { why: format!("{error}{}", source.unwrap_or_default()) });
            Unparked::default()
        }
    }
}

fn groups(home: &mut Home<'_>, options: &ParkedOptions) -> Result<Vec<ParkedGroup>, Error> {
    let mut groups = ledger::parked_groups(&mut home.session)?;
    groups.retain(|group| {
        options.site.as_ref().is_none_or(|site| *site == group.site)
            && options.table.as_ref().is_none_or(|table| *table == group.table)
    });
    Ok(groups)
}

/// Deadlock, lock timeout, a line that broke: the whole transaction again, on a new connection.
fn retry_lab(
    home: &Home<'_>,
    tables: &Tables,
    lab: &Site,
    due: &HashMap<TableName, ParkedDue>,
    dry_run: bool,
) -> Result<Unparked, Error> {
    let without = Without::default();
    // Whether a bundle may delete as much was asked when it came.
    let options = ImportOptions { dry_run, delete_percent_max: 100, online: None, without: &without };
    attempts(home, Error::may_pass, |_| {
        let mut session = home.connect()?;
        let mut outside = tables.outside(home)?;
        let context = tables.context(home, options);
        apply::retry_parked(&mut session, outside.as_mut(), lab, due, &context, home.monitor)
            .map_err(|source| Error::Parked { source })
    })
}

/// What is known of the tables in which something waits.
struct Watch {
    /// A hash of each table's definition.
    definitions: BTreeMap<TableName, String>,
    /// When each was tried last.
    tried: HashMap<TableName, Tried>,
    /// Those of which everything is tried.
    whole: BTreeSet<TableName>,
}

impl Watch {
    /// The tables in which something may fit that did not.
    fn due(
        &mut self,
        home: &mut Home<'_>,
        tables: &Tables,
        groups: &[ParkedGroup],
        everything: bool,
    ) -> Result<HashMap<TableName, ParkedDue>, Error> {
        const EVERYTHING_AFTER_MICROS: i64 = 3_600_000_000;
        let mut due = HashMap::new();
        let names: BTreeSet<&TableName> = groups.iter().map(|group| &group.table).collect();
        for name in names {
            let Some(table) = tables.catalog.tables.get(name) else {
                continue;
            };
            let has_values = groups.iter().any(|group| group.table == *name && group.kind == Kind::Value);
            let definition = hex_from_bytes(&Sha256::digest(db::definition(&mut home.session, table)?));
            let known = self.tried.get(name).filter(|known| {
                let since = now().micros().saturating_sub(known.at.micros());
                !everything && (0..EVERYTHING_AFTER_MICROS).contains(&since)
            });
            let one = match known {
                None => {
                    self.whole.insert(name.clone());
                    // What has come for the first time was tried just now as the table is.
                    let definition = everything || self.tried.contains_key(name);
                    ParkedDue { rows: true, definition }
                }
                Some(known) => ParkedDue {
                    rows: has_news(home, tables, name, known.mark)?,
                    definition: has_values && known.definition != definition,
                },
            };
            if one != ParkedDue::default() {
                due.insert(name.clone(), one);
            }
            self.definitions.insert(name.clone(), definition);
        }
        spread(tables, groups, &mut due);
        Ok(due)
    }

    /// Writes down that all was tried that was due.
    fn remember(&self, home: &mut Home<'_>, mark: LogMark) -> Result<(), Error> {
        for (name, definition) in &self.definitions {
            let before = self.tried.get(name).filter(|_| !self.whole.contains(name));
            let at = before.map_or_else(now, |before| before.at);
            let tried = Tried { mark, definition: definition.clone(), at };
            if before != Some(&tried) {
                ledger::record_tried(&mut home.session, name, &tried)?;
            }
        }
        Ok(())
    }
}

/// What is due in one table may be what rows of another have waited for; they are tried together, so that a circle can close.
fn spread(tables: &Tables, groups: &[ParkedGroup], due: &mut HashMap<TableName, ParkedDue>) {
    let mut open: Vec<TableName> = due.keys().cloned().collect();
    while let Some(name) = open.pop() {
        for group in groups.iter().filter(|group| related(tables, &name).contains(&group.table)) {
            let one = due.entry(group.table.clone()).or_default();
            if !std::mem::replace(&mut one.rows, true) {
                open.push(group.table.clone());
            }
        }
    }
}

/// A table, those it points to, and those that point to it.
fn related<'t>(tables: &'t Tables, name: &'t TableName) -> BTreeSet<&'t TableName> {
    let parents = tables.catalog.parents_of(name).map(|key| &key.parent);
    let children = tables.catalog.children_of(name).map(|key| &key.child);
    parents.chain(children).chain([name]).collect()
}

/// Whether rows have changed that could let rows of this table fit: its own, those it points to, those that point to it. What a
/// table does that nobody watches is not known.
fn has_news(home: &mut Home<'_>, tables: &Tables, name: &TableName, since: LogMark) -> Result<bool, Error> {
    for table in related(tables, name) {
        if !tables.shared.contains(table) || ledger::has_news(&mut home.session, table, since)? {
            return Ok(true);
        }
    }
    Ok(false)
}
