//! `enrol` at the centre and `join` at the lab: each side takes the other's card, once two people have compared words.

use std::path::{Path, PathBuf};

use crate::capture::{self, LogDepth};
use crate::config::{AnswerCard, KeyFolder, SiteCard, TableRules, VerifiedAnswer, VerifiedSite};
use crate::db::{Catalog, sql};
use crate::engine::error::{Cause, Error};
use crate::engine::home::{Home, now};
use crate::engine::setup::own_card;
use crate::ledger::{self, KnownSite, SiteState};
use crate::model::{Role, Site, StreamId, TableName};

/// What `enrol` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The lab.
    pub site: Site,
    /// The number that it got.
    pub number: u32,
    /// Whether it was enrolled already; its answer was written anew.
    pub was_there: bool,
    /// Where its answer is.
    pub answer: PathBuf,
    /// The centre's own words, for the lab to compare.
    pub words: String,
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
}

/// Enrols the lab whose card this is, and writes the answer for it. The words must have been compared.
pub fn enrol(home: &mut Home<'_>, card: &VerifiedSite, answer: &Path) -> Result<Enrolled, Error> {
    let site = home.site().clone();
    if home.role() != Role::Central {
        return Err(Cause::OnlyAtCentral { site }.into());
    }
    let lab = card.card();
    if lab.role != Role::Lab || lab.site == site {
        return Err(Cause::NotALab { site: lab.site.clone() }.into());
    }
    let known = home.sites.iter().find(|known| known.site == lab.site).cloned();
    let was_there = known.is_some();
    let number = match known {
        Some(known) if is_same(&known, lab) => known.number.unwrap_or_default(),
        Some(known) if has_same_keys(&known, lab) => come_back(home, &known, lab)?,
        Some(_) => return Err(Cause::SiteTaken { site: lab.site.clone() }.into()),
        None => {
            let number = ledger::next_number(&mut home.session)?;
            ledger::add_site(&mut home.session, &known_site(lab, Some(number)))?;
            number
        }
    };
    let tables = ledger::shared_tables(&mut home.session)?.into_iter().map(|table| {
        let rules = home.settings.rules.get(&table).cloned().unwrap_or_else(TableRules::default);
        (table, rules)
    });
    let text = AnswerCard {
        central: own_card(home.settings, &home.keys, &home.here),
        lab: lab.site.clone(),
        number: u16::try_from(number).map_err(|_| Cause::NotALab { site: lab.site.clone() })?,
        answers: card.digest(),
        tables: tables.collect(),
    }
    .create(&home.keys.signing)?;
    std::fs::write(answer, text).map_err(|source| Error::File { path: answer.to_path_buf(), source })?;
    Ok(Enrolled {
        site: lab.site.clone(),
        number,
        was_there,
        answer: answer.to_path_buf(),
        words: home.keys.words(),
    })
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
pub fn join(home: &mut Home<'_>, answer: &VerifiedAnswer) -> Result<Joined, Error> {
    let answer = answer.answer();
    let central = &answer.central;
    match home.sites.iter().find(|known| known.role == Role::Central) {
        Some(known) if is_same(known, central) => {}
        Some(known) => return Err(Cause::SiteTaken { site: known.site.clone() }.into()),
        None => ledger::add_site(&mut home.session, &known_site(central, Some(1)))?,
    }
    let catalog = Catalog::load(&mut home.session)?;
    let (mut tables, mut missing) = (Vec::new(), Vec::new());
    for (table, _) in &answer.tables {
        if let Some(here) = catalog.shareable(table) {
            tables.push(here.clone());
        } else {
            let why = catalog.unshareable.get(table).map(ToString::to_string);
            missing.push((table.clone(), why.unwrap_or_else(|| "there is no such table here".to_owned())));
        }
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
    // The number last: it says that the lab has joined.
    let number = u32::from(answer.number);
    home.session.execute(&format!(
        "UPDATE packmule_here SET number = {number} WHERE id = 1 AND site = {}",
        sql::text(home.here.site.as_str())
    ))?;
    Ok(Joined { central: central.site.clone(), number, tables, missing })
}

fn is_same(known: &KnownSite, card: &SiteCard) -> bool {
    has_same_keys(known, card) && known.incarnation == card.incarnation
}

fn has_same_keys(known: &KnownSite, card: &SiteCard) -> bool {
    known.verifying_key == card.verifying.to_string() && known.recipient == card.recipient.to_string()
}

/// Takes in a lab whose database was put back, under its new history. Returns its number, which stays.
///
/// The end of the old history may still come: its stream is kept, so that it is known.
fn come_back(home: &mut Home<'_>, known: &KnownSite, card: &SiteCard) -> Result<u32, Error> {
    let here = home.here.site.clone();
    let stream = |incarnation| StreamId { from: known.site.clone(), incarnation, to: here.clone() };
    let is_old = ledger::streams(&mut home.session)?.iter().any(|one| one.id == stream(card.incarnation));
    if is_old || known.state == SiteState::Revoked {
        return Err(Cause::OldCard { site: known.site.clone() }.into());
    }
    home.session.execute("START TRANSACTION")?;
    ledger::lock_stream(&mut home.session, &stream(known.incarnation))?;
    ledger::renew_site(&mut home.session, &known.site, card.incarnation)?;
    home.session.execute("COMMIT")?;
    Ok(known.number.unwrap_or_default())
}

fn known_site(card: &SiteCard, number: Option<u32>) -> KnownSite {
    KnownSite {
        site: card.site.clone(),
        role: card.role,
        number,
        incarnation: card.incarnation,
        verifying_key: card.verifying.to_string(),
        recipient: card.recipient.to_string(),
        state: SiteState::Active,
        wants_snapshot: card.role == Role::Lab,
        enrolled_at: now(),
    }
}
