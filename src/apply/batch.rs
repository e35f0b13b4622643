//! Reads bundles on a thread of its own, so that decrypting and writing go on at the same time.

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use crate::apply::error::Error;
use crate::bundle::{self, Event, PayloadReader};
use crate::model::{Change, Seq, TableShape};

/// Changes of one table that are decided and written together.
pub(super) struct Batch {
    pub(super) seq: Seq,
    pub(super) shape: TableShape,
    pub(super) changes: Vec<Change>,
}

/// Opens a bundle's content from its start, each time it is called.
pub(super) type Open<'a> = dyn Fn() -> Result<PayloadReader<Box<dyn Read + Send>>, bundle::Error> + Sync + 'a;

/// Starts to read `bundles`, one after the other. The last message of a good reading is the end of the channel.
pub(super) fn read<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    bundles: Vec<(Seq, &'env Open<'env>)>,
) -> Receiver<Result<Batch, Error>> {
    // Two batches ahead: memory is bounded by them.
    let (sender, receiver) = sync_channel(2);
    scope.spawn(move || {
        for (seq, open) in bundles {
            if let Err(Stop::Failed(source)) = send(seq, open, &sender) {
                // Nobody listens any more when the work has stopped on its own.
                let _ = sender.send(Err(Error::Bundle { seq, source }));
                return;
            }
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

fn send(seq: Seq, open: &Open<'_>, sender: &SyncSender<Result<Batch, Error>>) -> Result<(), Stop> {
    const CHANGES_MAX: usize = 1000;
    const SIZE_BYTES: usize = 2 << 20;
    let mut reader = open()?;
    let mut batch: Option<Batch> = None;
    let mut size_bytes = 0;
    let pass_on = |batch: Batch| {
        if batch.changes.is_empty() {
            return Ok(());
        }
        sender.send(Ok(batch)).map_err(|_| Stop::NobodyListens)
    };
    while let Some(event) = reader.next()? {
        match event {
            Event::Table(shape) => {
                if let Some(full) = batch.replace(Batch { seq, shape, changes: Vec::new() }) {
                    pass_on(full)?;
                }
                size_bytes = 0;
            }
            Event::Change(change) => {
                let Some(open) = &mut batch else {
                    continue;
                };
                size_bytes += change.size_bytes();
                open.changes.push(change);
                if open.changes.len() >= CHANGES_MAX || size_bytes >= SIZE_BYTES {
                    let changes = std::mem::take(&mut open.changes);
                    pass_on(Batch { seq, shape: open.shape.clone(), changes })?;
                    size_bytes = 0;
                }
            }
        }
    }
    batch.map_or(Ok(()), pass_on)
}
