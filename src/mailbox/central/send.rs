//! Sends a bundle: its head, then the parts that are not there yet.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest as _, Sha256};

use crate::db::{Class, sql};
use crate::mailbox::central::list::state;
use crate::mailbox::central::{Central, MailError, MailState, Pace, again};
use crate::model::{BundleName, Digest};
use crate::monitor::{Monitor, Phase, Step};

/// A closed bundle that is to be sent.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// Its name.
    pub name: &'a BundleName,
    /// Its digest.
    pub digest: Digest,
    /// The file.
    pub file: &'a mut File,
    /// Its size.
    pub size_bytes: u64,
}

/// What came of sending a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// How many bytes went over the line just now.
    pub bytes: u64,
    /// How it stands at the centre; `Open`: all of it is there.
    pub state: MailState,
}

/// The head of a bundle at the centre, as its sender sees it.
struct Head {
    id: u64,
    part_bytes: u32,
    parts: u32,
    state: MailState,
}

impl Central {
    /// Sends a bundle, or what is missing of it. Each part is a transaction of its own: what has arrived stays.
    ///
    /// Two may send the same bundle at once: the head's unique key makes it one, and a part that is there already with the
    /// same hash is as good as sent.
    pub fn put(
        &mut self,
        parcel: Parcel<'_>,
        pace: &mut Pace,
        monitor: &dyn Monitor,
    ) -> Result<Sent, MailError> {
        let Parcel { name, digest, file, size_bytes } = parcel;
        let unreadable = |source| MailError::Source { name: name.clone(), source };
        let sha256 = hash(file, size_bytes).map_err(unreadable)?;
        let head = self.ensure_head(name, digest, sha256, size_bytes, pace.part_bytes())?;
        monitor.step(Step::SendBegun);
        if head.state != MailState::Open {
            return Ok(Sent { bytes: 0, state: head.state });
        }
        let there = self.parts_there(head.id)?;
        self.began(name, size_bytes);
        monitor.begin(Phase::Sending, Some(size_bytes));
        let (mut bytes, mut done) = (0, 0);
        for part in 0..head.parts {
            let from = u64::from(part) * u64::from(head.part_bytes);
            let length = size_bytes.saturating_sub(from).min(u64::from(head.part_bytes));
            if !there.contains(&part) {
                let body = read_part(file, from, length).map_err(unreadable)?;
                if !self.put_part(name, &head, part, body)? {
                    // Taken or removed in between: how it stands now is all there is to say.
                    monitor.end(Phase::Sending);
                    let state = self.head(name, sha256)?.map_or(MailState::Gone, |head| head.state);
                    return Ok(Sent { bytes, state });
                }
                bytes += length;
                pace.passed(length);
            }
            done += length;
            self.came_to(done);
            monitor.advance(Phase::Sending, length);
            if part < head.parts / 2 && part + 1 >= head.parts / 2 {
                monitor.step(Step::SendHalfSent);
            }
        }
        monitor.end(Phase::Sending);
        self.under_way = None;
        monitor.step(Step::SendComplete);
        Ok(Sent { bytes, state: MailState::Open })
    }

    /// The head first: it names the file by its hash, so that whoever goes on later sends parts of the same one.
    fn ensure_head(
        &mut self,
        name: &BundleName,
        digest: Digest,
        sha256: Digest,
        size_bytes: u64,
        part_bytes: u32,
    ) -> Result<Head, MailError> {
        if let Some(head) = self.head(name, sha256)? {
            return Ok(head);
        }
        let parts = size_bytes.div_ceil(u64::from(part_bytes));
        let statement = format!(
            "INSERT INTO {} (from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts) \
             VALUES ({}, {}, {}, '{digest}', '{sha256}', {size_bytes}, {part_bytes}, {parts})",
            self.sent_tables().0,
            sql::text(name.from.as_str()),
            sql::text(name.to.as_str()),
            sql::text(&name.to_string()),
        );
        match again(|| self.session.execute(&statement)) {
            Ok(_) => {}
            // Another process was faster, or the answer to an earlier try was lost.
            Err(error) if error.class() == Some(Class::Duplicate) => {}
            Err(error) => return Err(MailError::of(error)),
        }
        self.head(name, sha256)?.ok_or_else(|| MailError::Gone { name: name.clone() })
    }

