//! What every command has at hand: its flags, the way to speak and ask, and the settings.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::args::Global;
use crate::cli::ask::Ask;
use crate::cli::command_args::UrlArg;
use crate::cli::out::Output;
use crate::cli::progress::Progress;
use crate::config::{
    Database, DatabaseUrl, KeyFolder, KeyLock, Passphrase, Password, Settings, find, read_passphrase,
};
use crate::report::{Exit, Report};

/// Shorter ones are found by trying.
const PASSPHRASE_CHARS_MIN: usize = 12;

/// What every command has at hand.
#[derive(Debug)]
pub struct Context {
    /// The flags that every command takes.
    pub flags: Global,
    /// Where words go.
    pub out: Output,
    /// Whether anybody can be asked.
    pub ask: Ask,
}

impl Context {
    /// Makes of the flags what commands need.
    pub fn new(flags: Global) -> Self {
        let out = Output::new(&flags);
        let ask = Ask::new(flags.no_input);
        Context { flags, out, ask }
    }

    /// The settings file that these flags mean.
    pub fn settings_path(&self) -> Result<PathBuf, Report> {
        Ok(find(self.flags.config.as_deref())?)
    }

    /// Reads the settings. Asks for no password yet: many commands need none.
    pub fn settings(&self) -> Result<Settings, Report> {
        Ok(Settings::open(&self.settings_path()?)?)
    }

    /// Reads the settings for a command that uses the keys, and asks for their passphrase where nothing else says it.
    pub fn settings_with_keys(&self) -> Result<Settings, Report> {
        let mut settings = self.settings()?;
        if self.ask == Ask::Person && self.key_folder(&settings).is_locked() && !settings.keys.knows() {
            let passphrase = self.ask.password(&format!("Passphrase of the keys of {}", settings.site))?;
            settings.keys = KeyLock::new(Passphrase::Given(passphrase));
        }
        Ok(settings)
    }

    /// A passphrase that is to be used from now on: out of a file, or typed twice.
    pub fn new_passphrase(&self, file: Option<&Path>) -> Result<Zeroizing<String>, Report> {
        let passphrase = match file {
            Some(path) => read_passphrase(path)?,
            None => {
                let typed = self.ask.password("New passphrase")?;
                if self.ask.password("The same again")?.expose() != typed.expose() {
                    return Err(Report::new(Exit::Question, "these are two different passphrases")
                        .because("nothing was changed"));
                }
                Zeroizing::new(typed.expose().to_owned())
            }
        };
        if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
            let what = format!("a passphrase has at least {PASSPHRASE_CHARS_MIN} characters");
            return Err(
                Report::new(Exit::WrongUse, what).hint("four or more words that belong to no sentence")
            );
        }
        Ok(passphrase)
    }

    /// Reads the settings for a command that signs in, and asks for the password where `--ask-pass` says so.
    pub fn settings_to_sign_in(&self) -> Result<Settings, Report> {
        let mut settings = self.settings_with_keys()?;
        if self.flags.ask_pass {
            settings.database.password = self.ask_password(&settings.database)?;
        }
        Ok(settings)
    }

    /// The database that `init` was told, with the password that `--ask-pass` asks for.
    pub fn database_to_set_up(&self, address: &UrlArg) -> Result<DatabaseUrl, Report> {
        let mut database = address.read()?;
        if self.flags.ask_pass {
            let question = format!("Password for {}", database.without_password());
            database.password = Some(self.ask.password(&question)?);
        }
        Ok(database)
    }

    /// The key folder that belongs to the settings.
    pub fn key_folder(&self, settings: &Settings) -> KeyFolder {
        KeyFolder::new(&settings.state)
    }

    /// How this command shows that it is at work.
    pub fn progress(&self) -> Result<Progress, Report> {
        Progress::new(&self.flags)
    }

    fn ask_password(&self, database: &Database) -> Result<Password, Report> {
        let question = format!("Password of '{}' at {}", database.user, database.place());
        self.ask.password(&question).map(Password::Given)
    }
}
