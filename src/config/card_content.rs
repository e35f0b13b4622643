//! What stands in a card, name by name, as JSON. Every part has one spelling only.

use serde::{Deserialize, Serialize};

use crate::config::card::{AnswerCard, SiteCard};
use crate::config::error::CardError;
use crate::config::rules::TableRules;
use crate::config::sealed::SealedAccess;
use crate::model::{Role, Series, TableName};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteContent {
    pub(super) format: String,
    pub(super) kind: String,
    pub(super) site: Identification,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerContent {
    pub(super) format: String,
    pub(super) kind: String,
    pub(super) central: Identification,
    pub(super) lab: String,
    pub(super) number: u16,
    pub(super) series: u16,
    pub(super) answers: String,
    pub(super) tables: Vec<TableContent>,
    /// Left out where the lab has no way by network, and in answers from before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) online: Option<OnlineContent>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OnlineContent {
    pub(super) version: u16,
    pub(super) sealed: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identification {
    pub(super) site: String,
    pub(super) role: String,
    pub(super) incarnation: String,
    pub(super) signing_key: String,
    pub(super) encryption_key: String,
    pub(super) date: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableContent {
    pub(super) table: String,
    pub(super) policy: String,
    pub(super) counters: Vec<String>,
    pub(super) direction: String,
}

impl From<&SiteCard> for Identification {
    fn from(card: &SiteCard) -> Self {
        Identification {
            site: card.site.to_string(),
            role: card.role.to_string(),
            incarnation: card.incarnation.to_string(),
            signing_key: card.verifying.to_string(),
            encryption_key: card.recipient.to_string(),
            date: card.date.to_string(),
        }
    }
}

impl TryFrom<Identification> for SiteCard {
    type Error = CardError;

    fn try_from(content: Identification) -> Result<Self, CardError> {
        Ok(SiteCard {
            site: part(&content.site)?,
            role: part(&content.role)?,
            incarnation: part(&content.incarnation)?,
            verifying: part(&content.signing_key)?,
            recipient: part(&content.encryption_key)?,
            date: part(&content.date)?,
        })
    }
}

impl TryFrom<AnswerContent> for AnswerCard {
    type Error = CardError;

    fn try_from(content: AnswerContent) -> Result<Self, CardError> {
        let tables = content.tables.into_iter().map(|table| {
            let (policy, direction) = (part(&table.policy)?, part(&table.direction)?);
            let rules = TableRules { policy, counters: table.counters, direction, ..TableRules::default() };
            Ok((TableName::new(table.table), rules))
        });
        let central = SiteCard::try_from(content.central)?;
        // Number 1 is the centre's.
        let series = Series::new(content.series, content.number).filter(|series| series.number() > 1);
        if central.role != Role::Central {
            return Err(CardError::Malformed);
        }
        Ok(AnswerCard {
            central,
            lab: part(&content.lab)?,
            series: series.ok_or(CardError::Malformed)?,
            answers: part(&content.answers)?,
            tables: tables.collect::<Result<_, CardError>>()?,
            online: content
                .online
                .map(|online| SealedAccess { version: online.version, sealed: online.sealed }),
        })
    }
}

/// Reads one part in the only spelling it has.
fn part<T: std::str::FromStr + ToString>(text: &str) -> Result<T, CardError> {
    let value: T = text.parse().map_err(|_| CardError::Malformed)?;
    if value.to_string() == text { Ok(value) } else { Err(CardError::Malformed) }
}
