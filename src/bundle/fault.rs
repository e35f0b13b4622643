//! Which rule a signed manifest or payload breaks. Such a bundle was made wrong; it was not damaged on its way.

/// Which rule of the manifest is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// Not JSON in UTF-8, or values of other types than they should be.
    #[error("it is not the JSON that it should be")]
    Json,
    /// JSON nested deeper than any manifest needs.
    #[error("it is nested too deep")]
    Depth,
    /// One key twice: two readers could take two different values.
    #[error("the key {0:?} stands in it twice")]
    Duplicate(String),
    /// Other order, spaces or spelling than the one allowed.
    #[error("it is not written in the one allowed form")]
    Form,
    /// A value that does not fit its meaning.
    #[error("its {0:?} has a value that cannot be")]
    Value(&'static str),
    /// `previous` is null exactly for the first bundle.
    #[error("bundle 1 has none before it, and every other bundle has one")]
    Previous,
    /// The chunk hashes do not add up to the size.
    #[error("its number of chunks does not fit its size")]
    Chunks,
    /// A receipt bundle without a receipt, or in the middle of a snapshot.
    #[error("a receipt bundle has a receipt and stands alone")]
    Receipt,
    /// The trusted comment of the signature is not the bundle's name.
    #[error("its signature was given for another bundle")]
    Comment,
}

/// Which rule of the payload is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// The decryption fails in the middle.
    #[error("it cannot be decrypted from here on")]
    Encryption,
    /// Not one zstd frame with an allowed window.
    #[error("it cannot be decompressed from here on")]
    Compression,
    /// More content than the manifest says.
    #[error("there is more content than the manifest says")]
    TooMuch,
    /// A line beyond the limit.
    #[error("it is longer than a line may be")]
    TooLong,
    /// The content ends before its last line.
    #[error("the content ends without its last line")]
    Cut,
    /// Content behind the last line.
    #[error("there is something behind the last line")]
    Trailing,
    /// Bytes that are not UTF-8.
    #[error("it is not UTF-8")]
    Utf8,
    /// Not a line that packmule writes.
    #[error("it is not written in the one allowed form")]
    Form,
    /// A type of column that this program does not know.
    #[error("the column type {0:?} is unknown")]
    ColumnKind(String),
    /// A table without name, columns or key, or with a column twice.
    #[error("the table has no usable name, columns or key")]
    Table,
    /// A change before the first table.
    #[error("there is a change before any table")]
    NoTable,
    /// More or fewer values than columns.
    #[error("it has {have} values for {need} columns")]
    Values {
        /// How many there are.
        have: usize,
        /// How many there should be.
        need: usize,
    },
    /// A value that cannot be in its column: base64 that is none, text in a binary column.
    #[error("value {0} cannot be in its column")]
    Value(usize),
    /// Not a time.
    #[error("its time cannot be")]
    Time,
    /// A table in a bundle that carries a receipt only.
    #[error("a receipt bundle has no tables")]
    Receipt,
    /// Other numbers of changes than the last line says.
    #[error("the counts in the last line are not those of the changes")]
    Counts,
    /// Other lines than the last line says.
    #[error("the hash in the last line is not that of the lines before it")]
    Hash,
}
