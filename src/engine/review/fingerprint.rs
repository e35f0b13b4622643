//! A short name for what a person saw of a conflict: whoever decides by it decides on exactly that.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::model::{bytes_from_hex, hex_from_bytes};

/// What a person saw: the row at the centre, what the lab wants, and whether it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 4]);

impl Fingerprint {
    /// The fingerprint of a row at the centre, the lab's, and the word for the line's status. `None`: no row.
    pub(super) fn of(now: Option<&str>, lab: Option<&str>, status: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [now, lab, Some(status)] {
            // No text has this byte, so no two rows run together.
            hash.update(part.map_or(&[0xFE][..], str::as_bytes));
            hash.update([0xFF]);
        }
        let mut short = [0; 4];
        short.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Fingerprint(short)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_from_bytes(&self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let bytes = bytes_from_hex(text).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        bytes.map(Fingerprint).ok_or("it is eight of the signs 0-9 and a-f, as `conflicts show` prints them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_as_written_and_tells_rows_apart() {
        let one = Fingerprint::of(Some("a"), None, "open");
        assert_eq!(one.to_string().parse(), Ok(one));
        assert!("5c1e9".parse::<Fingerprint>().is_err());
        assert_ne!(one, Fingerprint::of(None, Some("a"), "open"));
        assert_ne!(one, Fingerprint::of(Some("a"), None, "decided"));
        assert_ne!(Fingerprint::of(Some("ab"), Some(""), ""), Fingerprint::of(Some("a"), Some("b"), ""));
    }
}
