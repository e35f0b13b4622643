//! Writes one seal's changes into one bundle, or several that belong together where one would be too large.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};

use crate::bundle::{
    self, Header, PayloadHead, PayloadSummary, PayloadWriter, PublicKeys, Receipt, Recipient, SigningKey,
    assemble,
};
use crate::model::{BundleKind, BundleName, Change, ChangeCounts, Digest, Seq, Stamp, StreamId, TableShape};
use crate::monitor::{Monitor, Phase, Step};
use crate::seal::error::Error;

/// Where sealed bundles are put. Both files are private and on the same disk.
pub trait Outbox {
    /// What a bundle is written to before it has its name.
    type Part: Write;
    /// A file without a name, for the payload while it grows.
    fn nameless(&self) -> io::Result<File>;
    /// A new `NAME.part`.
    fn part(&self, name: &BundleName) -> io::Result<Self::Part>;
    /// Makes a part safe against a power cut; returns its size.
    fn close(&self, part: Self::Part) -> io::Result<u64>;
}

/// What all bundles of one seal have in common, and where their numbers begin.
pub struct Plan<'a> {
    /// Their stream.
    pub stream: StreamId,
    /// The number of the first.
    pub first: Seq,
    /// The digest of the bundle before the first.
    pub previous: Option<Digest>,
    /// When, by this site's clock.
    pub sealed_at: Stamp,
    /// How far that clock is ahead of the centre's, in milliseconds; `None` where nobody knows.
    pub ahead_ms: Option<i64>,
    /// Whether the bundles hold changes, or whole tables from which the receiver starts.
    pub kind: BundleKind,
    /// What this site has applied of the other direction.
    pub receipt: Option<Receipt>,
    /// Whether a bundle is made even where there is no change: the receiver waits for the receipt, or for an empty table.
    pub even_empty: bool,
    /// What the receiver is to follow, for the head of each bundle.
    pub settings: BTreeMap<String, String>,
    /// The receiver's key.
    pub recipient: &'a Recipient,
    /// This site's key.
    pub signing: &'a SigningKey,
    /// The key that the receiver still knows this site by, where it is another one: the first bundle ends its use.
    pub turn: Option<Turn<'a>>,
    /// From which size on the rest goes into a next bundle, in bytes.
    pub size_bytes_max: u64,
}

/// The end of one key's use in a stream.
pub struct Turn<'a> {
    /// The key that signs the first bundle, and none after it.
    pub old: &'a SigningKey,
    /// The keys that this bundle names, and that count from the next one on.
    pub new: PublicKeys,
}

/// One bundle, finished as `NAME.part`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its number.
    pub seq: Seq,
    /// What it is for.
    pub kind: BundleKind,
    /// Its digest.
    pub digest: Digest,
    /// The digest of the one before.
    pub previous: Option<Digest>,
    /// Whether the next one belongs to the same snapshot.
    pub continues: bool,
    /// The file's size.
    pub size_bytes: u64,
    /// What it holds.
    pub counts: ChangeCounts,
}

/// Takes changes and makes bundles of them.
pub struct Sealer<'a, O: Outbox> {
    plan: Plan<'a>,
    outbox: &'a O,
    monitor: &'a dyn Monitor,
    shape: Option<TableShape>,
    open: Option<PayloadWriter<BufWriter<File>>>,
    shape_written: bool,
    sealed: Vec<Sealed>,
}

impl<'a, O: Outbox> Sealer<'a, O> {
    /// Begins; nothing is written before the first change.
    pub fn new(plan: Plan<'a>, outbox: &'a O, monitor: &'a dyn Monitor) -> Self {
        Sealer { plan, outbox, monitor, shape: None, open: None, shape_written: false, sealed: Vec::new() }
    }

    /// The changes that follow are of this table.
    pub fn table(&mut self, shape: &TableShape) {
        self.shape = Some(shape.clone());
        self.shape_written = false;
    }

    /// Adds one change.
    pub fn change(&mut self, change: &Change) -> Result<(), Error> {
        // Rows that compress very well reach the limit of what a bundle may unfold to before that of its size.
        const PLAINTEXT_BYTES_MAX: u64 = bundle::limits::PLAINTEXT_BYTES_MAX / 2;
        let is_full = |open: &PayloadWriter<_>| {
            open.written_bytes() >= self.plan.size_bytes_max || open.plaintext_bytes() >= PLAINTEXT_BYTES_MAX
        };
        let full = self.open.as_ref().is_some_and(is_full);
        if full && let Some(open) = self.open.take() {
            self.close(open, true)?;
        }
        let seq = self.next_seq()?;
        let fail = |source| Error::Bundle { seq, source };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        if !self.shape_written
            && let Some(shape) = &self.shape
        {
            open.table(shape).map_err(fail)?;
            self.shape_written = true;
        }
        let open = self.open.insert(open);
        match (open.change(change), change) {
            // Too long with the row before: the change itself matters more. The receiver then cannot see what it
            // was based on, which is so for every change that an application logs by itself.
            (Err(bundle::Error::TooLarge { .. }), Change::Update { before: Some(_), after, time }) => {
                let bare = Change::Update { before: None, after: after.clone(), time: *time };
                open.change(&bare).map_err(fail)
            }
            (result, _) => result.map_err(fail),
        }
    }

