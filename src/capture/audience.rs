//! Who is to hear of a change: all sites, all but the one that made it, or the one that holds something else. Pure.

use serde::{Deserialize, Serialize};

use crate::model::Site;

/// Who is to hear of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Every site.
    All,
    /// Every site but the one that made the change: it holds the row already.
    AllBut(String),
    /// These sites alone: they hold something else, and nobody changed the row.
    Only(Vec<String>),
}

impl Audience {
    /// Whether `site` is to hear of it.
    pub fn includes(&self, site: &Site) -> bool {
        match self {
            Audience::All => true,
            Audience::AllBut(author) => author != site.as_str(),
            Audience::Only(sites) => sites.iter().any(|one| one == site.as_str()),
        }
    }
}

/// What `sync_log.origin` says, as a number: 0 is this site itself, the others are names met on the way.
#[derive(Debug, Default)]
pub(super) struct Origins {
    names: Vec<String>,
}

/// Who wrote one log entry, or whom it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// An edit made here.
    Here,
    /// An edit that this site's bundle brought.
    Site(u16),
    /// No edit: this site is to be told what the row is.
    Told(u16),
}

impl Origins {
    /// Reads the column. `None` is an edit made here.
    pub(super) fn read(&mut self, origin: Option<&str>) -> Origin {
        let Some(text) = origin else {
            return Origin::Here;
        };
        match text.strip_prefix('>') {
            Some(site) => Origin::Told(self.number(site)),
            None => Origin::Site(self.number(text)),
        }
    }

    fn number(&mut self, name: &str) -> u16 {
        let known = self.names.iter().position(|known| known == name);
        let place = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        // More sites than that have no numbers for their keys either.
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    /// Who is to hear of a row with these entries.
    pub(super) fn audience(&self, heard: &Heard) -> Audience {
        let name = |number: &u16| self.names.get(usize::from(*number)).cloned().unwrap_or_default();
        match (heard.here, heard.sites.as_slice()) {
            (false, []) => Audience::Only(heard.told.iter().map(name).collect()),
            (false, [author]) if !heard.told.contains(author) => Audience::AllBut(name(author)),
            (true, _) | (false, _) => Audience::All,
        }
    }
}

/// Whose entries a row has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Heard {
    here: bool,
    sites: Vec<u16>,
    told: Vec<u16>,
}

impl Heard {
    pub(super) fn add(&mut self, origin: Origin) {
        let (list, number) = match origin {
            Origin::Here => {
                self.here = true;
                return;
            }
            Origin::Site(number) => (&mut self.sites, number),
            Origin::Told(number) => (&mut self.told, number),
        };
        if !list.contains(&number) {
            list.push(number);
        }
    }
}

impl Origin {
    /// Packs it into two bytes.
    pub(super) fn to_bytes(self) -> [u8; 3] {
        let (kind, number) = match self {
            Origin::Here => (0, 0),
            Origin::Site(number) => (1, number),
            Origin::Told(number) => (2, number),
        };
        let [high, low] = number.to_be_bytes();
        [kind, high, low]
    }

    pub(super) fn from_bytes([kind, high, low]: [u8; 3]) -> Self {
        let number = u16::from_be_bytes([high, low]);
        match kind {
            1 => Origin::Site(number),
            2 => Origin::Told(number),
            _ => Origin::Here,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sites among lab-a, lab-b and lab-c that hear of a row with these entries.
    fn hear(entries: &[Option<&str>]) -> String {
        let (mut origins, mut heard) = (Origins::default(), Heard::default());
        for entry in entries {
            heard.add(Origin::from_bytes(origins.read(*entry).to_bytes()));
        }
        let audience = origins.audience(&heard);
        let labs = ["a", "b", "c"].into_iter();
        labs.filter(|lab| audience.includes(&format!("lab-{lab}").parse().unwrap())).collect()
    }

    #[test]
    fn a_site_does_not_hear_of_what_it_did_itself_and_does_where_it_holds_something_else() {
        assert_eq!(hear(&[None]), "abc");
        assert_eq!(hear(&[Some("lab-a")]), "bc");
        assert_eq!(hear(&[Some("lab-a"), Some("lab-a")]), "bc");
        assert_eq!(hear(&[Some("lab-a"), None]), "abc");
        assert_eq!(hear(&[Some("lab-a"), Some("lab-b")]), "abc");
        assert_eq!(hear(&[Some(">lab-b")]), "b");
        assert_eq!(hear(&[Some(">lab-b"), Some(">lab-c")]), "bc");
        assert_eq!(hear(&[Some("lab-a"), Some(">lab-a")]), "abc");
        assert_eq!(hear(&[Some("lab-a"), Some(">lab-b")]), "bc");
    }
}
