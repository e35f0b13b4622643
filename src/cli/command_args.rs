//! The flags of each command.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use zeroize::Zeroizing;

use crate::config::{DatabaseUrl, Tables, parse_duration, parse_rate};
use crate::model::{Role, Site, TableName};
use crate::report::{Exit, Report};

/// What to do with the settings.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Print every value and where it came from
    Show,
}

/// The flag of every command that changes something.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct DryRun {
    /// Show what would happen, and change nothing
    #[arg(short = 'n', long = "dry-run")]
    pub dry_run: bool,
}

/// `packmule status`
#[derive(Debug, Clone, ClapArgs)]
pub struct StatusArgs {
    /// End with exit code 3 when something waits for a person
    #[arg(long)]
    pub check: bool,
}

/// `packmule export`
#[derive(Debug, Clone, ClapArgs)]
pub struct ExportArgs {
    /// The stick or folder [the stick that is plugged in]
    pub dir: Option<PathBuf>,
    /// At the centre: only what waits for these labs
    #[arg(long, value_name = "LAB", num_args = 1..)]
    pub to: Vec<Site>,
    /// Remove from the stick what the other side has confirmed
    #[arg(long)]
    pub clean: bool,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule import`
#[derive(Debug, Clone, ClapArgs)]
pub struct ImportArgs {
    /// A stick or folder, or bundle files [the stick that is plugged in]
    #[arg(value_name = "DIR|FILE")]
    pub from: Vec<PathBuf>,
    /// Write no receipts and changes back to the stick
    #[arg(long)]
    pub no_reply: bool,
    /// Remove from the stick what the other side has confirmed
    #[arg(long)]
    pub clean: bool,
    /// End with exit code 3 when a conflict or a bundle waits for a person
    #[arg(long)]
    pub strict: bool,
    /// Allow a bundle to delete this part of a table
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub max_delete: u8,
    /// Leave out a table or column that was dropped here on purpose; its values are kept in conflict_log
    #[arg(long, value_name = "TABLE[.COLUMN]")]
    pub without: Vec<String>,
    /// Answer every question with yes
    #[arg(long)]
    pub yes: bool,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule push`, `packmule pull` and `packmule sync`
#[derive(Debug, Clone, ClapArgs)]
pub struct MailArgs {
    /// How the line is used.
    #[command(flatten)]
    pub line: LineArgs,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// The flags of every command that uses the line to the centre.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct LineArgs {
    /// Send and fetch no more than this a second, such as 50KiB [limit_rate in the settings]
    #[arg(long, value_name = "SIZE", value_parser = rate)]
    pub limit_rate: Option<u64>,
    /// Give the line up when the centre is silent for so long
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,
}

fn rate(text: &str) -> Result<u64, &'static str> {
    parse_rate(text).ok_or("write it as 50KiB or 1MiB")
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("write it as 30s, 5m or 1h")
}

