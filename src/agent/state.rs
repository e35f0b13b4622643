//! What the agent does, for whoever asks: a small file beside the keys, written anew at each turn.
//!
//! A lock on another file tells whether the agent is alive; a file that a dead one left behind says nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// What the agent does and will do next. Times are UTC, such as `2026-11-08T16:40:00.123456Z`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentState {
    /// Its process.
    pub pid: u32,
    /// Since when it runs.
    pub since: String,
    /// Whether an exchange is under way.
    pub at_work: bool,
    /// When the last exchange ended well.
    pub last_done: Option<String>,
    /// When the next one is due, if nothing happens before.
    pub next: Option<String>,
    /// Whether the centre could not be reached the last time.
    pub is_away: bool,
    /// What stood in the way the last time, in words; `None` where nothing did.
    pub trouble: Option<String>,
}

/// The right to be the one agent of a site; it ends with the process, whatever way it ends.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    _lock: File,
}

impl Place {
    /// Takes the place. `None`: another agent has it.
    pub(super) fn take(state: &Path) -> io::Result<Option<Place>> {
        let lock = open_lock(state)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Place { path: state.join(FILE), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Tells what the agent does now. A power cut leaves the old words or the new ones.
    pub(super) fn tell(&self, state: &AgentState) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(state)?)?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// What the agent of the site with this state folder does. `None`: none is running.
pub fn agent_state(state: &Path) -> Option<AgentState> {
    match open_lock(state).ok()?.try_lock() {
        Err(TryLockError::WouldBlock) => {}
        Ok(()) | Err(TryLockError::Error(_)) => return None,
    }
    // Between lock and first words there is nothing to read; then it runs all the same.
    let words = fs::read(state.join(FILE)).ok();
    Some(words.and_then(|words| serde_json::from_slice(&words).ok()).unwrap_or_default())
}

const FILE: &str = "agent.json";

fn open_lock(state: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(state.join("agent.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_agent_and_what_it_tells_is_known_while_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(agent_state(folder.path()), None);
        let place = Place::take(folder.path()).unwrap().unwrap();
        assert_eq!(agent_state(folder.path()), Some(AgentState::default()));
        let told = AgentState { pid: 7, trouble: Some("the line broke".to_owned()), ..AgentState::default() };
        place.tell(&told).unwrap();
        assert_eq!(agent_state(folder.path()), Some(told));
        assert!(Place::take(folder.path()).unwrap().is_none());
        drop(place);
        assert_eq!(agent_state(folder.path()), None);
        assert!(Place::take(folder.path()).unwrap().is_some());
    }
}
