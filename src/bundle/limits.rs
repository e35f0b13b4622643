//! Every limit of the format, with its reason. Each is checked before anything is allocated for what it
//! bounds, because the sizes in a bundle are written by whoever made the file.

/// The longest `manifest.json`. 256 chunk hashes take 17 KiB; the rest is room for later keys.
pub const MANIFEST_BYTES_MAX: u64 = 64 * 1024;

/// The longest `manifest.json.minisig`. The text has some 300 bytes.
pub const SIGNATURE_BYTES_MAX: u64 = 1024;

/// The longest encrypted payload: the whole file must stay below 4 GiB - 1, the most that FAT32 can hold.
pub const PAYLOAD_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024 - 1024 * 1024;

/// The longest file that can be a bundle: the most that FAT32 can hold.
pub const BUNDLE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024 - 1;

/// How much of the payload one hash in the manifest covers: small enough that a damaged place is found
/// soon and an upload can go on there, large enough that the hashes fit the manifest.
pub const CHUNK_BYTES: u64 = 16 * 1024 * 1024;

/// The longest decompressed payload. A bomb is stopped by the signed `plaintext_max`; this stops a sender
/// who signs a bomb.
pub const PLAINTEXT_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// The signed `plaintext_max` is a multiple of this, so that it does not tell how much was changed.
pub const PLAINTEXT_STEP_BYTES: u64 = 1024 * 1024;

/// The longest line of the payload, and so the largest row that can travel (before and after together).
/// One line is held in memory at a time.
pub const LINE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The longest line that is an object: head, table or end. 4096 columns with the longest names fit.
pub const OBJECT_LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most columns of a table; MySQL's own limit.
pub const COLUMNS_MAX: usize = 4096;

/// The longest name of a table or column: MySQL allows 64 characters of up to 4 bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// The deepest nesting of the manifest. Ours has three levels; later keys have some room.
pub const MANIFEST_DEPTH_MAX: usize = 8;

/// How far back zstd may look, as a power of two: 8 MiB, which is also what the reader must allocate.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How hard zstd tries. Level 3 packs rows to about a tenth, faster than the database delivers them.
pub const ZSTD_LEVEL: i32 = 3;

/// The longest head of an age stream. Ours has some 250 bytes; `age` itself would read on for ever.
pub const AGE_HEAD_BYTES_MAX: usize = 4096;
