//! What a bundle's file is called. A help to people and to sorting, never believed: a person may rename it.

use std::fmt;
use std::str::FromStr;

use crate::model::{Seq, Site, StreamId};

/// The file name of a bundle: `FROM.TO.INCARNATION8.0000000042.mule`, at most 80 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleName {
    /// The sender, as the name claims.
    pub from: Site,
    /// The receiver, as the name claims.
    pub to: Site,
    /// The first 8 digits of the sender's incarnation.
    pub incarnation_short: String,
    /// The number in the stream.
    pub seq: Seq,
}

impl BundleName {
    /// The name that the bundle `seq` of `stream` is given when it is sealed.
    pub fn new(stream: &StreamId, seq: Seq) -> Self {
        BundleName {
            from: stream.from.clone(),
            to: stream.to.clone(),
            incarnation_short: stream.incarnation.short(),
            seq,
        }
    }

    /// The folder on a stick that holds the bundles of this sender for this receiver: `FROM-to-TO`.
    pub fn folder(&self) -> String {
        format!("{}-to-{}", self.from, self.to)
    }
}

impl fmt::Display for BundleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BundleName { from, to, incarnation_short, seq } = self;
        write!(f, "{from}.{to}.{incarnation_short}.{:010}.mule", seq.number())
    }
}

impl FromStr for BundleName {
    type Err = BundleNameError;

    fn from_str(text: &str) -> Result<Self, BundleNameError> {
        let parts: Vec<&str> = text.split('.').collect();
        let &[from, to, incarnation_short, seq, "mule"] = parts.as_slice() else {
            return Err(BundleNameError);
        };
        let hex8 = incarnation_short.len() == 8
            && incarnation_short.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !hex8 || seq.len() != 10 {
            return Err(BundleNameError);
        }
        Ok(BundleName {
            from: from.parse().map_err(|_| BundleNameError)?,
            to: to.parse().map_err(|_| BundleNameError)?,
            incarnation_short: incarnation_short.to_owned(),
            seq: seq.parse().map_err(|_| BundleNameError)?,
        })
    }
}

/// A file name that packmule did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a bundle is named FROM.TO.INCARNATION8.0000000042.mule")]
pub struct BundleNameError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_name_is_read_back_as_written() {
        let text = "lab-a.central.7f3a9c21.0000000042.mule";
        let name: BundleName = text.parse().unwrap();
        assert_eq!(name.to_string(), text);
        assert_eq!(name.folder(), "lab-a-to-central");
        for text in [
            "lab-a.central.7f3a9c21.42.mule",
            "lab-a.central.7F3a9c21.0000000042.mule",
            "lab-a.central.7f3a9c21.0000000042.mule.part",
            "../lab-a.central.7f3a9c21.0000000042.mule",
        ] {
            assert!(text.parse::<BundleName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_longest_name_has_80_characters() {
        let site: Site = "abcdefghijklmnopqrst".parse().unwrap();
        let name =
            BundleName { from: site.clone(), to: site, incarnation_short: "00000000".into(), seq: Seq::MAX };
        assert!(name.to_string().len() <= 80);
    }
}
