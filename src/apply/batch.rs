//! Reads bundles on a thread of its own, so that decrypting and writing go on at the same time.

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use crate::apply::error::Error;
use crate::bundle::{self, Event, PayloadHead, PayloadReader};
use crate::model::{Change, Seq, TableShape};

/// Changes of one table that are decided and written together.
pub(super) struct Batch {
    pub(super) seq: Seq,
    pub(super) shape: TableShape,
    pub(super) changes: Vec<Change>,
    /// How much of all bundles was read when this was, in bytes of their files.
    pub(super) read_bytes: u64,
}

/// One bundle to be read.
pub(super) struct Source<'a> {
    pub(super) seq: Seq,
    pub(super) size_bytes: u64,
    pub(super) open: &'a Open<'a>,
}

/// Opens a bundle's content from its start, each time it is called.
pub(super) type Open<'a> = dyn Fn() -> Result<PayloadReader<Box<dyn Read + Send>>, bundle::Error> + Sync + 'a;

/// Starts to read `bundles`, one after the other. The last message of a good reading is the end of the channel.
pub(super) fn read<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    bundles: Vec<Source<'env>>,
) -> Receiver<Result<Batch, Error>> {
    // Two batches ahead: memory is bounded by them.
    let (sender, receiver) = sync_channel(2);
    scope.spawn(move || {
        let mut before_bytes = 0;
        for one in bundles {
            if let Err(Stop::Failed(source)) = send(&one, before_bytes, &sender) {
                // Nobody listens any more when the work has stopped on its own.
                let _ = sender.send(Err(Error::Bundle { seq: one.seq, source }));
                return;
            }
            before_bytes += one.size_bytes;
        }
    });
    receiver
}

/// Why reading ended early.
enum Stop {
    Failed(bundle::Error),
    NobodyListens,
}

impl From<bundle::Error> for Stop {
    fn from(error: bundle::Error) -> Self {
        Stop::Failed(error)
    }
}

fn send(
    source: &Source<'_>,
    before_bytes: u64,
    sender: &SyncSender<Result<Batch, Error>>,
) -> Result<(), Stop> {
    const CHANGES_MAX: usize = 1000;
    const SIZE_BYTES: usize = 2 << 20;
    let Source { seq, size_bytes: file_bytes, open } = *source;
    let mut reader = open()?;
    let ahead_micros = ahead_micros(reader.head());
    let mut batch: Option<Batch> = None;
    let mut size_bytes = 0;
    let pass_on = |batch: Batch| {
        if batch.changes.is_empty() {
            return Ok(());
        }
        sender.send(Ok(batch)).map_err(|_| Stop::NobodyListens)
    };
    while let Some(event) = reader.next()? {
        let (read, whole) = reader.read_bytes();
        let read_bytes = before_bytes + share_of(file_bytes, read, whole);
        match event {
            Event::Table(shape) => {
                if let Some(full) = batch.replace(Batch { seq, shape, changes: Vec::new(), read_bytes }) {
                    pass_on(full)?;
                }
                size_bytes = 0;
            }
            Event::Change(change) => {
                let Some(open) = &mut batch else {
                    continue;
                };
                // From here on all times are by the centre's clock.
                let time = change.time().corrected(ahead_micros);
                let change = change.at(time);
                size_bytes += change.size_bytes();
                open.read_bytes = read_bytes;
                open.changes.push(change);
                if open.changes.len() >= CHANGES_MAX || size_bytes >= SIZE_BYTES {
                    let changes = std::mem::take(&mut open.changes);
                    pass_on(Batch { seq, shape: open.shape.clone(), changes, read_bytes })?;
                    size_bytes = 0;
                }
            }
        }
    }
    batch.map_or(Ok(()), pass_on)
}

/// How far the clock that made a bundle's times was ahead of the centre's; 0 where nobody knows.
pub(super) fn ahead_micros(head: &PayloadHead) -> i64 {
    head.clock_offset_ms.unwrap_or(0).saturating_mul(1000)
}

/// The part of a file that belongs to `read` of the `whole` content in it.
fn share_of(file_bytes: u64, read: u64, whole: u64) -> u64 {
    let share = u128::from(file_bytes) * u128::from(read) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX).min(file_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_file_goes_from_nothing_to_all_of_it() {
        assert_eq!(
            [share_of(1000, 0, 400), share_of(1000, 100, 400), share_of(1000, 400, 400)],
            [0, 250, 1000]
        );
        assert_eq!(share_of(1000, 7, 0), 1000);
        assert_eq!(share_of(u64::MAX, u64::MAX, 1), u64::MAX);
    }
}
