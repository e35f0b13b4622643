//! Cards: how two sites learn each other's keys. A lab gives the centre its card, the centre gives an answer back.
//!
//! A card is signed with the key that stands in it. That proves that nobody changed it on the way and that its maker
//! has the secret key; that the maker is the lab is proven by two people who compare six words.

use std::path::Path;

use crate::bundle::{KeyError, Recipient, SigningKey, VerifyingKey};
use crate::config::card_content::{AnswerContent, OnlineContent, SiteContent, TableContent};
use crate::config::error::{CardError, Error};
use crate::config::files::read_small_text;
use crate::config::keys::CARD_BYTES_MAX;
use crate::config::rules::TableRules;
use crate::config::sealed::SealedAccess;
use crate::config::signed_text::{MoreSignatures, Unverified, sign, sign_too};
use crate::config::words::six_words;
use crate::model::{Digest, Incarnation, Role, Series, Site, Stamp, TableName};

/// Who a site is, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteCard {
    /// Its name.
    pub site: Site,
    /// What it is for.
    pub role: Role,
    /// The history that its database is in.
    pub incarnation: Incarnation,
    /// The key that its bundles are signed with.
    pub verifying: VerifyingKey,
    /// The key to encrypt for.
    pub recipient: Recipient,
    /// When the card was made.
    pub date: Stamp,
}

impl SiteCard {
    /// Writes the card as text, signed with the site's own key.
    pub fn create(&self, key: &SigningKey) -> Result<String, KeyError> {
        let content = SiteContent { format: CARD_FORMAT.into(), kind: SITE_KIND.into(), site: self.into() };
        sign(&content, &format!("card of {}", self.site), key)
    }

    /// The same, signed by the keys of before, too: whoever knows one of these then knows that it is the same site.
    pub fn create_after(&self, key: &SigningKey, before: &[SigningKey]) -> Result<String, KeyError> {
        let mut text = self.create(key)?;
        for old in before {
            sign_too(&mut text, &format!("card of {}", self.site), old)?;
        }
        Ok(text)
    }

    /// Reads a site's card and checks that its maker has the key that stands in it.
    pub fn open(text: &str) -> Result<VerifiedSite, CardError> {
        let unverified = open(text, SITE_KIND)?;
        let content: SiteContent = unverified.read()?;
        let card = SiteCard::try_from(content.site)?;
        unverified.verify(&card.verifying)?;
        Ok(VerifiedSite { card, digest: unverified.digest(), more: unverified.more() })
    }

    /// Reads the card in the file at `path`.
    pub fn open_file(path: &Path) -> Result<VerifiedSite, Error> {
        let text = read_card(path)?;
        Self::open(&text).map_err(|source| Error::Card { path: path.to_owned(), source })
    }

    /// The six words by which two people compare these keys.
    pub fn words(&self) -> String {
        six_words(&self.verifying, &self.recipient)
    }
}

/// A site's card whose signature is proven. Whether it is who it says is for two people and six words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSite {
    card: SiteCard,
    digest: Digest,
    more: MoreSignatures,
}

impl VerifiedSite {
    /// The card.
    pub fn card(&self) -> &SiteCard {
        &self.card
    }

    /// Whether a key that the site had before has signed the card as well.
    pub fn is_vouched_for_by(&self, key: &VerifyingKey) -> bool {
        self.more.has_one_of(key)
    }

    /// The SHA-256 of the card's line of JSON, by which an answer names it.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// What the centre tells a lab that it has enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerCard {
    /// Who the centre is.
    pub central: SiteCard,
    /// The lab that is enrolled.
    pub lab: Site,
    /// The keys that the lab gives to its new rows; its first is the lab's number.
    pub series: Series,
    /// The digest of the lab's card that this answers.
    pub answers: Digest,
    /// The tables to sync, with their rules.
    pub tables: Vec<(TableName, TableRules)>,
    /// How the lab reaches the centre by network, sealed for its key.
    pub online: Option<SealedAccess>,
}

