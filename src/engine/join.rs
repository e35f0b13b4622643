//! `join` at a lab: takes the centre's answer, once two people have compared words.

use std::path::Path;

use crate::capture::{self, LogDepth};
use crate::config::{self, AnswerCard, CentralLines, KeyFolder, SiteCard, VerifiedAnswer};
use crate::db::Catalog;
use crate::engine::enrol::{has_same_keys, known_site, take_new_keys};
use crate::engine::error::{Cause, Error};
use crate::engine::home::{Home, now};
use crate::engine::rekey::{RekeyPlan, Rekeyed, plan_rekey, rekey};
use crate::engine::series::{SeriesReport, ServerSettings, preview_series, settle_series};
use crate::engine::setup::count_rows;
use crate::ledger::{self, KnownSite};
use crate::model::{Role, Site, TableName};

/// What `join` was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinOptions {
    /// What becomes of the rows that are there already.
    pub adoption: Adoption,
    /// What becomes of the server's own settings.
    pub server: ServerSettings,
}

/// What becomes of the rows that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    /// They are not sent.
    None,
    /// They are sent with the keys that they have.
    AsTheyAre,
    /// Their keys are moved into the lab's own series, then they are sent.
    Rekeyed,
}

/// What `join` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The centre.
    pub central: Site,
    /// This lab's number.
    pub number: u32,
    /// The tables that are synced from now on.
    pub tables: Vec<TableName>,
    /// Tables that the centre names and that cannot be synced here, with the reason.
    pub missing: Vec<(TableName, String)>,
    /// Rows that were there already and are sent, too.
    pub adopted: u64,
    /// What became of their keys; `None` where they keep them.
    pub rekeyed: Option<RekeyPlan>,
    /// The keys that the server gives to new rows; `None` where none count up.
    pub series: Option<SeriesReport>,
    /// What became of the way to the centre by network.
    pub online: OnlineAccess,
}

/// What became of the way to the centre by network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnlineAccess {
    /// The answer says nothing of one.
    None,
    /// A newer packmule has written it in a form that this one does not know.
    TooNew,
    /// The settings name it.
    Known {
        /// What became of the settings.
        lines: CentralLines,
    },
}

/// What `join` would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinPreview {
    /// The tables that would be synced.
    pub tables: Vec<TableName>,
    /// Tables that the centre names and that cannot be synced here, with the reason.
    pub missing: Vec<(TableName, String)>,
    /// Rows that are there already.
    pub rows: u64,
    /// What would become of their keys; `None` where they keep them.
    pub rekey: Option<RekeyPlan>,
    /// The keys that the server would give to new rows; `None` where none count up.
    pub series: Option<SeriesReport>,
}

/// Reads the answer that the centre wrote for this lab's card, and proves that it answers it.
pub fn open_answer(home: &Home<'_>, path: &Path) -> Result<VerifiedAnswer, Error> {
    let site = home.site().clone();
    if home.role() != Role::Lab {
        return Err(Cause::OnlyAtLab { site }.into());
    }
    let own =
        KeyFolder::new(&home.settings.state).kept_card()?.ok_or(Cause::NotJoined { site: site.clone() })?;
    let own = SiteCard::open(&own).map_err(|source| crate::config::Error::Card {
        path: home.settings.state.join("keys").join("own.card"),
        source,
    })?;
    Ok(AnswerCard::open_file(path, &site, own.digest())?)
}

