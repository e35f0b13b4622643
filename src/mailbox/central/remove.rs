//! Removes mail, at the centre only: what was applied, refused or damaged, and what a receipt covers.
//!
//! A bundle is too large for one statement, and half a bundle must not look like one that is still being sent. So its head
//! is marked first, then its parts go, a few at a time, and the head last, or not at all where the sender is to know what
//! became of it. A crash leaves a marked head; the next call goes on.

use crate::db::{Class, sql};
use crate::mailbox::central::list::{SentMail, read_sent};
use crate::mailbox::central::{Central, MailError, MailState};
use crate::model::{Site, Stamp};
use crate::monitor::{Monitor, Step};

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Bundles whose parts were removed.
    pub bundles: u64,
    /// Heads of bundles from long ago.
    pub heads: u64,
}

impl Central {
    /// Says what became of a bundle. It makes room at once for others; [`Central::clear`] removes its parts.
    ///
    /// Returns whether it could be said: a lab may hold the row in a transaction of its own. Then the next call does it.
    pub fn mark(&mut self, id: u64, state: &MailState, monitor: &dyn Monitor) -> Result<bool, MailError> {
        const NOTE_CHARS_MAX: usize = 400;
        let (word, note) = match state {
            MailState::Open => return Ok(true),
            MailState::Taken => ("taken", None),
            MailState::Refused { note } => {
                ("refused", Some(note.chars().take(NOTE_CHARS_MAX).collect::<String>()))
            }
            MailState::Gone => ("gone", None),
        };
        let statement = format!(
            "UPDATE packmule_mail SET state = '{word}', note = {} WHERE id = {id} AND state = 'open'",
            sql::text_or_null(note.as_deref())
        );
        // Not again at once: whoever holds a row for seconds holds it for longer.
        match self.session.execute(&statement) {
            Ok(_) => {}
            Err(error) if error.class() == Some(Class::TryAgain) => return Ok(false),
            Err(error) => return Err(MailError::of(error)),
        }
        monitor.step(Step::ClearMarked);
        Ok(true)
    }

    /// Removes a bundle whatever it is, at once.
    pub fn remove(&mut self, id: u64, monitor: &dyn Monitor) -> Result<(), MailError> {
        if self.mark(id, &MailState::Gone, monitor)? && self.empty(id)? {
            monitor.step(Step::ClearEmptied);
            self.forget(id)?;
        }
        Ok(())
    }

    /// Removes the parts of all that is marked, and the heads of which nobody need know any more: those that are gone, and
    /// all that came before `before`. What was begun and not completed since then goes as well.
    pub fn clear(&mut self, before: Stamp, monitor: &dyn Monitor) -> Result<Cleared, MailError> {
        let mut cleared = Cleared::default();
        let before = sql::text(&before.to_sql());
        let stale = format!(
            "SELECT id FROM packmule_mail WHERE state = 'open' AND from_site <> {} AND sent_at < {before} \
               AND parts > (SELECT COUNT(*) FROM packmule_mail_part WHERE mail = packmule_mail.id)",
            sql::text(self.own.as_str())
        );
        for id in self.ids(&stale)? {
            self.mark(id, &MailState::Gone, monitor)?;
        }
        // A part without a head: on a cluster, it may have come at another node while its head went at this one.
        let marked = "SELECT DISTINCT mail FROM packmule_mail_part LEFT JOIN packmule_mail ON id = mail \
                      WHERE state IS NULL OR state <> 'open'";
        for id in self.ids(marked)? {
            cleared.bundles += u64::from(self.empty(id)?);
        }
        monitor.step(Step::ClearEmptied);
        let useless = format!(
            "SELECT id FROM packmule_mail WHERE (state = 'gone' OR (state <> 'open' AND sent_at < {before})) \
               AND NOT EXISTS (SELECT 1 FROM packmule_mail_part WHERE mail = packmule_mail.id)"
        );
        for id in self.ids(&useless)? {
            cleared.heads += u64::from(self.forget(id)?);
        }
        Ok(cleared)
    }

    /// Marks all that came from a site of which nothing is believed any more, what was never completed as well. Returns `false` where
    /// the site holds some of it: the next call goes on.
    pub fn drop_all_of(&mut self, site: &Site, monitor: &dyn Monitor) -> Result<bool, MailError> {
        let query = format!(
            "SELECT id FROM packmule_mail WHERE from_site = {} AND state = 'open'",
            sql::text(site.as_str())
        );
        for id in self.ids(&query)? {
            if !self.mark(id, &MailState::Gone, monitor)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The bundles of the centre's own that are in the mail and not marked.
    pub fn sent_and_open(&mut self) -> Result<Vec<SentMail>, MailError> {
        let query = format!(
            "SELECT id, name, digest, state, note, 0 FROM packmule_mail WHERE from_site = {} AND state = 'open' ORDER BY name, id",
            sql::text(self.own.as_str())
        );
        let rows = self.session.rows(&query).map_err(MailError::of)?;
        // A row that cannot be read is not ours, and is left as it is.
        Ok(rows.iter().filter_map(|row| read_sent(row).ok()).collect())
    }

    /// The labs whose mail is open: others can fetch nothing.
    pub fn open_sites(&mut self) -> Result<Vec<Site>, MailError> {
        let rows = self.session.rows("SELECT site FROM packmule_mail_account WHERE is_open = 1");
        Ok(rows.map_err(MailError::of)?.iter().filter_map(|row| row.parse(0).ok()).collect())
    }

    /// Gives every lab the quota that the settings say.
    pub fn set_quotas(&mut self, bytes: u64, bundles: u64) -> Result<(), MailError> {
        let statement = format!(
            "UPDATE packmule_mail_account SET quota_bytes = {bytes}, quota_count = {bundles} \
             WHERE quota_bytes <> {bytes} OR quota_count <> {bundles}"
        );
        match self.session.execute(&statement) {
            Err(error) if error.class() != Some(Class::TryAgain) => Err(MailError::of(error)),
            // A lab that holds its row keeps the quota that it has until the next time.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn ids(&mut self, query: &str) -> Result<Vec<u64>, MailError> {
        let rows = self.session.rows(query).map_err(MailError::of)?;
        rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>().map_err(MailError::of)
    }

    /// A few parts a statement: a cluster takes no large transaction. `false`: somebody holds one of them.
    fn empty(&mut self, id: u64) -> Result<bool, MailError> {
        const PARTS: u64 = 16;
        let statement =
            format!("DELETE FROM packmule_mail_part WHERE mail = {id} ORDER BY part LIMIT {PARTS}");
        loop {
            match self.session.execute(&statement) {
                Ok(PARTS) => {}
                Ok(_) => return Ok(true),
                Err(error) if error.class() == Some(Class::TryAgain) => return Ok(false),
                Err(error) => return Err(MailError::of(error)),
            }
        }
    }

    /// Removes a head without parts. `false`: somebody else did, or holds it.
    fn forget(&mut self, id: u64) -> Result<bool, MailError> {
        let statement = format!("DELETE FROM packmule_mail WHERE id = {id} AND state <> 'open'");
        match self.session.execute(&statement) {
            Ok(count) => Ok(count > 0),
            Err(error) if error.class() == Some(Class::TryAgain) => Ok(false),
            Err(error) => Err(MailError::of(error)),
        }
    }
}
