//! The commands, the flags that all of them take, and the help that goes with them.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::cli::command_args::{
    ConfigCommand, DemoArgs, EnrolArgs, ExportArgs, FileArgs, HistoryArgs, ImportArgs, InitArgs, JoinArgs,
    KeysArgs, LineArgs, MailArgs, RecoverArgs, SitesArgs, StatusArgs, TablesArgs,
};
use crate::cli::conflict_args::ConflictsArgs;
use crate::cli::console_args::ServeArgs;
use crate::cli::progress::ProgressKind;
use crate::cli::user_args::UsersArgs;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "packmule", version, about = ABOUT, help_template = HELP, disable_help_subcommand = true)]
pub struct Args {
    /// The flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The flags that every command takes.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Flags everywhere")]
pub struct Global {
    /// The settings file [/etc/packmule/packmule.toml or your own config folder]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print one JSON object instead of lines
    #[arg(long, global = true)]
    pub json: bool,
    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Show work as auto, bar, plain, json or none
    #[arg(long, global = true, value_name = "HOW", value_enum, default_value_t = ProgressKind::Auto, hide_default_value = true, hide_possible_values = true)]
    pub progress: ProgressKind,
    /// Never ask; stop with exit code 18 where a question would come
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Ask for the database password
    #[arg(long, global = true)]
    pub ask_pass: bool,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Say whether everything has arrived, and what to do next
    Status(StatusArgs),
    /// Put this site's new changes on a stick or into a folder
    Export(ExportArgs),
    /// Take in the changes on a stick or in a folder
    Import(ImportArgs),
    /// Send this site's new changes through the centre's database
    Push(MailArgs),
    /// Fetch and take in what waits in the centre's database
    Pull(MailArgs),
    /// Pull, then push
    Sync(MailArgs),
    /// Exchange by itself whenever that is possible, until it is told to stop
    Run(LineArgs),
    /// Set this site up: settings, keys, triggers
    Init(InitArgs),
    /// At the centre: let a lab take part, from its card
    #[command(alias = "enroll")]
    Enrol(EnrolArgs),
    /// At a lab: take in the centre's answer card
    Join(JoinArgs),
    /// At a lab: go on after the database was put back from a backup
    Recover(RecoverArgs),
    /// List, add, remove or check the tables that are synced
    Tables(TablesArgs),
    /// Look for what is wrong or will go wrong
    Doctor,
    /// At the centre: list the labs, suspend, resume or revoke one, or send it all rows anew
    Sites(SitesArgs),
    /// At the centre: what two people changed at once: list, show, approve, reject, merge, reopen, export
    Conflicts(ConflictsArgs),
    /// At the centre: who may sign in to the web console: list, add, remove, give another password or role
    Users(UsersArgs),
    /// At the centre: show the labs, bundles and conflicts as pages in a web browser
    Serve(ServeArgs),
    /// Show what a bundle says about itself, without opening it
    Inspect(FileArgs),
    /// Check a bundle from the first byte to the last, and change nothing
    Verify(FileArgs),
    /// List the bundles that were sent and received
    History(HistoryArgs),
    /// Show this site's keys and their six words, replace, back up or restore them
    Keys(KeysArgs),
    /// Show the settings
    Config {
        /// What to do with them.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Show a centre and its labs exchanging changes, on servers of its own
    Demo(DemoArgs),
}

const ABOUT: &str = "Carries database changes between labs that are often offline and a central office.";

/// The commands in the groups in which people look for them, instead of one long list.
const HELP: &str = "{about}

{usage-heading} {usage}

Everyday:
  status      say whether everything has arrived, and what to do next
  export      put this site's new changes on a stick or into a folder
  import      take in the changes on a stick or in a folder
  push        send this site's new changes through the centre's database
  pull        fetch and take in what waits in the centre's database
  sync        pull, then push

Set up:
  init        set this site up: settings, keys, triggers
  enrol       at the centre: let a lab take part, from its card
  join        at a lab: take in the centre's answer card
  tables      list, add, remove or check the tables that are synced
  recover     go on after the database was put back from a backup
  doctor      look for what is wrong or will go wrong
  run         exchange by itself whenever that is possible; for a service

At the centre:
  sites       list the labs; suspend, resume or revoke one, or send it all rows anew
  conflicts   look at what two people changed at once, and decide it
  users       list who may sign in to the web console; add, remove or change one
  serve       show all this as pages in a web browser

Look inside:
  inspect     show what a bundle says about itself, without opening it
  verify      check a bundle from the first byte to the last
  history     list the bundles that were sent and received
  keys        show this site's keys and their six words; rotate, protect, back up, restore
  config      show the settings and where each came from
  demo        show a centre and its labs exchanging changes

{options}

`packmule COMMAND --help` says more. Running the same command again is always safe.
";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Args {
        Args::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn the_commands_of_the_quick_start_are_understood() {
        for line in [
            "packmule -c central.toml init --role central --site central --database mysql://p@localhost/d --tables all",
            "packmule -c central.toml init --role central --site central --database mysql://p@localhost/d --tables a,b,c",
            "packmule -c lab-a.toml init --role lab --site lab-a --database mysql://p@localhost/d --card lab-a.card --adopt",
            "packmule -c central.toml enrol lab-a.card --answer lab-a.answer --yes",
            "packmule -c central.toml enroll lab-a.card",
            "packmule -c lab-a.toml join lab-a.answer --yes",
            "packmule -c lab-a.toml export DIR --json",
            "packmule -c central.toml import DIR -n",
            "packmule import --yes --max-delete 90",
            "packmule --progress plain --no-input --ask-pass -q export",
            "packmule push",
            "packmule pull --dry-run --json",
            "packmule sync --limit-rate 50KiB --timeout 1m",
            "packmule status --check",
            "packmule tables",
            "packmule tables add inventory items",
            "packmule config show --json",
            "packmule sites",
            "packmule sites list --json",
            "packmule sites revoke lab-a --yes",
            "packmule sites resend lab-a -n",
            "packmule conflicts",
            "packmule conflicts list --site lab-a --table items --kind unique --status all --after 50",
            "packmule conflicts show 12",
            "packmule conflicts approve 12 --row 5c1e9a07",
            "packmule conflicts approve 3 5-9 --by grace -m checked",
            "packmule conflicts reject all --table items --yes -n",
            "packmule conflicts merge 12 --lab note shelf --set quantity=7 name= --null photo",
            "packmule conflicts reopen 12",
            "packmule conflicts export --format csv --to conflicts.csv",
            "packmule users",
            "packmule users add grace --role reviewer --password-file grace.txt",
            "packmule users password grace",
            "packmule users role grace admin",
            "packmule users remove grace@ku.ac.ke --json",
            "packmule serve",
            "packmule serve --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem",
            "packmule serve --behind-proxy https://packmule.example.ac.ke --metrics-token-file token.txt",
        ] {
            parse(line);
        }
        assert_eq!(parse("packmule import a b --config x").global.config, Some(PathBuf::from("x")));
    }

    #[test]
    fn the_definition_is_consistent_and_the_help_names_every_command() {
        Args::command().debug_assert();
        let help = Args::command().render_help().to_string();
        for command in Args::command().get_subcommands() {
            assert!(help.contains(&format!("\n  {:10}  ", command.get_name())), "{}", command.get_name());
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }

    #[test]
    fn a_password_on_the_command_line_is_shown_nowhere() {
        let line = "packmule init --role lab --site lab-a --database mysql://p:hunter2@h:x/d";
        let args = parse(line);
        let Command::Init(init) = &args.command else { panic!("not init") };
        let report = init.database.read().unwrap_err();
        assert!(!format!("{args:?} {} {}", report.to_text(), report.to_json()).contains("hunter2"));
    }
}
