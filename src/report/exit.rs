//! The exit codes. Scripts rely on them: a number is never given a second meaning.

use std::process::ExitCode;

/// How a command ended, as a script sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done; conflicts that were queued are normal work.
    Done = 0,
    /// Failed in a way that has no number of its own.
    Failed = 1,
    /// The command line cannot be understood.
    WrongUse = 2,
    /// Something waits for a person (`status --check`, `import --strict`).
    Waits = 3,
    /// The settings cannot be used.
    Settings = 10,
    /// Another packmule is at work here.
    Busy = 11,
    /// The database cannot be used.
    Database = 12,
    /// The stick cannot be used.
    Stick = 13,
    /// A bundle was refused.
    Refused = 14,
    /// A bundle before this one is missing.
    Missing = 15,
    /// Tables differ between the sites.
    TablesDiffer = 16,
    /// The centre cannot be reached; everything is kept and tried again.
    Unreachable = 17,
    /// A question needs an answer, and nobody can be asked.
    Question = 18,
    /// A key or card cannot be used.
    Key = 19,
    /// `doctor` found a failing check.
    Doctor = 20,
    /// Ended by a person; nothing is half done.
    Cancelled = 130,
    /// Ended by the system; nothing is half done.
    Terminated = 143,
}

impl Exit {
    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.number())
    }
}
