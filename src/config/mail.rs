//! What the settings say of the mail in the centre's database: `[mail]` at the centre, the pace of the line at a lab.

use crate::config::error::Error;
use crate::config::fault::Problem;
use crate::config::reader::Section;
use crate::config::settings::Source;
use crate::config::size;
use crate::model::Role;

/// How much mail of each lab the centre keeps. Means something at the centre only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailQuota {
    /// In bytes.
    pub bytes: u64,
    /// In bundles.
    pub bundles: u64,
}

impl MailQuota {
    /// Reads `[mail]`.
    pub(super) fn read(section: &Section<'_>, role: Role) -> Result<Self, Error> {
        if role == Role::Lab {
            return match section.is_there() {
                true => Err(section.refuse_all(Problem::OtherRole { section: "mail", role })),
                false => Ok(DEFAULT),
            };
        }
        section.only(&["quota", "quota_bundles", "url_for_labs", "ca_for_labs", "require_tls"])?;
        let bytes = match section.text("quota")? {
            None => {
                section.show_as("quota", size::to_words(DEFAULT.bytes), Source::Default);
                DEFAULT.bytes
            }
            Some(found) => match size::parse_quota(&found.value) {
                Some(bytes) => {
                    section.shown(found);
                    bytes
                }
                None => {
                    let name = found.name.clone();
                    return Err(section.refuse(&found, Problem::Quota { name }));
                }
            },
        };
        let bundles = section.whole("quota_bundles", 1..=u16::MAX)?;
        let bundles = u64::from(section.shown_or("quota_bundles", bundles, BUNDLES_DEFAULT));
        Ok(MailQuota { bytes, bundles })
    }
}

/// Reads `limit_rate`: how many bytes a second may go over the line; `None`: as fast as it goes.
pub(super) fn read_rate(section: &Section<'_>) -> Result<Option<u64>, Error> {
    let Some(found) = section.text("limit_rate")? else {
        return Ok(None);
    };
    match size::parse_rate(&found.value) {
        Some(rate) => {
            section.shown(found);
            Ok(Some(rate))
        }
        None => {
            let name = found.name.clone();
            Err(section.refuse(&found, Problem::Rate { name }))
        }
    }
}

const BUNDLES_DEFAULT: u16 = 1000;

/// Room for weeks of a lab that photographs its inventory; a full disk of the centre would stop every lab.
const DEFAULT: MailQuota = MailQuota { bytes: 2 << 30, bundles: BUNDLES_DEFAULT as u64 };
