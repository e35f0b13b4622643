//! The line between reading the changes and sealing them: two threads, so that compressing and encrypting go on
//! while the server reads.

use std::sync::mpsc::{Receiver, SyncSender};

use crate::capture::Captured;
use crate::engine::error::Error;
use crate::engine::outbox::OutboxFolder;
use crate::model::{Change, TableShape};
use crate::seal::{Sealed, Sealer};

/// What the reading thread hands to the sealing one: compressing and encrypting go on while the server reads.
pub(super) enum Message {
    Table(TableShape),
    Changes(Vec<Change>),
    /// Everything was read. A channel that ends without it is a reading that failed: nothing may be finished.
    End,
}

/// Collects changes into messages that are worth sending.
pub(super) struct Feed {
    sender: SyncSender<Message>,
    shape: Option<TableShape>,
    changes: Vec<Change>,
    size_bytes: usize,
}

impl Feed {
    pub(super) fn new(sender: SyncSender<Message>) -> Self {
        Feed { sender, shape: None, changes: Vec::new(), size_bytes: 0 }
    }

    pub(super) fn take(&mut self, captured: Captured<'_>) -> Result<(), Error> {
        const CHANGES_MAX: usize = 1000;
        const SIZE_BYTES: usize = 1 << 20;
        match captured {
            Captured::Table(shape) => {
                self.flush()?;
                self.shape = Some(shape.clone());
            }
            Captured::Change(change) => {
                self.size_bytes += change.size_bytes();
                self.changes.push(change);
                if self.changes.len() >= CHANGES_MAX || self.size_bytes >= SIZE_BYTES {
                    self.flush()?;
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.changes.is_empty() {
            return Ok(());
        }
        if let Some(shape) = self.shape.take() {
            self.send(Message::Table(shape))?;
        }
        self.size_bytes = 0;
        let changes = std::mem::take(&mut self.changes);
        self.send(Message::Changes(changes))
    }

    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.send(Message::End)
    }

    fn send(&self, message: Message) -> Result<(), Error> {
        let stopped = |_| crate::seal::Error::Outbox(std::io::ErrorKind::BrokenPipe.into());
        Ok(self.sender.send(message).map_err(stopped)?)
    }
}

/// Seals what comes, until its end.
pub(super) fn seal_all(
    mut sealer: Sealer<'_, OutboxFolder<'_>>,
    receiver: &Receiver<Message>,
) -> Result<Vec<Sealed>, crate::seal::Error> {
    for message in receiver {
        match message {
            Message::Table(shape) => sealer.table(&shape),
            Message::Changes(changes) => {
                for change in &changes {
                    sealer.change(change)?;
                }
            }
            Message::End => return sealer.finish(),
        }
    }
    Ok(Vec::new())
}

/// How many messages may wait for the sealer: they bound the memory.
pub(super) const BATCHES_AHEAD: usize = 2;