    /// Closes the last bundle. Returns all of them, in order; none where there was no change and none is needed.
    pub fn finish(mut self) -> Result<Vec<Sealed>, Error> {
        let open = match self.open.take() {
            None if (self.plan.even_empty || self.plan.turn.is_some()) && self.sealed.is_empty() => {
                Some(self.begin()?)
            }
            open => open,
        };
        if let Some(open) = open {
            self.close(open, false)?;
        }
        Ok(self.sealed)
    }

    fn begin(&mut self) -> Result<PayloadWriter<BufWriter<File>>, Error> {
        let seq = self.next_seq()?;
        let head = PayloadHead {
            stream: self.plan.stream.clone(),
            seq,
            sealed_at: self.plan.sealed_at,
            clock_offset_ms: self.plan.ahead_ms,
            settings: self.plan.settings.clone(),
        };
        let file = BufWriter::with_capacity(256 << 10, self.outbox.nameless()?);
        self.shape_written = false;
        PayloadWriter::create(file, &head, self.plan.recipient)
            .map_err(|source| Error::Bundle { seq, source })
    }

    /// What the bundle that is closed now is for. Of a snapshot in several parts the first alone says so: where one
    /// begins can then be seen from the outside.
    fn kind(&self, summary: &PayloadSummary) -> BundleKind {
        match (self.plan.kind, self.sealed.is_empty()) {
            (BundleKind::Snapshot, true) => BundleKind::Snapshot,
            (BundleKind::Snapshot, false) => BundleKind::Changes,
            (BundleKind::Changes | BundleKind::Receipt, _) if summary.counts.total() > 0 => {
                BundleKind::Changes
            }
            // New keys are more than a receipt: the receiver answers that it has heard of them.
            (BundleKind::Changes | BundleKind::Receipt, true) if self.plan.turn.is_some() => {
                BundleKind::Changes
            }
            (BundleKind::Changes | BundleKind::Receipt, _) => BundleKind::Receipt,
        }
    }

    fn close(&mut self, open: PayloadWriter<BufWriter<File>>, continues: bool) -> Result<(), Error> {
        let seq = self.next_seq()?;
        let previous = self.sealed.last().map_or(self.plan.previous, |last| Some(last.digest));
        let fail = |source| Error::Bundle { seq, source };
        let (file, summary) = open.finish().map_err(fail)?;
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.monitor.step(Step::SealPayloadWritten);
        file.seek(SeekFrom::Start(0))?;
        let kind = self.kind(&summary);
        let turn = self.plan.turn.as_ref().filter(|_| self.sealed.is_empty());
        let header = Header {
            kind,
            stream: self.plan.stream.clone(),
            seq,
            previous,
            continues,
            sealed_at: self.plan.sealed_at,
            receipt: self.plan.receipt,
            keys: turn.map(|turn| turn.new.clone()),
        };
        let signing = turn.map_or(self.plan.signing, |turn| turn.old);
        self.monitor.begin(Phase::Packing, Some(summary.size));
        let part = self.outbox.part(&BundleName::new(&self.plan.stream, seq))?;
        let payload = BufReader::with_capacity(256 << 10, file);
        let (part, digest) = assemble(part, payload, &summary, &header, signing).map_err(fail)?;
        // The file is whole and on disk before the ledger speaks of it: a crash after the ledger's commit
        // finds a part that it can give its name, a crash before finds one that nobody knows, and deletes it.
        let size_bytes = self.outbox.close(part)?;
        self.monitor.advance(Phase::Packing, summary.size);
        self.monitor.end(Phase::Packing);
        self.monitor.step(Step::SealPartSynced);
        self.sealed.push(Sealed {
            seq,
            kind,
            digest,
            previous,
            continues,
            size_bytes,
            counts: summary.counts,
        });
        Ok(())
    }

    fn next_seq(&self) -> Result<Seq, Error> {
        match self.sealed.last() {
            None => Ok(self.plan.first),
            Some(last) => last.seq.next().ok_or(Error::NoNumbersLeft),
        }
    }
}