impl AnswerCard {
    /// Writes the answer as text, signed with the centre's key.
    pub fn create(&self, key: &SigningKey) -> Result<String, KeyError> {
        let tables = self.tables.iter().map(|(name, rules)| TableContent {
            table: name.to_string(),
            policy: rules.policy.to_string(),
            counters: rules.counters.clone(),
            direction: rules.direction.to_string(),
        });
        let content = AnswerContent {
            format: CARD_FORMAT.into(),
            kind: ANSWER_KIND.into(),
            central: (&self.central).into(),
            lab: self.lab.to_string(),
            number: self.series.number(),
            series: self.series.step(),
            answers: self.answers.to_string(),
            tables: tables.collect(),
            online: self
                .online
                .as_ref()
                .map(|online| OnlineContent { version: online.version, sealed: online.sealed.clone() }),
        };
        sign(&content, &self.comment(), key)
    }

    /// The same, signed by the centre's keys of before, too.
    pub fn create_after(&self, key: &SigningKey, before: &[SigningKey]) -> Result<String, KeyError> {
        let mut text = self.create(key)?;
        for old in before {
            sign_too(&mut text, &self.comment(), old)?;
        }
        Ok(text)
    }

    fn comment(&self) -> String {
        format!("answer of {} to {}", self.central.site, self.lab)
    }

    /// Reads an answer, checks that its maker has the key that stands in it, and that it answers the card of `lab`
    /// with the digest `own`.
    pub fn open(text: &str, lab: &Site, own: Digest) -> Result<VerifiedAnswer, CardError> {
        let unverified = open(text, ANSWER_KIND)?;
        let content: AnswerContent = unverified.read()?;
        let answer = AnswerCard::try_from(content)?;
        unverified.verify(&answer.central.verifying)?;
        if answer.lab != *lab {
            return Err(CardError::OtherSite { wanted: answer.lab });
        }
        if answer.answers != own {
            return Err(CardError::OtherCard);
        }
        Ok(VerifiedAnswer { answer, more: unverified.more() })
    }

    /// Reads the answer in the file at `path`.
    pub fn open_file(path: &Path, lab: &Site, own: Digest) -> Result<VerifiedAnswer, Error> {
        let text = read_card(path)?;
        Self::open(&text, lab, own).map_err(|source| Error::Card { path: path.to_owned(), source })
    }
}

/// An answer whose signature is proven and which is for this lab. Whether it is the centre's is for two people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAnswer {
    answer: AnswerCard,
    more: MoreSignatures,
}

impl VerifiedAnswer {
    /// The answer.
    pub fn answer(&self) -> &AnswerCard {
        &self.answer
    }

    /// Whether a key that the centre had before has signed the answer as well.
    pub fn is_vouched_for_by(&self, key: &VerifyingKey) -> bool {
        self.more.has_one_of(key)
    }
}

fn read_card(path: &Path) -> Result<String, Error> {
    Ok(read_small_text(path, CARD_BYTES_MAX)?.0.to_string())
}

fn open<'a>(text: &'a str, wanted: &'static str) -> Result<Unverified<'a>, CardError> {
    let unverified = Unverified::new(text)?;
    let format = unverified.format();
    if format != CARD_FORMAT {
        let newer =
            format.strip_prefix("packmule-card/").is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n > 1));
        return Err(if newer {
            CardError::TooNew { format: format.to_owned() }
        } else {
            CardError::NotACard
        });
    }
    let kind = |kind: &str| text.starts_with(&format!("{{\"format\":\"{CARD_FORMAT}\",\"kind\":\"{kind}\","));
    let in_words = |kind| if kind == SITE_KIND { "a site's card" } else { "the centre's answer" };
    match [SITE_KIND, ANSWER_KIND].into_iter().find(|name| kind(name)) {
        Some(found) if found == wanted => Ok(unverified),
        Some(found) => Err(CardError::OtherKind { wanted: in_words(wanted), found: in_words(found) }),
        None => Err(CardError::Malformed),
    }
}

