//! The flags of `packmule conflicts`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::cli::command_args::DryRun;
use crate::conflict::Kind;
use crate::engine::Fingerprint;
use crate::ledger::{LineFilter, Status};
use crate::model::{Site, TableName};

/// `packmule conflicts`
#[derive(Debug, Clone, ClapArgs)]
pub struct ConflictsArgs {
    /// What to do; list what waits, when left out
    #[command(subcommand)]
    pub command: Option<ConflictsCommand>,
}

/// What to do with conflicts.
#[derive(Debug, Clone, Subcommand)]
pub enum ConflictsCommand {
    /// List conflicts: those that wait, or those that the flags name
    List(ConflictsListArgs),
    /// Show all of one: its rows, what belongs to it, and what each decision would do
    Show {
        /// Its number
        #[arg(value_name = "ID")]
        id: u64,
    },
    /// Take what the lab wants
    Approve(ConflictsDecideArgs),
    /// Take what the centre wants
    Reject(ConflictsDecideArgs),
    /// Take the centre's row with some columns of the lab, or with other values
    Merge(ConflictsMergeArgs),
    /// Take a decision back, as long as no bundle carries it
    Reopen(ConflictsReopenArgs),
    /// Try again what waits because it did not fit: a missing parent, a value that another row has, a value that the table refused
    Retry(ConflictsRetryArgs),
    /// Write all of them, with all their rows, into a file
    Export(ConflictsExportArgs),
}

/// Which conflicts are meant, beside their numbers.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct ConflictsFilter {
    /// Only those of this lab
    #[arg(long, value_name = "LAB")]
    pub site: Option<Site>,
    /// Only those of this table
    #[arg(long, value_name = "TABLE", value_parser = table_name)]
    pub table: Option<TableName>,
    /// Only of this kind: changed, missing, exists, unique, orphan or value
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub kind: Option<Kind>,
    /// Those that are open, decided, or all
    #[arg(long, value_name = "open|decided|all", value_enum, hide_possible_values = true)]
    pub status: Option<StatusWord>,
}

/// Whether a conflict waits, as a flag says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusWord {
    /// It waits for a person.
    Open,
    /// A rule or a person has decided it.
    Decided,
    /// Whether it waits or not.
    All,
}

/// `packmule conflicts list`
#[derive(Debug, Clone, ClapArgs)]
pub struct ConflictsListArgs {
    /// Which.
    #[command(flatten)]
    pub filter: ConflictsFilter,
    /// Go on after this number
    #[arg(long, value_name = "ID", default_value_t = 0, hide_default_value = true)]
    pub after: u64,
    /// How many, the oldest first
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    pub limit: u32,
}

impl Default for ConflictsListArgs {
    fn default() -> Self {
        ConflictsListArgs { filter: ConflictsFilter::default(), after: 0, limit: 50 }
    }
}

/// `packmule conflicts approve` and `reject`
#[derive(Debug, Clone, ClapArgs)]
pub struct ConflictsDecideArgs {
    /// A number, a range such as 5-9, or all that wait
    #[arg(value_name = "ID|RANGE|all", required = true)]
    pub which: Vec<Which>,
    /// Which of them.
    #[command(flatten)]
    pub filter: ConflictsFilter,
    /// Decide on the row with this name, as `show` gives it
    #[arg(long, value_name = "NAME")]
    pub row: Option<Fingerprint>,
    /// Who decides, and how.
    #[command(flatten)]
    pub manner: MannerArgs,
}

/// `packmule conflicts merge`
#[derive(Debug, Clone, ClapArgs)]
pub struct ConflictsMergeArgs {
    /// Its number
    #[arg(value_name = "ID")]
    pub id: u64,
    /// Take these columns from the lab
    #[arg(long, value_name = "COLUMN", num_args = 1.., required_unless_present_any = ["set", "null"])]
    pub lab: Vec<String>,
    /// Give a column this value; bytes as 0x and hexadecimal digits
    #[arg(long, value_name = "COLUMN=VALUE", num_args = 1.., value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// Make a column NULL
    #[arg(long, value_name = "COLUMN", num_args = 1..)]
    pub null: Vec<String>,
    /// Decide on the row with this name, as `show` gives it
    #[arg(long, value_name = "NAME")]
    pub row: Option<Fingerprint>,
    /// Who decides, and how.
    #[command(flatten)]
    pub manner: MannerArgs,
}

