//! The command line: arguments in, words and an exit code out. The only place that speaks to people in a terminal.

mod args;
mod ask;
mod command_args;
pub mod commands;
mod conflict_args;
mod console_args;
mod context;
mod crash;
mod grid;
mod mail;
mod notices;
mod out;
mod person;
mod progress;
mod rekey;
mod sent;
mod series;
mod signals;
mod stick;
mod terminal;
mod usage;
mod user_args;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::report::{Exit, Report};

pub use args::{Args, Command, Global};
pub use ask::{Answer, Ask};
pub use command_args::{
    BackupArgs, ConfigCommand, DemoArgs, DryRun, EnrolArgs, ExportArgs, FileArgs, HistoryArgs, ImportArgs,
    InitArgs, JoinArgs, KeysArgs, KeysCommand, LineArgs, MailArgs, PassphraseArgs, RecoverArgs, RestoredArgs,
    RotateArgs, SiteArg, SitesArgs, SitesCommand, StatusArgs, TableNames, TablesArgs, TablesCommand, UrlArg,
};
pub use conflict_args::{
    ConflictsArgs, ConflictsCommand, ConflictsDecideArgs, ConflictsExportArgs, ConflictsFilter,
    ConflictsListArgs, ConflictsMergeArgs, ConflictsReopenArgs, ConflictsRetryArgs, ExportFormat, MannerArgs,
    StatusWord, Which,
};
pub use console_args::ServeArgs;
pub use context::Context;
pub use grid::Grid;
pub use out::Output;
pub use progress::{Progress, ProgressKind};
pub use user_args::{PasswordArgs, UsersArgs, UsersCommand};

/// Does what the arguments say, the program's name first, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => return usage::explain(&error, &arguments),
    };
    let context = Context::new(args.global);
    match dispatch(&args.command, &context) {
        Ok(exit) => exit.into(),
        Err(report) => {
            context.out.report(&report);
            report.code.into()
        }
    }
}

fn dispatch(command: &Command, context: &Context) -> Result<Exit, Report> {
    match command {
        Command::Config { command: ConfigCommand::Show } => commands::config_show::run(context),
        Command::Keys(args) => commands::keys::run(args, context),
        Command::Init(args) => commands::init::run(args, context),
        Command::Enrol(args) => commands::enrol::run(args, context),
        Command::Join(args) => commands::join::run(args, context),
        Command::Recover(args) => commands::recover::run(args, context),
        Command::Tables(args) => commands::tables::run(args, context),
        Command::Sites(args) => commands::sites::run(args, context),
        Command::Conflicts(args) => commands::conflicts::run(args, context),
        Command::Users(args) => commands::users::run(args, context),
        Command::Serve(args) => commands::serve::run(args, context),
        Command::Doctor => commands::doctor::run(context),
        Command::Status(args) => commands::status::run(args, context),
        Command::Export(args) => commands::export::run(args, context),
        Command::Import(args) => commands::import::run(args, context),
        Command::Push(args) => commands::push::run(args, context),
        Command::Pull(args) => commands::pull::run(args, context),
        Command::Sync(args) => commands::sync::run(args, context),
        Command::Run(args) => commands::run::run(*args, context),
        Command::Inspect(args) => commands::inspect::run(args, context),
        Command::Verify(args) => commands::verify::run(args, context),
        Command::History(args) => commands::history::run(args, context),
        Command::Demo(args) => commands::demo::run(args, context),
    }
}