/// `packmule recover`
#[derive(Debug, Clone, ClapArgs)]
pub struct RecoverArgs {
    /// Where to write the new card for the centre [NAME.card]
    #[arg(long, value_name = "FILE")]
    pub card: Option<PathBuf>,
    /// Answer every question with yes
    #[arg(long)]
    pub yes: bool,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule keys`
#[derive(Debug, Clone, ClapArgs)]
pub struct KeysArgs {
    /// What to do; show, when left out
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
}

/// What to do with the keys.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// Print the public keys and their six words
    Show,
    /// Make new keys; the other sites hear of them in the next bundle
    Rotate(RotateArgs),
    /// Put the secret keys behind a passphrase, or behind another one
    Protect(PassphraseArgs),
    /// Take the passphrase away
    Unprotect,
    /// Write all keys and the settings to one file behind a passphrase
    Backup(BackupArgs),
    /// Put the keys of such a file back, on a computer that has none
    Restore(BackupArgs),
    /// At the centre: say that the database is the newest, after its keys were put back
    Restored(RestoredArgs),
}

/// Where the passphrase comes from.
#[derive(Debug, Clone, ClapArgs)]
pub struct PassphraseArgs {
    /// Read the passphrase from the first line of this file instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `packmule keys restored`
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct RestoredArgs {
    /// Answer every question with yes
    #[arg(long)]
    pub yes: bool,
}

/// `packmule keys backup` and `packmule keys restore`
#[derive(Debug, Clone, ClapArgs)]
pub struct BackupArgs {
    /// The file
    pub file: PathBuf,
    /// Its passphrase.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}

/// `packmule keys rotate`
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct RotateArgs {
    /// Answer every question with yes
    #[arg(long)]
    pub yes: bool,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule init`
#[derive(Debug, Clone, ClapArgs)]
pub struct InitArgs {
    /// What this site is for: lab or central
    #[arg(long)]
    pub role: Role,
    /// This site's name: 1 to 20 of a-z, 0-9 and -
    #[arg(long, value_name = "NAME")]
    pub site: Site,
    /// The database, as mysql://USER@HOST:PORT/NAME, or with ?socket=PATH at the end
    #[arg(long, value_name = "URL")]
    pub database: UrlArg,
    /// At the centre: the tables to sync, all or a,b,c
    #[arg(long)]
    pub tables: Option<Tables>,
    /// At a lab: where to write the card for the centre [NAME.card]
    #[arg(long, value_name = "FILE")]
    pub card: Option<PathBuf>,
    /// Send the rows that are already there, too
    #[arg(long)]
    pub adopt: bool,
    /// Leave the server's auto_increment settings alone
    #[arg(long)]
    pub no_series: bool,
    /// The folder for keys, outbox and inbox [beside the settings file]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// An administrator's sign-in, once, to make packmule's own account: a my.cnf whose client section has user and password
    #[arg(long, value_name = "FILE")]
    pub admin_defaults_file: Option<PathBuf>,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule enrol`
#[derive(Debug, Clone, ClapArgs)]
pub struct EnrolArgs {
    /// The lab's card
    pub card: PathBuf,
    /// Where to write the answer for the lab [LAB.answer]
    #[arg(long, value_name = "FILE")]
    pub answer: Option<PathBuf>,
    /// The six words were compared and agree
    #[arg(long)]
    pub yes: bool,
    /// From where the lab's account may sign in here: a name, an address, or a pattern
    #[arg(long, value_name = "HOST", default_value = "%", value_parser = host)]
    pub host: String,
    /// An administrator's sign-in, to make the lab's account: a my.cnf whose client section has user and password
    #[arg(long, value_name = "FILE")]
    pub admin_defaults_file: Option<PathBuf>,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule join`
#[derive(Debug, Clone, ClapArgs)]
pub struct JoinArgs {
    /// The centre's answer card
    pub answer: PathBuf,
    /// The six words were compared and agree, and keys may be moved
    #[arg(long)]
    pub yes: bool,
    /// Send the rows that are already there, too
    #[arg(long)]
    pub adopt: bool,
    /// Before that, move their keys into this lab's own series, with all that points to them
    #[arg(long, requires = "adopt")]
    pub rekey: bool,
    /// Leave the server's auto_increment settings alone
    #[arg(long)]
    pub no_series: bool,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule tables`
#[derive(Debug, Clone, ClapArgs)]
pub struct TablesArgs {
    /// What to do; list, when left out
    #[command(subcommand)]
    pub command: Option<TablesCommand>,
}

/// What to do with the tables.
#[derive(Debug, Clone, Subcommand)]
pub enum TablesCommand {
    /// List the tables that are synced, and those that cannot be
    List,
    /// Sync more tables
    Add(TableNames),
    /// Sync these tables no more; their rows stay
    Remove(TableNames),
    /// Compare the triggers and columns with what they should be
    Check,
}

/// The tables that a command is about.
#[derive(Debug, Clone, ClapArgs)]
pub struct TableNames {
    /// The tables
    #[arg(required = true, value_name = "TABLE", value_parser = table_name)]
    pub tables: Vec<TableName>,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule inspect` and `packmule verify`
#[derive(Debug, Clone, ClapArgs)]
pub struct FileArgs {
    /// The bundle
    pub file: PathBuf,
}

/// `packmule sites`
#[derive(Debug, Clone, ClapArgs)]
pub struct SitesArgs {
    /// What to do; list, when left out
    #[command(subcommand)]
    pub command: Option<SitesCommand>,
}

/// What to do with the labs.
#[derive(Debug, Clone, Subcommand)]
pub enum SitesCommand {
    /// List the labs: what has come from each, and what waits for it
    List,
    /// Show one lab in full, with its six words and keys
    Show {
        /// The lab
        #[arg(value_name = "LAB")]
        site: Site,
    },
    /// Let a lab take no part for a while: its bundles wait, and nothing is sealed for it
    Suspend(SiteArg),
    /// Let a suspended lab take part again; it is given all rows anew
    Resume(SiteArg),
    /// Believe a lab's keys no more, for good: its computer was stolen
    Revoke {
        /// Which lab.
        #[command(flatten)]
        site: SiteArg,
        /// Answer the question with yes
        #[arg(long)]
        yes: bool,
    },
    /// Give a lab all rows anew: it is too far behind, was put back, or distrusts its rows
    Resend(SiteArg),
}

/// One lab, and whether to change nothing.
#[derive(Debug, Clone, ClapArgs)]
pub struct SiteArg {
    /// The lab
    #[arg(value_name = "LAB")]
    pub site: Site,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule history`
#[derive(Debug, Clone, ClapArgs)]
pub struct HistoryArgs {
    /// Only bundles from or for this site
    #[arg(long)]
    pub site: Option<Site>,
    /// How many, the newest first
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub limit: u32,
}

/// `packmule demo`
#[derive(Debug, Clone, ClapArgs)]
pub struct DemoArgs {
    /// The server program, MariaDB's or MySQL's [the first one found]
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,
    /// Where to leave the bundles: a folder that is not there yet [one among the temporary folders]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Leaves the centre with labs, gaps and conflicts, and serves its console until Ctrl-C
    #[arg(long)]
    pub console: bool,
    /// Where the console listens on this computer [a port that is free]
    #[arg(long, value_name = "N", requires = "console")]
    pub port: Option<u16>,
}

/// A database address as it was typed. It may hold a password, so nothing shows it, not even a wrong one.
#[derive(Clone)]
pub struct UrlArg(Zeroizing<String>);

impl UrlArg {
    /// Reads the address; a mistake in it is explained without quoting it.
    pub fn read(&self) -> Result<DatabaseUrl, Report> {
        self.0.parse::<DatabaseUrl>().map_err(|error| {
            Report::new(Exit::WrongUse, "--database is not a database address")
                .because(error.to_string())
                .hint("write mysql://USER@HOST:PORT/NAME, and a special character as % and two digits: %40 for @")
        })
    }
}

impl From<&str> for UrlArg {
    fn from(text: &str) -> Self {
        UrlArg(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for UrlArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

/// A host as an account names it; what is anything else would only be found out by the lab.
fn host(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%/".contains(&byte);
    match !text.is_empty() && text.len() <= 60 && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("it is no host: write a name, an address, or a pattern such as 10.1.% or %".to_owned()),
    }
}

fn table_name(text: &str) -> Result<TableName, std::convert::Infallible> {
    Ok(TableName::new(text))
}
