//! Writes a new settings file, and changes the one list in it that a command may change.

use std::fs;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::config::database::Password;
use crate::config::error::Error;
use crate::config::files::{create_private, create_private_folder, read_small_text, replace_private};
use crate::config::place::state_for;
use crate::config::rules::Tables;
use crate::config::secret::{Secret, new_password};
use crate::config::settings::{SETTINGS_BYTES_MAX, Settings};
use crate::config::url::DatabaseUrl;
use crate::model::{Role, Site};

/// What `init` was told, to be written down.
#[derive(Debug)]
pub struct NewSettings {
    /// What the site is for.
    pub role: Role,
    /// Its name.
    pub site: Site,
    /// Its database. A password in it goes into a file of its own.
    pub database: DatabaseUrl,
    /// Which tables are synced; at the centre only.
    pub tables: Option<Tables>,
    /// The state folder, where it is not the usual one.
    pub state: Option<PathBuf>,
    /// Whether an administrator makes the account: it gets a password of its own, and a name where none was given.
    pub own_account: bool,
}

impl NewSettings {
    /// Writes the settings file at `path` and the state folder, and reads them back as any command will.
    ///
    /// The settings file comes last: once it is there, everything that it names is there too. After a crash the same
    /// command can be run again.
    pub fn create(&self, path: &Path) -> Result<Settings, Error> {
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: path.to_owned() });
        }
        let state = match &self.state {
            Some(state) => {
                std::path::absolute(state).map_err(|source| Error::Write { path: state.clone(), source })?
            }
            None => state_for(path),
        };
        create_private_folder(&state)?;
        let password = state.join("db.password");
        match &self.database.password {
            Some(secret) => replace_private(&password, format!("{}\n", secret.expose()).as_bytes())?,
            // Kept where it is there: the account may have been made with it, before the rest failed.
            None if self.own_account && !password.exists() => {
                let secret =
                    new_password().map_err(|source| Error::Write { path: password.clone(), source })?;
                replace_private(&password, format!("{}\n", secret.expose()).as_bytes())?;
            }
            None => {}
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder).or_else(|source| match folder.as_os_str().is_empty() {
            true => Ok(()),
            false => Err(Error::Write { path: folder.to_owned(), source }),
        })?;
        // Below the settings file the path is kept short, so that both can be moved together.
        let shown = password.strip_prefix(folder).unwrap_or(&password);
        let text = self.to_text(shown);
        // Never leave a file behind that the next command would refuse.
        let settings = Settings::read(path, &text, 0o600)?;
        match create_private(path, text.as_bytes())? {
            true => Ok(settings),
            false => Err(Error::Exists { path: path.to_owned() }),
        }
    }

    /// Returns what [`NewSettings::create`] would make, and makes nothing: the settings that are there, or the new ones.
    pub fn preview(&self, path: &Path) -> Result<Settings, Error> {
        if path.symlink_metadata().is_ok() {
            return Settings::open(path);
        }
        let state = self.state.clone().unwrap_or_else(|| state_for(path));
        let mut settings = Settings::read(path, &self.to_text(&state.join("db.password")), 0o600)?;
        settings.database.password = match &self.database.password {
            Some(secret) => Password::Given(Secret::new(secret.expose().to_owned())),
            None => Password::None,
        };
        Ok(settings)
    }

    fn to_text(&self, password: &Path) -> String {
        let NewSettings { role, site, database, tables, state, own_account } = self;
        let mut text = format!(
            "# Settings of packmule. `packmule config show` prints every value in use.\n\nrole = \"{role}\"\nsite = \"{site}\"\n"
        );
        match state.as_ref().map(|state| std::path::absolute(state).unwrap_or_else(|_| state.clone())) {
            Some(state) => {
                text += &format!("state = {}   # keys, outbox and inbox\n", quoted(&state.to_string_lossy()))
            }
            None => text += "# state = \"...\"   keys, outbox and inbox; usually beside this file\n",
        }
        let url = database.without_password();
        let url = match (url.strip_prefix("mysql://"), &database.user) {
            (Some(rest), None) if *own_account => format!("mysql://{OWN_USER}@{rest}"),
            (Some(_) | None, _) => url,
        };
        text += &format!("\n[database]\nurl = {}\n", quoted(&url));
        text += &match database.password.as_ref().map(drop).or(own_account.then_some(())) {
            Some(()) => format!("password_file = {}\n", quoted(&password.to_string_lossy())),
            None => "# password_file = \"...\"   or password_command, or defaults_file (my.cnf)\n".to_owned(),
        };
        text += "# tls = \"required\"   needed unless the server is on this computer; also: ca = \"...\"\n";
        if *role == Role::Lab {
            text += CENTRAL_TEMPLATE;
            text += REFERENCES_TEMPLATE;
        }
        if *role == Role::Central {
            let tables = tables.as_ref().unwrap_or(&Tables::All);
            text += &format!("\n[sync]\ntables = {}   # \"all\", or a list of names\n", tables_text(tables));
            text += SERIES_TEMPLATE;
            text += TABLES_TEMPLATE;
            text += MAIL_TEMPLATE;
        }
        text += STICK_TEMPLATE;
        text
    }
}

