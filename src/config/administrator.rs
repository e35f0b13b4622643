//! How an administrator of a server signs in, for the one time when an account is made. Nothing of it is kept.

use std::path::PathBuf;

use crate::config::client_file::ClientFile;
use crate::config::database::{Database, Password};
use crate::config::error::Error;
use crate::config::secret::Secret;

/// An administrator of a server, as a command was told.
#[derive(Debug)]
pub enum Administrator {
    /// In the `[client]` section of this option file (my.cnf).
    File(PathBuf),
    /// As a person has typed it.
    Asked {
        /// The account.
        user: String,
        /// Its password; empty: none.
        password: Secret,
    },
}

/// The administrator's way to a database.
#[derive(Debug)]
pub struct AdminDatabase {
    /// How to sign in.
    pub database: Database,
    /// Whether it goes the way that packmule's own account goes, so that the server sees both come from the same host.
    pub same_way: bool,
}

impl Administrator {
    /// How the administrator signs in to the server that `own` names. What the option file says of the way there
    /// wins over it.
    pub fn database(&self, own: &Database) -> Result<AdminDatabase, Error> {
        let client = match self {
            Administrator::File(path) => ClientFile::open(path)?,
            Administrator::Asked { user, password } => ClientFile {
                user: Some(user.clone()),
                password: Some(Secret::new(password.expose().to_owned()))
                    .filter(|word| !word.expose().is_empty()),
                ..ClientFile::default()
            },
        };
        let same_way = client.socket.is_none() && client.host.is_none() && client.port.is_none();
        let socket = match (&client.socket, &client.host) {
            (Some(socket), _) => Some(PathBuf::from(socket)),
            (None, Some(_)) => None,
            (None, None) => own.socket.clone(),
        };
        let database = Database {
            host: client.host.unwrap_or_else(|| own.host.clone()),
            port: client.port.unwrap_or(own.port),
            socket,
            user: client.user.unwrap_or_else(|| "root".to_owned()),
            name: own.name.clone(),
            password: client.password.map_or(Password::None, Password::Given),
            tls: own.tls,
            ca: own.ca.clone(),
        };
        Ok(AdminDatabase { database, same_way })
    }
}
