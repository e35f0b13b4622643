//! The heads of the mail: which bundles wait, and what became of those that were sent.

use crate::db::{self, Row, sql};
use crate::mailbox::central::{Central, MailError, Side};
use crate::model::{BundleName, Digest, Stamp};

/// A bundle that waits at the centre, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its number there.
    pub id: u64,
    /// Which bundle it is, as its sender says.
    pub name: BundleName,
    /// The bundle's digest, as its sender says.
    pub digest: Digest,
    /// The hash of the whole file.
    pub sha256: Digest,
    /// The file's size.
    pub size_bytes: u64,
    /// How long each part is, the last one aside.
    pub part_bytes: u32,
    /// How many parts there are.
    pub parts: u32,
}

/// What lies at the centre.
#[derive(Debug, Default)]
pub struct Listed {
    /// The bundles, of each sender the oldest first.
    pub mails: Vec<Mail>,
    /// Rows that no packmule wrote so. They are left as they are.
    pub odd: Vec<Odd>,
}

/// A row that cannot be a bundle's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Its number.
    pub id: u64,
    /// The name that it has. Never a path, never believed.
    pub name: String,
}

/// A bundle that this site has sent, or begun to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMail {
    /// Its number there.
    pub id: u64,
    /// Its name.
    pub name: BundleName,
    /// Its digest.
    pub digest: Digest,
    /// What became of it.
    pub state: MailState,
    /// Whether all of it is there.
    pub is_complete: bool,
}

/// What became of a bundle at the centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailState {
    /// It waits, or is still being sent.
    Open,
    /// Its changes are in the tables.
    Taken,
    /// It can never be used.
    Refused {
        /// Why.
        note: String,
    },
    /// It is being removed.
    Gone,
}

impl Central {
    /// The complete bundles that wait for this site.
    pub fn list(&mut self) -> Result<Listed, MailError> {
        let query = format!(
            "SELECT id, name, digest, sha256, size_bytes, part_bytes, parts, from_site FROM {} ORDER BY from_site, name, id",
            self.waiting()
        );
        let rows = self.session.rows(&query).map_err(MailError::of)?;
        let mut listed = Listed::default();
        for row in &rows {
            match self.read(row) {
                Some(mail) => listed.mails.push(mail),
                None => listed.odd.push(odd(row).map_err(MailError::of)?),
            }
        }
        Ok(listed)
    }

    /// The number of the newest bundle that waits for this site, complete or known already; `None`: nothing waits.
    pub fn newest(&mut self) -> Result<Option<u64>, MailError> {
        let row =
            self.session.first(&format!("SELECT MAX(id) FROM {}", self.waiting())).map_err(MailError::of)?;
        row.map_or(Ok(None), |row| row.parse_optional(0)).map_err(MailError::of)
    }

    /// Now, by the centre's clock.
    pub fn utc_now(&mut self) -> Result<Stamp, MailError> {
        self.session.utc_now().map_err(MailError::of)
    }

    /// What lies at the centre of the bundles that this site has sent under these names.
    pub fn sent(&mut self, names: &[BundleName]) -> Result<Vec<SentMail>, MailError> {
        const NAMES_MAX: usize = 500;
        let mut found = Vec::new();
        for names in names.chunks(NAMES_MAX) {
            let names: Vec<String> = names.iter().map(|name| sql::text(&name.to_string())).collect();
            let (sent, parts) = self.sent_tables();
            let query = format!(
                "SELECT id, name, digest, state, note, parts = (SELECT COUNT(*) FROM {parts} WHERE mail = id) FROM {sent} \
                 WHERE from_site = {} AND name IN ({}) ORDER BY name, id",
                sql::text(self.own.as_str()),
                names.join(", ")
            );
            let rows = self.session.rows(&query).map_err(MailError::of)?;
            let read: Result<Vec<SentMail>, db::Error> = rows.iter().map(read_sent).collect();
            found.extend(read.map_err(MailError::of)?);
        }
        Ok(found)
    }

    /// The tables or views of what this site sends: heads and parts.
    pub(super) fn sent_tables(&self) -> (&'static str, &'static str) {
        match self.side {
            Side::Lab => ("packmule_sent", "packmule_sent_part"),
            Side::Centre => ("packmule_mail", "packmule_mail_part"),
        }
    }

    /// The table or view of the parts of what waits for this site.
    pub(super) fn waiting_parts(&self) -> &'static str {
        match self.side {
            Side::Lab => "packmule_waiting_part",
            Side::Centre => "packmule_mail_part",
        }
    }

    fn waiting(&self) -> String {
        match self.side {
            Side::Lab => "packmule_waiting".to_owned(),
            Side::Centre => format!(
                "(SELECT * FROM packmule_mail WHERE to_site = {} AND state = 'open' \
                   AND parts = (SELECT COUNT(*) FROM packmule_mail_part WHERE mail = packmule_mail.id)) AS waiting",
                sql::text(self.own.as_str())
            ),
        }
    }

    /// Reads a head. `None`: the row is not one that packmule writes, and nothing in it is believed.
    fn read(&self, row: &Row) -> Option<Mail> {
        const FILE_BYTES_MAX: u64 = 4 << 30;
        const PART_BYTES: std::ops::RangeInclusive<u32> = 1..=1 << 20;
        let mail = Mail {
            id: row.parse(0).ok()?,
            name: row.parse(1).ok()?,
            digest: row.parse(2).ok()?,
            sha256: row.parse(3).ok()?,
            size_bytes: row.parse(4).ok()?,
            part_bytes: row.parse(5).ok()?,
            parts: row.parse(6).ok()?,
        };
        let fits = (1..=FILE_BYTES_MAX).contains(&mail.size_bytes)
            && PART_BYTES.contains(&mail.part_bytes)
            && u64::from(mail.parts) == mail.size_bytes.div_ceil(u64::from(mail.part_bytes));
        let is_from = row.text(7).ok()? == mail.name.from.as_str();
        (fits && is_from && mail.name.to == self.own).then_some(mail)
    }
}

impl Mail {
    /// How long a part is, in bytes; the last may be shorter.
    pub(super) fn length_of(&self, part: u32) -> u64 {
        let part_bytes = u64::from(self.part_bytes);
        self.size_bytes.saturating_sub(part_bytes * u64::from(part)).min(part_bytes)
    }
}

pub(super) fn read_sent(row: &Row) -> Result<SentMail, db::Error> {
    Ok(SentMail {
        id: row.parse(0)?,
        name: row.parse(1)?,
        digest: row.parse(2)?,
        state: state(row.text(3)?, row.optional(4)),
        is_complete: row.text(5)? == "1",
    })
}

/// Reads a state. A word that this packmule does not know is one that a lab can do nothing about, too.
pub(super) fn state(word: &str, note: Option<&str>) -> MailState {
    match word {
        "open" => MailState::Open,
        "taken" => MailState::Taken,
        "gone" => MailState::Gone,
        _ => MailState::Refused { note: note.unwrap_or("the centre does not say why").to_owned() },
    }
}

fn odd(row: &Row) -> Result<Odd, db::Error> {
    let name = String::from_utf8_lossy(row.bytes(1).unwrap_or_default()).into_owned();
    Ok(Odd { id: row.parse(0)?, name })
}