const CARD_FORMAT: &str = "packmule-card/1";
const SITE_KIND: &str = "site";
const ANSWER_KIND: &str = "answer";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Identity;

    fn site(name: &str, role: Role) -> (SiteCard, SigningKey) {
        let key = SigningKey::generate().unwrap();
        let card = SiteCard {
            site: name.parse().unwrap(),
            role,
            incarnation: Incarnation::from_bytes([7; 16]),
            verifying: key.verifying_key().clone(),
            recipient: Identity::generate().recipient(),
            date: "2026-11-08T16:40:00.000000Z".parse().unwrap(),
        };
        (card, key)
    }

    fn answer(lab: &VerifiedSite) -> (AnswerCard, SigningKey) {
        let (central, key) = site("central", Role::Central);
        let rules = TableRules { counters: vec!["quantity".into()], ..TableRules::default() };
        let answer = AnswerCard {
            central,
            lab: lab.card().site.clone(),
            series: Series::new(100, 2).unwrap(),
            answers: lab.digest(),
            tables: vec![(TableName::new("inventory"), rules)],
            online: None,
        };
        (answer, key)
    }

    #[test]
    fn cards_are_read_back_as_written() {
        let (card, key) = site("lab-a", Role::Lab);
        let text = card.create(&key).unwrap();
        let lab = SiteCard::open(&text).unwrap();
        assert_eq!(lab.card(), &card);
        let (answer, key) = answer(&lab);
        let text = answer.create(&key).unwrap();
        let read = AnswerCard::open(&text, &card.site, lab.digest()).unwrap();
        assert_eq!(read.answer(), &answer);
        assert_eq!(read.answer().central.words().split(' ').count(), 6);
    }

    #[test]
    fn an_answer_without_a_way_by_network_is_as_it_was_and_one_with_it_is_read_back() {
        let (card, key) = site("lab-a", Role::Lab);
        let lab = SiteCard::open(&card.create(&key).unwrap()).unwrap();
        let (mut answer, key) = answer(&lab);
        assert!(!answer.create(&key).unwrap().contains("online"));
        answer.online = Some(SealedAccess { version: 1, sealed: "AAAA".into() });
        let text = answer.create(&key).unwrap();
        assert!(text.contains("],\"online\":{\"version\":1,\"sealed\":\"AAAA\"}}\n"), "{text}");
        assert_eq!(AnswerCard::open(&text, &card.site, lab.digest()).unwrap().answer(), &answer);
    }

    #[test]
    fn a_card_signed_with_another_key_or_changed_in_any_byte_is_refused() {
        let (card, key) = site("lab-a", Role::Lab);
        let (_, other) = site("lab-b", Role::Lab);
        assert_eq!(SiteCard::open(&card.create(&other).unwrap()), Err(CardError::BadSignature));
        let text = card.create(&key).unwrap();
        let untrusted =
            text.find("untrusted comment").unwrap()..text.find("signature by packmule").unwrap() + 22;
        // The last byte is the newline below the signature.
        for at in (0..text.len() - 1).filter(|at| !untrusted.contains(at)) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(SiteCard::open(&changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn an_answer_is_for_one_lab_and_one_card_only() {
        let (card, key) = site("lab-a", Role::Lab);
        let lab = SiteCard::open(&card.create(&key).unwrap()).unwrap();
        let (answer, key) = answer(&lab);
        let text = answer.create(&key).unwrap();
        let other: Site = "lab-b".parse().unwrap();
        assert_eq!(
            AnswerCard::open(&text, &other, lab.digest()),
            Err(CardError::OtherSite { wanted: card.site.clone() })
        );
        assert_eq!(
            AnswerCard::open(&text, &card.site, Digest::from_bytes([0; 32])),
            Err(CardError::OtherCard)
        );
        assert_eq!(
            SiteCard::open(&text).unwrap_err().to_string(),
            "it is the centre's answer, and a site's card is needed here"
        );
    }

    #[test]
    fn an_answer_with_a_number_that_is_no_series_is_refused() {
        let (card, key) = site("lab-a", Role::Lab);
        let lab = SiteCard::open(&card.create(&key).unwrap()).unwrap();
        let (answer, key) = answer(&lab);
        let text = answer.create(&key).unwrap();
        assert!(text.contains("\"number\":2,\"series\":100,"), "{text}");
        for wrong in ["\"number\":101,", "\"number\":1,", "\"number\":0,"] {
            let changed = text.replace("\"number\":2,", wrong);
            assert_eq!(AnswerCard::open(&changed, &card.site, lab.digest()), Err(CardError::Malformed));
        }
    }

    #[test]
    fn a_card_of_a_newer_packmule_is_named_as_such() {
        let (card, key) = site("lab-a", Role::Lab);
        let text = card.create(&key).unwrap();
        let newer = text.replace("packmule-card/1", "packmule-card/2");
        assert_eq!(
            SiteCard::open(&newer).unwrap_err().to_string(),
            "it was made by a newer packmule, in the form packmule-card/2"
        );
        assert_eq!(SiteCard::open(&text.replace("packmule-card/1", "x")), Err(CardError::NotACard));
    }
}