/// `packmule conflicts reopen`
#[derive(Debug, Clone, ClapArgs)]
pub struct ConflictsReopenArgs {
    /// A number, a range such as 5-9, or all that a person has decided
    #[arg(value_name = "ID|RANGE|all", required = true)]
    pub which: Vec<Which>,
    /// Which of them.
    #[command(flatten)]
    pub filter: ConflictsFilter,
    /// Who decides, and how.
    #[command(flatten)]
    pub manner: MannerArgs,
}

/// Who decides, and how.
#[derive(Debug, Clone, ClapArgs)]
pub struct MannerArgs {
    /// A word on why, kept with the decision
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Who decides [the user of this computer]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Answer every question with yes
    #[arg(long)]
    pub yes: bool,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule conflicts retry`
#[derive(Debug, Clone, ClapArgs)]
pub struct ConflictsRetryArgs {
    /// Only those of this lab
    #[arg(long, value_name = "LAB")]
    pub site: Option<Site>,
    /// Only those of this table
    #[arg(long, value_name = "TABLE", value_parser = table_name)]
    pub table: Option<TableName>,
    /// Whether to change nothing.
    #[command(flatten)]
    pub run: DryRun,
}

/// `packmule conflicts export`
#[derive(Debug, Clone, ClapArgs)]
pub struct ConflictsExportArgs {
    /// csv, or json: one object a line
    #[arg(long, value_enum, hide_possible_values = true, value_name = "csv|json")]
    pub format: ExportFormat,
    /// The file, which must not be there yet; without one it goes to stdout
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Which.
    #[command(flatten)]
    pub filter: ConflictsFilter,
}

/// How conflicts are written into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

/// Some conflicts, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// One.
    One(u64),
    /// From one to another.
    Range(RangeInclusive<u64>),
    /// All that wait.
    All,
}

impl FromStr for Which {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const HOW: &str = "write a number, a range such as 5-9, or all";
        let number = |text: &str| text.parse::<u64>().map_err(|_| HOW);
        match (text, text.split_once('-')) {
            ("all", _) => Ok(Which::All),
            (_, None) => Ok(Which::One(number(text)?)),
            (_, Some((first, last))) => {
                let range = number(first)?..=number(last)?;
                if range.is_empty() { Err(HOW) } else { Ok(Which::Range(range)) }
            }
        }
    }
}

impl ConflictsFilter {
    /// The same for the engine; `usual` is the status that is meant where none is named.
    pub fn to_filter(&self, which: &[Which], usual: Option<Status>) -> LineFilter {
        let range = |one: &Which| match one {
            Which::One(id) => Some(*id..=*id),
            Which::Range(range) => Some(range.clone()),
            Which::All => None,
        };
        let ids: Option<Vec<RangeInclusive<u64>>> = which.iter().map(range).collect();
        LineFilter {
            site: self.site.clone(),
            table: self.table.clone(),
            kind: self.kind,
            status: match self.status {
                None => usual,
                Some(StatusWord::Open) => Some(Status::Open),
                Some(StatusWord::Decided) => Some(Status::Decided),
                Some(StatusWord::All) => None,
            },
            // Beside `all`, numbers say nothing.
            ids: ids.unwrap_or_default(),
            met_before: None,
        }
    }
}

fn table_name(text: &str) -> Result<TableName, std::convert::Infallible> {
    Ok(TableName::new(text))
}

fn kind(text: &str) -> Result<Kind, &'static str> {
    text.parse().map_err(|()| "it is changed, missing, exists, unique, orphan or value")
}

fn assignment(text: &str) -> Result<(String, String), &'static str> {
    let pair = text.split_once('=').ok_or("write it as COLUMN=VALUE")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ranges_and_all_are_told_apart() {
        assert_eq!("7".parse(), Ok(Which::One(7)));
        assert_eq!("5-9".parse(), Ok(Which::Range(5..=9)));
        assert_eq!("all".parse(), Ok(Which::All));
        for wrong in ["", "9-5", "-3", "5-", "every", "1,2"] {
            assert!(wrong.parse::<Which>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_named_narrows_and_all_does_not() {
        let filter = ConflictsFilter::default();
        let ids = |which: &[Which]| filter.to_filter(which, None).ids;
        assert_eq!(ids(&[Which::One(3), Which::Range(5..=9)]), [3..=3, 5..=9]);
        assert_eq!(ids(&[Which::One(3), Which::All]), []);
        let all = ConflictsFilter { status: Some(StatusWord::All), ..ConflictsFilter::default() };
        assert_eq!(all.to_filter(&[], Some(Status::Open)).status, None);
    }
}
