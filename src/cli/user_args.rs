//! The flags of `packmule users`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use crate::model::{UserName, UserRole};

/// `packmule users`
#[derive(Debug, Clone, ClapArgs)]
pub struct UsersArgs {
    /// What to do; list, when left out
    #[command(subcommand)]
    pub command: Option<UsersCommand>,
}

/// What to do with the users.
#[derive(Debug, Clone, Subcommand)]
pub enum UsersCommand {
    /// List those who may sign in
    List,
    /// Let somebody sign in
    Add {
        /// A name: 1 to 40 of a-z, 0-9, ., _, - and @
        #[arg(value_name = "NAME")]
        name: UserName,
        /// viewer looks, reviewer decides conflicts too, admin does everything
        #[arg(long)]
        role: UserRole,
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Give somebody another password; who is signed in with the old one is signed out
    Password {
        /// The user
        #[arg(value_name = "NAME")]
        name: UserName,
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Give somebody another role
    Role {
        /// The user
        #[arg(value_name = "NAME")]
        name: UserName,
        /// viewer, reviewer or admin
        #[arg(value_name = "ROLE")]
        role: UserRole,
    },
    /// Let somebody sign in no more
    Remove {
        /// The user
        #[arg(value_name = "NAME")]
        name: UserName,
    },
}

/// Where a password comes from. Never from the command line itself: others on the computer can read that.
#[derive(Debug, Clone, ClapArgs)]
pub struct PasswordArgs {
    /// Read the password from the first line of this file instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}
