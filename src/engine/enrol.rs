//! `enrol` at the centre: takes a lab's card, once two people have compared words, and writes the answer.

use std::path::{Path, PathBuf};

use crate::config::{Administrator, AnswerCard, SiteCard, TableRules, VerifiedSite};
use crate::engine::error::{Cause, Error};
use crate::engine::home::{Home, now};
use crate::engine::lab_account::{self, LabAccount};
use crate::engine::setup::own_card;
use crate::ledger::{self, KnownSite, SiteState};
use crate::model::{Role, Series, Site, StreamId};

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
    /// What became of its way by network.
    pub account: LabAccount,
}

/// What `enrol` was told of the lab's account.
#[derive(Debug)]
pub struct AccountOptions {
    /// From where it may come: a host name, an address, or a pattern of these.
    pub host: String,
    /// Who makes it, where packmule's own account may not.
    pub administrator: Option<Administrator>,
}

/// Enrols the lab whose card this is, and writes the answer for it. The words must have been compared.
pub fn enrol(
    home: &mut Home<'_>,
    card: &VerifiedSite,
    answer: &Path,
    options: &AccountOptions,
) -> Result<Enrolled, Error> {
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
        Some(known) if known.state == SiteState::Revoked => {
            return Err(Cause::Revoked { site: known.site }.into());
        }
        Some(known) if is_same(&known, lab) => known.number.unwrap_or_default(),
        Some(known) if has_same_keys(&known, lab) => come_back(home, &known, lab)?,
        Some(known) if card.is_vouched_for_by(&known.verifying_key.parse()?) => {
            take_new_keys(home, &known, lab)?;
            if known.incarnation == lab.incarnation {
                known.number.unwrap_or_default()
            } else {
                come_back(home, &known, lab)?
            }
        }
        Some(_) => return Err(Cause::SiteTaken { site: lab.site.clone() }.into()),
        None => {
            let number = ledger::next_number(&mut home.session)?;
            // Before anything is written: a lab without a series of its own must not be known.
            series_of(home, number)?;
            ledger::add_site(&mut home.session, &known_site(lab, Some(number)))?;
            number
        }
    };
    let (account, access) =
        lab_account::make(home, &lab.site, &options.host, options.administrator.as_ref())?;
    let online = access.map(|access| access.seal(&lab.recipient)).transpose();
    let online = online.map_err(|source| Error::File { path: answer.to_path_buf(), source })?;
    let tables = ledger::shared_tables(&mut home.session)?.into_iter().map(|table| {
        let rules = home.settings.rules.get(&table).cloned().unwrap_or_else(TableRules::default);
        (table, rules)
    });
    let text = AnswerCard {
        central: own_card(home.settings, &home.keys, &home.here),
        lab: lab.site.clone(),
        series: series_of(home, number)?,
        answers: card.digest(),
        tables: tables.collect(),
        online,
    }
    .create_after(&home.keys.signing, &home.keys.retired)?;
    std::fs::write(answer, text).map_err(|source| Error::File { path: answer.to_path_buf(), source })?;
    Ok(Enrolled {
        site: lab.site.clone(),
        number,
        was_there,
        answer: answer.to_path_buf(),
        words: home.keys.words(),
        account,
    })
}

/// The series of the site `number`, by the settings of the centre.
fn series_of(home: &Home<'_>, number: u32) -> Result<Series, Error> {
    let sites = home.settings.series;
    let series = u16::try_from(number).ok().and_then(|number| Series::new(sites, number));
    Ok(series.ok_or(Cause::SeriesFull { number, sites })?)
}

/// Whether a card is that of a site that is known already.
pub(super) fn is_same(known: &KnownSite, card: &SiteCard) -> bool {
    has_same_keys(known, card) && known.incarnation == card.incarnation
}

/// Whether a card is of the keys that are known, of whatever history.
pub(super) fn has_same_keys(known: &KnownSite, card: &SiteCard) -> bool {
    known.verifying_key == card.verifying.to_string() && known.recipient == card.recipient.to_string()
}

/// Takes in the keys of a card that the key known here has signed as well.
///
/// The bundle in which the site tells of them may still be on its way, with others that the old key has signed before it.
pub(super) fn take_new_keys(home: &mut Home<'_>, known: &KnownSite, card: &SiteCard) -> Result<(), Error> {
    let (from, to) = (known.site.clone(), home.here.site.clone());
    let stream = StreamId { from, incarnation: known.incarnation, to };
    let (verifying, recipient) = (card.verifying.to_string(), card.recipient.to_string());
    let new = (verifying.as_str(), recipient.as_str());
    let old = &known.verifying_key;
    ledger::take_keys(&mut home.session, &stream, old, new, None, now())?;
    home.retired = ledger::retired_keys(&mut home.session)?;
    home.sites = ledger::sites(&mut home.session)?;
    Ok(())
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

/// What the ledger keeps of a card.
pub(super) fn known_site(card: &SiteCard, number: Option<u32>) -> KnownSite {
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