/// Joins the centre whose answer this is. The words must have been compared. Again with a newer answer: takes its tables.
pub fn join(home: &mut Home<'_>, answer: &VerifiedAnswer, options: JoinOptions) -> Result<Joined, Error> {
    let card = answer;
    let answer = answer.answer();
    let central = &answer.central;
    let catalog = Catalog::load(&mut home.session)?;
    let (tables, missing) = tables_here(&catalog, answer);
    let plan = match options.adoption {
        // Whatever stands in the way is met before anything is written.
        Adoption::Rekeyed => Some(plan_rekey(home, &catalog, &tables, answer)?),
        Adoption::None | Adoption::AsTheyAre => None,
    };
    match home.sites.iter().find(|known| known.role == Role::Central).cloned() {
        // Of another history of the centre its own snapshot tells.
        Some(known) if has_same_keys(&known, central) => {}
        // A database that was put back may have forgotten that the centre has other keys; the centre's may have forgotten that this
        // lab has not heard of them.
        Some(known) if card.is_vouched_for_by(&known.verifying_key.parse()?) => {
            take_new_keys(home, &known, central)?;
        }
        // The centre was put back to before these keys, and has no copy of them. Whoever has stolen the older ones could say that,
        // too: two people have compared the words.
        Some(known) if known.incarnation != central.incarnation && had_keys(home, &known, central) => {
            take_new_keys(home, &known, central)?;
        }
        Some(known) => return Err(Cause::SiteTaken { site: known.site.clone() }.into()),
        None => ledger::add_site(&mut home.session, &known_site(central, Some(1)))?,
    }
    let before: Vec<TableName> = ledger::shared_tables(&mut home.session)?.into_iter().collect();
    let not_wanted: Vec<TableName> = before.into_iter().filter(|table| !tables.contains(table)).collect();
    // Triggers first, then the list: a table on the list is always watched.
    capture::install_triggers(&mut home.session, &catalog, &tables, LogDepth::of(Role::Lab))?;
    ledger::add_tables(&mut home.session, &tables, now())?;
    for (table, rules) in &answer.tables {
        let here = catalog.shareable(table).unwrap_or(table);
        ledger::set_direction(&mut home.session, here, rules.direction)?;
    }
    ledger::remove_tables(&mut home.session, &not_wanted)?;
    capture::remove_triggers(&mut home.session, &catalog, &not_wanted)?;
    let series = settle_series(&mut home.session, &catalog, &tables, answer.series, options.server)?;
    let (adopted, rekeyed) = match (options.adoption, plan) {
        (Adoption::None, _) => (0, None),
        (Adoption::Rekeyed, Some(RekeyPlan::Due(_))) => {
            // Writes the number, too.
            let Rekeyed { columns, adopted } = rekey(home, &catalog, &tables, answer.series)?;
            (adopted, Some(RekeyPlan::Due(columns)))
        }
        (Adoption::AsTheyAre | Adoption::Rekeyed, plan) => (adopt(home, &catalog, &tables)?, plan),
    };
    // The number last: it says that the lab has joined.
    let number = u32::from(answer.series.number());
    ledger::join_here(&mut home.session, &home.here.site, number)?;
    let online = take_access(home, answer)?;
    Ok(Joined { central: central.site.clone(), number, tables, missing, adopted, rekeyed, series, online })
}

/// Whether the centre once signed with the key of this card, as far as this lab has heard.
fn had_keys(home: &Home<'_>, known: &KnownSite, central: &SiteCard) -> bool {
    let key = central.verifying.to_string();
    home.retired.iter().any(|one| one.stream.from == known.site && one.verifying_key == key)
}

/// Opens what the centre sealed for this lab, and writes it down.
fn take_access(home: &Home<'_>, answer: &AnswerCard) -> Result<OnlineAccess, Error> {
    let Some(sealed) = &answer.online else {
        return Ok(OnlineAccess::None);
    };
    let opened = sealed.open(&home.keys.identity).map_err(|source| config::Error::Card {
        path: KeyFolder::new(&home.settings.state).path().to_path_buf(),
        source,
    })?;
    match opened {
        Some(access) => Ok(OnlineAccess::Known { lines: config::write_central(home.settings, &access)? }),
        None => Ok(OnlineAccess::TooNew),
    }
}

fn adopt(home: &mut Home<'_>, catalog: &Catalog, tables: &[TableName]) -> Result<u64, Error> {
    let mut adopted = 0;
    // Rows of a table that has started are known to the centre, though the log may have been pruned since.
    let started = ledger::started_tables(&mut home.session)?;
    let tables = tables.iter().filter(|table| !started.contains(*table));
    for table in tables.filter_map(|name| catalog.tables.get(name)) {
        adopted += capture::adopt_rows(&mut home.session, table)?;
    }
    Ok(adopted)
}

/// What [`join`] would do, as far as that can be known beforehand. Changes nothing.
pub fn preview_join(
    home: &mut Home<'_>,
    answer: &VerifiedAnswer,
    options: JoinOptions,
) -> Result<JoinPreview, Error> {
    let answer = answer.answer();
    let catalog = Catalog::load(&mut home.session)?;
    let (tables, missing) = tables_here(&catalog, answer);
    let series = preview_series(&mut home.session, &catalog, &tables, answer.series, options.server)?;
    let rekey = match options.adoption {
        Adoption::Rekeyed => Some(plan_rekey(home, &catalog, &tables, answer)?),
        Adoption::None | Adoption::AsTheyAre => None,
    };
    let mut rows = 0;
    for table in &tables {
        rows += count_rows(&mut home.session, table)?;
    }
    Ok(JoinPreview { tables, missing, rows, rekey, series })
}

/// The tables of the answer that are here, and those that cannot be synced, with the reason.
fn tables_here(catalog: &Catalog, answer: &AnswerCard) -> (Vec<TableName>, Vec<(TableName, String)>) {
    let (mut tables, mut missing) = (Vec::new(), Vec::new());
    for (table, _) in &answer.tables {
        if let Some(here) = catalog.shareable(table) {
            tables.push(here.clone());
        } else {
            let why = catalog.unshareable.get(table).map(ToString::to_string);
            missing.push((table.clone(), why.unwrap_or_else(|| "there is no such table here".to_owned())));
        }
    }
    (tables, missing)
}