    fn head(&mut self, name: &BundleName, sha256: Digest) -> Result<Option<Head>, MailError> {
        let row = self.session.first(&format!(
            "SELECT id, part_bytes, parts, state, note FROM {} WHERE from_site = {} AND name = {} AND sha256 = '{sha256}'",
            self.sent_tables().0,
            sql::text(self.own.as_str()),
            sql::text(&name.to_string()),
        ));
        let Some(row) = row.map_err(MailError::of)? else {
            return Ok(None);
        };
        let read = || -> Result<Head, crate::db::Error> {
            let state = state(row.text(3)?, row.optional(4));
            Ok(Head { id: row.parse(0)?, part_bytes: row.parse(1)?, parts: row.parse(2)?, state })
        };
        read().map(Some).map_err(MailError::of)
    }

    fn parts_there(&mut self, id: u64) -> Result<BTreeSet<u32>, MailError> {
        let (_, parts) = self.sent_tables();
        let rows = self.session.rows(&format!("SELECT part FROM {parts} WHERE mail = {id}"));
        let numbers: Result<_, _> = rows.map_err(MailError::of)?.iter().map(|row| row.parse(0)).collect();
        numbers.map_err(MailError::of)
    }

    /// Sends one part. `false`: the bundle waits for no part any more.
    fn put_part(
        &mut self,
        name: &BundleName,
        head: &Head,
        part: u32,
        body: Vec<u8>,
    ) -> Result<bool, MailError> {
        let (_, parts) = self.sent_tables();
        let sha256 = Digest::from_bytes(Sha256::digest(&body).into());
        // The body as bytes: as a text of hexadecimal digits it would be twice as long on the line.
        let statement = format!("INSERT INTO {parts} (mail, part, sha256, body) VALUES (?, ?, ?, ?)");
        let values = [head.id.to_string(), part.to_string(), sha256.to_string()].map(String::into_bytes);
        let values = [values.to_vec(), vec![body]].concat();
        match again(|| self.session.execute_bytes(&statement, values.clone())) {
            Ok(_) => Ok(true),
            Err(error) if error.class() == Some(Class::Duplicate) => {
                let query = format!("SELECT sha256 FROM {parts} WHERE mail = {} AND part = {part}", head.id);
                let there = self.session.first(&query).map_err(MailError::of)?;
                let there: Option<Digest> = there.and_then(|row| row.parse(0).ok());
                match there == Some(sha256) {
                    true => Ok(true),
                    false => Err(MailError::Differs { name: name.clone(), part: part + 1 }),
                }
            }
            Err(error) if error.cause().is_some_and(|words| words.starts_with(NO_BUNDLE)) => Ok(false),
            Err(error) => Err(MailError::of(error)),
        }
    }
}

/// The hash of a whole file, which must be as long as it was.
fn hash(file: &mut File, size_bytes: u64) -> io::Result<Digest> {
    const PIECE_BYTES: usize = 256 << 10;
    file.seek(SeekFrom::Start(0))?;
    let (mut hasher, mut piece, mut length) = (Sha256::new(), vec![0; PIECE_BYTES], 0);
    loop {
        let count = file.read(&mut piece)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else {
            break;
        };
        hasher.update(read);
        length += count as u64;
    }
    match length == size_bytes {
        true => Ok(Digest::from_bytes(hasher.finalize().into())),
        false => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("it has {length} bytes and was sealed with {size_bytes}"),
        )),
    }
}

fn read_part(file: &mut File, from: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut body)?;
    Ok(body)
}

/// What a trigger says when a part comes for a bundle that is not open, or not there.
const NO_BUNDLE: &str = "packmule mail: no bundle waits for this part";
