//! Decides what to do with a file that has the name our bundle wants. Pure: what was seen in, a verdict out.
//!
//! A torn copy of our own must give way, or the stick fills with remains and the name is lost for good. Any
//! other file must not: it may be another history's bundle with a renamed file, and the only copy of it.

/// What stands under the wanted name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing.
    Nothing,
    /// A folder, a link, a pipe.
    NotAFile,
    /// A file that the drive cannot give back.
    Unreadable,
    /// A file with exactly the bytes of our bundle.
    SameBytes,
    /// A file with other bytes.
    OtherBytes {
        /// Its length.
        size_bytes: u64,
        /// Whether it is a whole, valid bundle, ours or not.
        is_whole_bundle: bool,
    },
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The name is free: write here.
    Write,
    /// The bundle is on the stick already.
    AlreadyThere,
    /// What is left of a copy that was cut off: remove it and write here.
    Replace,
    /// Not ours to touch: try the next name.
    LeaveAlone,
}

/// Returns what to do with what was seen, for a bundle of `our_size_bytes`.
///
/// A cut-off copy is never longer than the bundle. It need not be a prefix of it: after a pull, FAT may show the
/// full length over blocks of zeros or of older files. An unreadable file is left where it is, because to remove
/// it would hand its bad blocks to the next file.
pub(super) fn decide(seen: Seen, our_size_bytes: u64) -> Verdict {
    match seen {
        Seen::Nothing => Verdict::Write,
        Seen::SameBytes => Verdict::AlreadyThere,
        Seen::NotAFile | Seen::Unreadable => Verdict::LeaveAlone,
        Seen::OtherBytes { size_bytes, is_whole_bundle } => {
            if is_whole_bundle || size_bytes > our_size_bytes {
                Verdict::LeaveAlone
            } else {
                Verdict::Replace
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_remains_of_a_copy_are_replaced() {
        let other = |size_bytes, is_whole_bundle| Seen::OtherBytes { size_bytes, is_whole_bundle };
        let table = [
            (Seen::Nothing, Verdict::Write),
            (Seen::SameBytes, Verdict::AlreadyThere),
            (Seen::NotAFile, Verdict::LeaveAlone),
            (Seen::Unreadable, Verdict::LeaveAlone),
            (other(0, false), Verdict::Replace),
            (other(99, false), Verdict::Replace),
            (other(100, false), Verdict::Replace),
            (other(101, false), Verdict::LeaveAlone),
            (other(99, true), Verdict::LeaveAlone),
            (other(100, true), Verdict::LeaveAlone),
        ];
        for (seen, verdict) in table {
            assert_eq!(decide(seen, 100), verdict, "{seen:?}");
        }
    }
}
