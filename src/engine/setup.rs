//! `init`: makes a site of a database.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::bundle;
use crate::capture::{self, LogDepth};
use crate::config::{self, Administrator, KeyFolder, Keys, NewSettings, Settings, SiteCard, Tables, Witness};
use crate::db::{Catalog, Ensured, Session, sql};
use crate::engine::error::{Cause, Error};
use crate::engine::home::{connect, lock, now};
use crate::engine::own_account;
use crate::engine::rules::expect_rules;
use crate::engine::series::{SeriesReport, ServerSettings, preview_series, settle_series};
use crate::engine::tables::wanted_tables;
use crate::ledger::{self, Here};
use crate::model::{Incarnation, Role, Series, TableName};

/// What `init` was told.
#[derive(Debug)]
pub struct Init {
    /// Where the settings file goes.
    pub path: PathBuf,
    /// What goes into it.
    pub settings: NewSettings,
    /// Where a lab's card goes.
    pub card: PathBuf,
    /// Whether the rows that are there already are sent too.
    pub adopt: bool,
    /// What becomes of the server's own settings.
    pub server: ServerSettings,
    /// Who makes packmule's own account first, where it is not there yet.
    pub administrator: Option<Administrator>,
}

/// What `init` made.
#[derive(Debug)]
pub struct InitReport {
    /// The settings in use.
    pub settings: Settings,
    /// Whether the site was there already, and `init` only completed it.
    pub was_there: bool,
    /// What was found where `sync_log` belongs.
    pub log: Ensured,
    /// Tables whose edits are logged from now on.
    pub tables: Vec<TableName>,
    /// Tables that cannot be synced, with the reason.
    pub unshareable: Vec<(TableName, String)>,
    /// Rows that were there already and are sent, too.
    pub adopted: u64,
    /// Rows that were there already and are not sent.
    pub not_adopted: u64,
    /// The keys that the server gives to new rows; `None` where none count up, or no number is known yet.
    pub series: Option<SeriesReport>,
    /// The lab's card, where one was written.
    pub card: Option<PathBuf>,
    /// The six words of this site.
    pub words: String,
    /// Whether an administrator has made packmule's own account, or completed its rights.
    pub made_account: bool,
}

/// Makes a site of a database: settings, keys, packmule's tables, triggers. Running it again completes it.
pub fn init(init: &Init) -> Result<InitReport, Error> {
    let (settings, is_new) = match init.settings.create(&init.path) {
        Ok(settings) => (settings, true),
        Err(config::Error::Exists { .. }) => (Settings::open(&init.path)?, false),
        Err(other) => return Err(other.into()),
    };
    is_site(init, &settings)?;
    let report = set_up(init, settings);
    if report.is_err() && is_new {
        // A settings file with an address that does not work would stand in the way of the next try.
        let _ = std::fs::remove_file(&init.path);
    }
    report
}

/// What `init` would make.
#[derive(Debug)]
pub struct InitPreview {
    /// The settings that it would use.
    pub settings: Settings,
    /// Whether the site is there already.
    pub was_there: bool,
    /// Whether a table `sync_log` is there already.
    pub has_log: bool,
    /// Tables whose edits would be logged.
    pub tables: Vec<TableName>,
    /// Tables that cannot be synced, with the reason.
    pub unshareable: Vec<(TableName, String)>,
    /// Rows that are there already.
    pub rows: u64,
    /// The keys that the server would give to new rows; `None` where none count up, or no number is known yet.
    pub series: Option<SeriesReport>,
}

/// Looks what `init` would make. Changes nothing.
pub fn preview(init: &Init) -> Result<InitPreview, Error> {
    let settings = init.settings.preview(&init.path)?;
    is_site(init, &settings)?;
    let mut session = match &init.administrator {
        Some(administrator) => own_account::look(administrator, &settings)?,
        None => connect(&settings.database)?,
    };
    let found = ledger::load_here(&mut session)?;
    is_its_database(&settings, found.as_ref())?;
    let catalog = Catalog::load(&mut session)?;
    expect_rules(&settings, &catalog)?;
    let (tables, unshareable) = wanted_tables(&catalog, &wanted(&settings))?;
    let mut rows = 0;
    for table in &tables {
        rows += count_rows(&mut session, table)?;
    }
    let log = session.first(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'sync_log'",
    )?;
    let (was_there, has_log) = (found.is_some(), log.is_some());
    let series = match own_series(&mut session, &settings, found.as_ref())? {
        Some(series) => preview_series(&mut session, &catalog, &tables, series, init.server)?,
        None => None,
    };
    Ok(InitPreview { settings, was_there, has_log, tables, unshareable, rows, series })
}

