//! What a bundle is for.

use std::fmt;
use std::str::FromStr;

/// What a bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BundleKind {
    /// The changes since the bundle before it.
    Changes,
    /// Whole tables, for a site that joins or has lost its place.
    Snapshot,
    /// A receipt and nothing else.
    Receipt,
}

impl BundleKind {
    const NAMES: [(BundleKind, &'static str); 3] = [
        (BundleKind::Changes, "changes"),
        (BundleKind::Snapshot, "snapshot"),
        (BundleKind::Receipt, "receipt"),
    ];
}

impl fmt::Display for BundleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            BundleKind::Changes => "changes",
            BundleKind::Snapshot => "snapshot",
            BundleKind::Receipt => "receipt",
        })
    }
}

impl FromStr for BundleKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_as_written() {
        for (kind, name) in BundleKind::NAMES {
            assert_eq!(kind.to_string(), name);
            assert_eq!(name.parse(), Ok(kind));
        }
        assert_eq!("Changes".parse::<BundleKind>(), Err(()));
    }
}
