//! How work tells a progress bar, a log or a test what it is doing. The library itself never prints.
//!
//! A [`Step`] marks each place where a crash leaves something half done. The program's monitor ends the
//! process there when a test asks for it, so the list of steps is also the list of crashes to survive.

use crate::model::TableName;

/// Hears what the work is doing. Every method does nothing by default.
pub trait Monitor: Send + Sync {
    /// A piece of work begins; `total` is its size in the phase's unit, where it is known.
    fn begin(&self, _phase: Phase, _total: Option<u64>) {}
    /// So much more of the phase is done, in the phase's unit.
    fn advance(&self, _phase: Phase, _amount: u64) {}
    /// How far a phase without a total is: `done` of `whole`, in whatever unit both are known.
    fn share(&self, _phase: Phase, _done: u64, _whole: u64) {}
    /// The phase is over.
    fn end(&self, _phase: Phase) {}
    /// Something a person should know, although the work goes on.
    fn notice(&self, _notice: Notice) {}
    /// The work has come to a place where a crash would leave something half done.
    fn step(&self, _step: Step) {}
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Monitor for Silent {}

/// One visible piece of work, with the unit in which it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reading the log and the rows; unit: changes.
    Reading,
    /// Compressing, encrypting, signing; unit: bytes of the finished bundle.
    Packing,
    /// Copying a bundle to a stick or folder; unit: bytes.
    Writing,
    /// Reading a copy back; unit: bytes.
    Checking,
    /// Sending a bundle to the centre's database; unit: bytes.
    Sending,
    /// Fetching a bundle from there; unit: bytes.
    Fetching,
    /// Writing a bundle's changes to the tables; unit: changes.
    Applying,
    /// Moving the keys of a lab that was used alone; unit: rows.
    Moving,
}

/// Something a person should know, although the work goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A log row names a key that its table cannot have; nothing was sent for it.
    UnreadableKey {
        /// The table that the log row names.
        table: TableName,
        /// What stands in `record_id`.
        record_id: String,
    },
    /// The before-image of a log row could not be read; the change goes without it.
    UnreadableBefore {
        /// The table that the log row names.
        table: TableName,
        /// What stands in `record_id`.
        record_id: String,
    },
    /// A row is not sent, because one of its texts cannot be read exactly.
    Held {
        /// The table.
        table: TableName,
        /// Which row.
        record_id: String,
        /// The column with the text.
        column: String,
    },
    /// A table was changed, and its triggers were made anew for what it is now.
    TriggersRenewed {
        /// The table.
        table: TableName,
    },
    /// A table was changed, and its triggers could not be made anew yet; they go on logging, less exactly.
    TriggersStale {
        /// The table.
        table: TableName,
        /// What stood in the way, in the database's words.
        why: String,
    },
    /// Triggers of a table are missing, or are not packmule's: edits are lost.
    Unwatched {
        /// The table.
        table: TableName,
    },
    /// The server asked for the transaction to be done again (deadlock, lock timeout).
    Retried {
        /// How often so far.
        attempts: u32,
    },
    /// Changes that wait because they did not fit could not be tried again just now; all else goes on.
    NotTried {
        /// What stood in the way.
        why: String,
    },
    /// A column keeps another value than the bundle's: a trigger of the application overwrites it.
    OverwrittenByTrigger {
        /// The table.
        table: TableName,
        /// How many rows.
        rows: u64,
    },
}