fn is_site(init: &Init, settings: &Settings) -> Result<(), Error> {
    let (site, role) = (&init.settings.site, init.settings.role);
    if settings.site == *site && settings.role == role {
        return Ok(());
    }
    Err(Cause::OtherSite { found: settings.site.clone(), wanted: site.clone() }.into())
}

fn is_its_database(settings: &Settings, found: Option<&Here>) -> Result<(), Error> {
    match found.filter(|here| here.site != settings.site || here.role != settings.role) {
        Some(here) => {
            Err(Cause::OtherSite { found: here.site.clone(), wanted: settings.site.clone() }.into())
        }
        None => Ok(()),
    }
}

fn wanted(settings: &Settings) -> Tables {
    match settings.role {
        Role::Central => settings.tables.clone(),
        // The centre says later which ones; until then nothing that is written here may be missed.
        Role::Lab => Tables::All,
    }
}

pub(super) fn count_rows(session: &mut Session, table: &TableName) -> Result<u64, Error> {
    let row = session.first(&format!("SELECT COUNT(*) FROM {}", sql::name(table.as_str())))?;
    Ok(row.map_or(Ok(0), |row| row.parse::<u64>(0))?)
}

fn set_up(init: &Init, settings: Settings) -> Result<InitReport, Error> {
    let mut administrator = match &init.administrator {
        Some(administrator) => Some(own_account::make(administrator, &settings)?),
        None => None,
    };
    // The database first: when it cannot be reached or belongs to another site, nothing has been made yet.
    let mut session = connect(&settings.database)?;
    let found = ledger::load_here(&mut session)?;
    is_its_database(&settings, found.as_ref())?;
    let series = own_series(&mut session, &settings, found.as_ref())?;
    let catalog = Catalog::load(&mut session)?;
    expect_rules(&settings, &catalog)?;
    let (mut tables, unshareable) = wanted_tables(&catalog, &wanted(&settings))?;
    let _lock = lock(&settings, File::try_lock)?;
    let keys = KeyFolder::new(&settings.state).create_with(&settings.keys)?;
    // What the application may have made itself comes first: where it is refused, nothing of packmule's is there yet. A view reads it, too.
    let log = capture::ensure_log(&mut session)?;
    ledger::ensure_conflict_log(&mut session)?;
    ledger::prepare(&mut session, settings.role)?;
    let was_there = found.is_some();
    let here = match found {
        Some(here) => {
            if here.role == Role::Lab && here.number.is_some() {
                tables = ledger::shared_tables(&mut session)?.into_iter().collect();
            }
            here
        }
        None => create_here(&mut session, &settings)?,
    };
    ledger::add_tables(&mut session, &tables, now())?;
    let series = match series {
        // An administrator may set what packmule's own account may not.
        Some(series) => {
            let session = administrator.as_mut().unwrap_or(&mut session);
            settle_series(session, &catalog, &tables, series, init.server)?
        }
        None => None,
    };
    let depth = LogDepth::of(settings.role);
    capture::install_triggers(&mut session, &catalog, &tables, depth)?;
    let (adopted, not_adopted) = adopt(&mut session, &catalog, &tables, init.adopt, was_there)?;
    let card = match settings.role {
        Role::Lab => Some(write_card(&settings, &keys, &here, &init.card)?),
        Role::Central => None,
    };
    Ok(InitReport {
        made_account: init.administrator.is_some(),
        words: keys.words(),
        was_there,
        log,
        tables,
        unshareable,
        adopted,
        not_adopted,
        series,
        card,
        settings,
    })
}

