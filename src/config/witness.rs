//! The witness file: what was sealed last, remembered outside of the database.
//!
//! A database put back from a backup has forgotten the bundles it sealed since, and would use their numbers again
//! for other changes. This file lies beside the keys and is not part of the backup; when the database is behind it,
//! sealing stops.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::error::Error;
use crate::config::files::{read_small_text, replace_private};
use crate::config::keys::KeyFolder;
use crate::model::{Digest, Incarnation, Seq, Site};

/// What was sealed last for each receiver.
#[derive(Debug)]
pub struct Witness {
    path: PathBuf,
    streams: BTreeMap<Site, Sealed>,
}

/// The last bundle that was sealed for one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// The history it belongs to.
    pub incarnation: Incarnation,
    /// Its number.
    pub seq: Seq,
    /// The digest of its manifest.
    pub digest: Digest,
}

impl Witness {
    /// Reads the witness of a key folder. A folder without one has sealed nothing yet.
    pub fn open(folder: &KeyFolder) -> Result<Self, Error> {
        let path = folder.path().join("witness.json");
        let text = match read_small_text(&path, WITNESS_BYTES_MAX) {
            Ok((text, _)) => text,
            Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Witness { path, streams: BTreeMap::new() });
            }
            Err(other) => return Err(other),
        };
        // A witness that cannot be read must stop the work: taken for an empty one it would allow what it guards against.
        match read(&text) {
            Some(streams) => Ok(Witness { path, streams }),
            None => Err(Error::Damaged { path }),
        }
    }

    /// What was sealed last for `to`.
    pub fn last(&self, to: &Site) -> Option<&Sealed> {
        self.streams.get(to)
    }

    /// Forgets what was sealed for `to`: its stream goes on under another history.
    pub fn forget(&mut self, to: &Site) -> Result<(), Error> {
        self.streams.remove(to);
        replace_private(&self.path, write(&self.streams).as_bytes())
    }

    /// Forgets everything: the database begins anew, under another history.
    pub fn forget_all(&mut self) -> Result<(), Error> {
        if self.streams.is_empty() {
            return Ok(());
        }
        self.streams.clear();
        replace_private(&self.path, write(&self.streams).as_bytes())
    }

    /// Remembers sealed bundles, on disk, before their files get their names.
    pub fn record(&mut self, sealed: impl IntoIterator<Item = (Site, Sealed)>) -> Result<(), Error> {
        self.streams.extend(sealed);
        replace_private(&self.path, write(&self.streams).as_bytes())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    streams: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    to: String,
    incarnation: String,
    seq: u64,
    digest: String,
}

fn read(text: &str) -> Option<BTreeMap<Site, Sealed>> {
    let file: File = serde_json::from_str(text).ok()?;
    if file.format != WITNESS_FORMAT {
        return None;
    }
    file.streams
        .into_iter()
        .map(|line| {
            let sealed = Sealed {
                incarnation: line.incarnation.parse().ok()?,
                seq: Seq::new(line.seq)?,
                digest: line.digest.parse().ok()?,
            };
            Some((line.to.parse().ok()?, sealed))
        })
        .collect()
}

fn write(streams: &BTreeMap<Site, Sealed>) -> String {
    let line = |(to, sealed): (&Site, &Sealed)| Line {
        to: to.to_string(),
        incarnation: sealed.incarnation.to_string(),
        seq: sealed.seq.number(),
        digest: sealed.digest.to_string(),
    };
    let file = File { format: WITNESS_FORMAT.to_owned(), streams: streams.iter().map(line).collect() };
    let mut text = serde_json::to_string_pretty(&file).expect("texts and numbers are always JSON");
    text.push('\n');
    text
}

const WITNESS_FORMAT: &str = "packmule-witness/1";
const WITNESS_BYTES_MAX: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_last_outlives_the_process() {
        let state = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(state.path());
        folder.create().unwrap();
        let (to, other): (Site, Site) = ("central".parse().unwrap(), "lab-b".parse().unwrap());
        let sealed = |seq| Sealed {
            incarnation: Incarnation::from_bytes([7; 16]),
            seq: Seq::new(seq).unwrap(),
            digest: Digest::from_bytes([9; 32]),
        };
        let mut witness = Witness::open(&folder).unwrap();
        assert_eq!(witness.last(&to), None);
        witness.record([(to.clone(), sealed(1))]).unwrap();
        witness.record([(other.clone(), sealed(5))]).unwrap();
        witness.record([(to.clone(), sealed(2))]).unwrap();
        let again = Witness::open(&folder).unwrap();
        assert_eq!((again.last(&to), again.last(&other)), (Some(&sealed(2)), Some(&sealed(5))));
    }

    #[test]
    fn a_damaged_witness_is_not_taken_for_an_empty_one() {
        let state = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(state.path());
        folder.create().unwrap();
        for text in ["", "{}", "{\"format\":\"packmule-witness/2\",\"streams\":[]}"] {
            std::fs::write(folder.path().join("witness.json"), text).unwrap();
            assert!(matches!(Witness::open(&folder), Err(Error::Damaged { .. })), "{text}");
        }
    }
}