macro_rules! steps {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A place where a crash would leave something half done. `NAME.when`, in the order of the flow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Step { $($(#[$doc])* $variant,)* }

        impl Step {
            /// Every step, in the order of the flow.
            pub const ALL: &'static [Step] = &[$(Step::$variant,)*];

            /// The step's name, as a test gives it.
            pub fn name(self) -> &'static str {
                match self { $(Step::$variant => $name,)* }
            }
        }
    };
}

steps! {
    /// The new keys are on disk, and nobody uses them.
    RotateMade = "rotate.made",
    /// The ledger says who still knows the old keys, but is not committed.
    RotateLedgerWritten = "rotate.ledger-written",
    /// It is committed; the old keys are still in use.
    RotateCommitted = "rotate.committed",
    /// A copy of the old keys is on disk.
    RotateKept = "rotate.kept",
    /// The new encryption key is in use, the old signing key is.
    RotateHalfTurned = "rotate.half-turned",
    /// Both new keys are in use.
    RotateTurned = "rotate.turned",
    /// Every row of every table is locked, nothing is written.
    RekeyLocked = "rekey.locked",
    /// The keys of the first table have moved, what points to them has not.
    RekeyHalfMoved = "rekey.half-moved",
    /// All keys have moved, and all that points to them; the log names the keys of before.
    RekeyMoved = "rekey.moved",
    /// Log, mark and number are written, but not committed.
    RekeyLedgerWritten = "rekey.ledger-written",
    /// The transaction is committed.
    RekeyCommitted = "rekey.committed",
    /// The database goes on under a new history, the witness file is of the old one.
    RecoverCommitted = "recover.committed",
    /// The witness knows of it, too; a lab's new card is not written.
    RecoverWitnessed = "recover.witnessed",
    /// The snapshot is open, nothing is written.
    SealSnapshotOpen = "seal.snapshot-open",
    /// The payload's temporary file is half written.
    SealPayloadWritten = "seal.payload-written",
    /// `NAME.part` is whole and on disk, the ledger does not know it.
    SealPartSynced = "seal.part-synced",
    /// The log rows are stamped and the ledger row written, but not committed.
    SealLedgerWritten = "seal.ledger-written",
    /// The ledger knows the bundle, the file is still `NAME.part`.
    SealCommitted = "seal.committed",
    /// The witness file beside the keys is renewed, the bundle is still `NAME.part`.
    SealWitnessed = "seal.witnessed",
    /// The bundle has its name, the folder is not yet synced.
    SealRenamed = "seal.renamed",
    /// The file on the stick exists and is empty.
    CarryCreated = "carry.created",
    /// Half of the bundle is on the stick.
    CarryHalfWritten = "carry.half-written",
    /// The bundle is on the stick and synced, not yet read back.
    CarrySynced = "carry.synced",
    /// The bundle's head is in the centre's database, none of its parts is.
    SendBegun = "send.begun",
    /// Some of its parts are there too.
    SendHalfSent = "send.half-sent",
    /// All parts are there, the ledger here does not know it.
    SendComplete = "send.complete",
    /// Some parts of a bundle from the centre's database are in the inbox's `.part`.
    FetchHalfFetched = "fetch.half-fetched",
    /// All parts are in it, proven and on disk; it does not have its name yet.
    FetchComplete = "fetch.complete",
    /// The bundle has its name in the inbox, and still lies in the centre's database.
    FetchNamed = "fetch.named",
    /// A bundle in the centre's database is marked as not needed any more, its parts are still there.
    ClearMarked = "clear.marked",
    /// Its parts are gone, its head is not.
    ClearEmptied = "clear.emptied",
    /// Half of the private copy is in the inbox.
    AdmitHalfCopied = "admit.half-copied",
    /// The private copy is in the inbox, checked, under its name.
    AdmitCopied = "admit.copied",
    /// The stream's row is locked, nothing is written.
    ApplyLocked = "apply.locked",
    /// Some rows are written.
    ApplyHalfWritten = "apply.half-written",
    /// All rows are written, the ledger row is not.
    ApplyRowsWritten = "apply.rows-written",
    /// Rows and ledger row are written, but not committed.
    ApplyLedgerWritten = "apply.ledger-written",
    /// The transaction is committed, the inbox still holds the bundle.
    ApplyCommitted = "apply.committed",
    /// Words that were kept are followed, but not committed.
    RetryWritten = "retry.written",
    /// A conflict that a person decides is locked with its row, nothing is written.
    DecideLocked = "decide.locked",
    /// The row is written, what was decided is not.
    DecideRowWritten = "decide.row-written",
    /// Both are written, but not committed.
    DecideLineWritten = "decide.line-written",
    /// The decision is committed.
    DecideCommitted = "decide.committed",
    /// Changes that waited because they did not fit are written, but not committed.
    ParkedWritten = "parked.written",
    /// They are committed; that they were tried is not written down yet.
    ParkedCommitted = "parked.committed",
}