/// The series of this site, where it is known: the centre's by the settings, a lab's once it has joined.
fn own_series(
    session: &mut Session,
    settings: &Settings,
    found: Option<&Here>,
) -> Result<Option<Series>, Error> {
    let sites = settings.series;
    match (settings.role, found) {
        (Role::Central, None) => Ok(Series::new(sites, 1)),
        (Role::Central, Some(_)) => {
            let number = ledger::next_number(session)? - 1;
            match u32::from(sites) < number {
                true => Err(Cause::SeriesFull { number, sites }.into()),
                false => Ok(Series::new(sites, 1)),
            }
        }
        (Role::Lab, None) => Ok(None),
        (Role::Lab, Some(here)) => {
            let number = here.number.and_then(|number| u16::try_from(number).ok());
            let sites = ledger::load_series(session)?.sites;
            Ok(sites.zip(number).and_then(|(sites, number)| Series::new(sites, number)))
        }
    }
}

fn create_here(session: &mut Session, settings: &Settings) -> Result<Here, Error> {
    let here = Here {
        role: settings.role,
        site: settings.site.clone(),
        number: (settings.role == Role::Central).then_some(1),
        incarnation: new_incarnation(settings)?,
        logged_since: now(),
    };
    ledger::create_here(session, &here)?;
    // A database that begins anew uses no number of an older history again.
    let folder = KeyFolder::new(&settings.state);
    Witness::open(&folder)?.forget_all()?;
    folder.forget_restored()?;
    Ok(here)
}

fn adopt(
    session: &mut Session,
    catalog: &Catalog,
    tables: &[TableName],
    adopt: bool,
    was_there: bool,
) -> Result<(u64, u64), Error> {
    let (mut adopted, mut left) = (0, 0);
    // Rows of a table that has started are known to the centre, though the log may have been pruned since.
    let started = ledger::started_tables(session)?;
    for table in tables.iter().filter_map(|name| catalog.tables.get(name)) {
        if started.contains(&table.shape.name) {
            continue;
        }
        if adopt {
            adopted += capture::adopt_rows(session, table)?;
        } else if !was_there {
            left += count_rows(session, &table.shape.name)?;
        }
    }
    Ok((adopted, left))
}

/// A random name for a history of this site's database.
pub(super) fn new_incarnation(settings: &Settings) -> Result<Incarnation, Error> {
    let mut random = [0; 16];
    getrandom::getrandom(&mut random).map_err(|error| Error::File {
        path: settings.state.clone(),
        source: std::io::Error::other(error),
    })?;
    Ok(Incarnation::from_bytes(random))
}

/// Writes the lab's card. The one that was made first is kept: the centre's answer names its digest.
fn write_card(settings: &Settings, keys: &Keys, here: &Here, path: &Path) -> Result<PathBuf, Error> {
    let folder = KeyFolder::new(&settings.state);
    let is_ours = |text: &String| {
        let card = SiteCard::open(text).ok();
        card.is_some_and(|card| card.card().incarnation == here.incarnation)
    };
    // One of another history speaks of a database that is gone.
    let text = match folder.kept_card()?.filter(is_ours) {
        Some(text) => text,
        None => {
            let text = card_text(settings, keys, here)?;
            folder.keep_card(&text)?;
            text
        }
    };
    std::fs::write(path, text).map_err(|source| Error::File { path: path.to_path_buf(), source })?;
    Ok(path.to_path_buf())
}

/// This site's card as text, signed by its keys of before, too.
pub(super) fn card_text(settings: &Settings, keys: &Keys, here: &Here) -> Result<String, bundle::KeyError> {
    own_card(settings, keys, here).create_after(&keys.signing, &keys.retired)
}

/// This site's card.
pub(super) fn own_card(settings: &Settings, keys: &Keys, here: &Here) -> SiteCard {
    SiteCard {
        site: settings.site.clone(),
        role: settings.role,
        incarnation: here.incarnation,
        verifying: keys.signing.verifying_key().clone(),
        recipient: keys.identity.recipient(),
        date: now(),
    }
}