/// Writes another list of tables into the settings file at `path`; every other line stays as it is.
pub fn set_tables(path: &Path, tables: &Tables) -> Result<Settings, Error> {
    let (text, mode) = read_small_text(path, SETTINGS_BYTES_MAX)?;
    Settings::read(path, &text, mode)?;
    let changed = with_tables(&text, tables);
    let settings = Settings::read(path, &changed, mode)?;
    replace_private(path, changed.as_bytes())?;
    Ok(settings)
}

fn with_tables(text: &str, tables: &Tables) -> String {
    let list = tables_text(tables);
    let tree = DeTable::parse(text).map(toml::Spanned::into_inner).unwrap_or_default();
    let sync = tree.get("sync");
    match sync.and_then(|sync| sync.get_ref().get("tables")) {
        Some(value) => format!("{}{list}{}", &text[..value.span().start], &text[value.span().end..]),
        None => match sync
            .map(|sync| text[sync.span().end..].find('\n').map_or(text.len(), |n| sync.span().end + n))
        {
            Some(end) => format!("{}\ntables = {list}{}", &text[..end], &text[end..]),
            None => format!("{}\n\n[sync]\ntables = {list}\n", text.trim_end()),
        },
    }
}

fn tables_text(tables: &Tables) -> String {
    match tables {
        Tables::All => "\"all\"".to_owned(),
        Tables::Some(names) => {
            let names: Vec<String> = names.iter().map(|name| quoted(name.as_str())).collect();
            format!("[{}]", names.join(", "))
        }
    }
}

/// Writes a TOML text: the writer of the `toml` crate chooses the quotes and escapes.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// What packmule's own account is called where nobody says otherwise.
const OWN_USER: &str = "packmule";

const CENTRAL_TEMPLATE: &str = "
# For a lab that can sometimes reach the centre by network; leave out where only sticks travel.
# [central]
# url = \"mysql://packmule_lab-a@sync.example.ac.ke/ive_ims\"
# password_file = \"...\"
# every = \"30m\"
# limit_rate = \"50KiB\"   a second, where the line is shared
";

const SERIES_TEMPLATE: &str =
    "# series = 100   how many sites there may be: each gives every 100th key to its new rows\n";

const REFERENCES_TEMPLATE: &str = "
# Foreign keys that the database does not declare, for `packmule join ANSWER --adopt --rekey`:
# [tables.items]
# references = { location_id = \"locations.id\" }
";

const TABLES_TEMPLATE: &str = "
# One section for each table that differs from the defaults:
# [tables.inventory]
# policy = \"last-edit-wins\"    or review, central-wins, lab-wins
# counters = [\"quantity\"]      both sides' differences are added
# columns = { note = \"lab-wins\" }   a policy for one column
# merge = false                  rows are taken whole, columns of both sides are not mixed
# updated_at = \"changed\"        the application's own column says when a row was edited
# always_review = true           every change of a lab waits for approval
# direction = \"both\"           or up (labs to centre), down (centre to labs)
";

const MAIL_TEMPLATE: &str = "
# How much of each lab may wait here when labs send by network:
# [mail]
# quota = \"2GiB\"
# quota_bundles = 1000
# url_for_labs = \"mysql://sync.example.ac.ke/ive_ims\"   then `packmule enrol` makes each lab an account here
# ca_for_labs = \"ca.pem\"   the authority of this server's certificate, where it is your own
";

const STICK_TEMPLATE: &str = "
# [stick]
# contact = \"...\"   whom the finder of a lost stick should call
# bundle_max = \"512MiB\"   larger seals go on in a next bundle

# [agent]
# sticks = true      `packmule run` exchanges with sticks that carry a packmule folder
";

#[cfg(test)]
mod tests {
    use super::*;

    fn new(role: Role) -> NewSettings {
        NewSettings {
            role,
            site: "lab-a".parse().unwrap(),
            database: "mysql://p:hunter2@localhost:3307/ive_ims".parse().unwrap(),
            tables: None,
            state: None,
            own_account: false,
        }
    }

    #[test]
    fn a_new_file_is_read_back_and_holds_no_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/lab-a.toml");
        let settings = new(Role::Lab).create(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("hunter2"));
        assert!(text.contains("password_file = \"lab-a/db.password\""), "{text}");
        assert_eq!(settings.state, folder.path().join("deep/lab-a"));
        let again = Settings::open(&path).unwrap();
        assert_eq!(again.database.password.read().unwrap().unwrap().as_str(), "hunter2");
        assert!(matches!(new(Role::Lab).create(&path), Err(Error::Exists { .. })));
    }

    #[test]
    fn a_state_folder_elsewhere_is_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("else where");
        let wanted = NewSettings { state: Some(state.clone()), ..new(Role::Central) };
        let settings = wanted.create(&folder.path().join("c.toml")).unwrap();
        assert_eq!(settings.state, state);
        assert!(state.join("db.password").is_file());
    }

    #[test]
    fn only_the_list_of_tables_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("central.toml");
        new(Role::Central).create(&path).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let settings = set_tables(&path, &"a,b \" c".parse().unwrap()).unwrap();
        assert_eq!(settings.tables.to_string(), "a,b \" c");
        set_tables(&path, &Tables::All).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
    }

    #[test]
    fn a_file_without_the_list_is_given_one() {
        let list: Tables = "a".parse().unwrap();
        assert_eq!(with_tables("x = 1\n", &list), "x = 1\n\n[sync]\ntables = [\"a\"]\n");
        assert_eq!(with_tables("[sync]\n[b]\n", &list), "[sync]\ntables = [\"a\"]\n[b]\n");
    }
}
