//! The line between reading the changes and sealing them: two threads, so that compressing and encrypting go on
//! while the server reads.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::capture::Captured;
use crate::engine::error::Error;
use crate::engine::outbox::OutboxFolder;
use crate::model::{Change, Site, TableShape};
use crate::seal::{Sealed, Sealer};

/// What the reading thread hands to the sealing one: compressing and encrypting go on while the server reads.
enum Message {
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
    fn new(sender: SyncSender<Message>) -> Self {
        Feed { sender, shape: None, changes: Vec::new(), size_bytes: 0 }
    }

    /// Takes what `site` is to hear of.
    pub(super) fn take_for(&mut self, captured: Captured<'_>, site: &Site) -> Result<(), Error> {
        match &captured {
            Captured::Change(_, audience) if !audience.includes(site) => Ok(()),
            Captured::Change(..) | Captured::Table(_) => self.take(captured),
        }
    }

    pub(super) fn take(&mut self, captured: Captured<'_>) -> Result<(), Error> {
        const CHANGES_MAX: usize = 1000;
        const SIZE_BYTES: usize = 1 << 20;
        match captured {
            Captured::Table(shape) => {
                self.flush()?;
                self.shape = Some(shape.clone());
            }
            Captured::Change(change, _) => {
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

    fn end(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.send(Message::End)
    }

    fn send(&self, message: Message) -> Result<(), Error> {
        let stopped = |_| crate::seal::Error::Outbox(std::io::ErrorKind::BrokenPipe.into());
        Ok(self.sender.send(message).map_err(stopped)?)
    }
}

/// Seals what `produce` feeds, on a thread of its own. What comes first, an error of either side, is the outcome.
pub(super) fn seal_stream(
    sealer: Sealer<'_, OutboxFolder<'_>>,
    produce: &mut dyn FnMut(&mut Feed) -> Result<(), Error>,
) -> Result<Vec<Sealed>, Error> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(BATCHES_AHEAD);
        let sealing = scope.spawn(move || seal_all(sealer, &receiver));
        let mut feed = Feed::new(sender);
        let fed = produce(&mut feed).and_then(|()| feed.end());
        drop(feed);
        // The sealer's own error says why nobody took what was read.
        let sealed = sealing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (sealed, fed) {
            (Err(error), _) => Err(Error::from(error)),
            (Ok(_), Err(error)) => Err(error),
            (Ok(sealed), Ok(())) => Ok(sealed),
        }
    })
}

/// Seals what comes, until its end.
fn seal_all(
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
const BATCHES_AHEAD: usize = 2;
