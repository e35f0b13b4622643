//! The settings of a site: the TOML file, checked.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::agent::Agent;
use crate::config::database::Database;
use crate::config::error::Error;
use crate::config::fault::Problem;
use crate::config::files::read_small_text;
use crate::config::lock::KeyLock;
use crate::config::mail::{MailQuota, read_rate};
use crate::config::mail_access::MailAccess;
use crate::config::place::state_for;
use crate::config::reader::{Reader, Section};
use crate::config::references::{Reference, read_references};
use crate::config::rules::{TableRules, Tables};
use crate::config::table_rules::read_rules;
use crate::config::{every, size};
use crate::model::{Role, Series, Site, TableName};

/// The settings of a site, checked as far as a file alone can be.
#[derive(Debug)]
pub struct Settings {
    /// The file they were read from.
    pub path: PathBuf,
    /// What this site is for.
    pub role: Role,
    /// This site's name.
    pub site: Site,
    /// The folder of keys, outbox and inbox.
    pub state: PathBuf,
    /// How the keys are unlocked, where a passphrase protects them.
    pub keys: KeyLock,
    /// The database whose changes travel.
    pub database: Database,
    /// The centre's database, where a lab can reach it by network.
    pub central: Option<Central>,
    /// Which tables are synced. Means something at the centre only; a lab is told by its answer card.
    pub tables: Tables,
    /// The tables that differ from the defaults. At the centre only, as above.
    pub rules: BTreeMap<TableName, TableRules>,
    /// How many sites there may be. At the centre only, as above.
    pub series: u16,
    /// How much mail of each lab is kept. At the centre only, as above.
    pub mail: MailQuota,
    /// How labs come to the mail by network. At the centre only, as above.
    pub mail_access: MailAccess,
    /// Foreign keys that the database does not declare. At a lab only, for the one time when its keys are moved.
    pub references: Vec<Reference>,
    /// Whom the finder of a stick should call.
    pub contact: Option<String>,
    /// From which size on a seal goes on in a next bundle, in bytes.
    pub bundle_bytes_max: u64,
    /// How long confirmed bundles and their log rows are kept.
    pub keep: Duration,
    /// What the agent may do by itself.
    pub agent: Agent,
    shown: Vec<Shown>,
}

impl Settings {
    /// Reads the settings file at `path`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        match read_small_text(path, SETTINGS_BYTES_MAX) {
            Ok((text, mode)) => Self::read(path, &text, mode),
            Err(Error::Read { path, source }) if source.kind() == io::ErrorKind::NotFound => {
                Err(Error::NoSettings { looked: vec![path] })
            }
            Err(other) => Err(other),
        }
    }

    /// Checks the text of a settings file. `mode` are the file's permissions.
    pub fn read(path: &Path, text: &str, mode: u32) -> Result<Self, Error> {
        let reader = Reader::new(path, text);
        let tree = reader.parse()?;
        let top = reader.top(&tree);
        top.only(&[
            "role", "site", "state", "keys", "database", "central", "sync", "tables", "mail", "agent",
            "stick", "keep",
        ])?;
        let role = top.word("role", Role::WORDS, |word| word.parse().ok())?;
        let role = top.shown(top.needed("role", role)?);
        let site = read_site(&top)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let state = match top.text("state")? {
            Some(found) => folder.join(top.shown(found)),
            None => {
                let state = state_for(path);
                top.show_as("state", state.display(), Source::Default);
                state
            }
        };
        let keys = KeyLock::read(&top.section("keys")?, folder)?;
        let database = top.section("database")?;
        if !database.is_there() {
            return Err(top.missing("database"));
        }
        database.only(Database::NAMES)?;
        let database = Database::read(&database, folder, mode)?;
        let central = Central::read(&top.section("central")?, folder, role, mode)?;
        let (tables, rules) = read_tables(&top, role)?;
        let (series, references) = (read_series(&top, role)?, read_references(&top, role)?);
        let mail = MailQuota::read(&top.section("mail")?, role)?;
        let mail_access = MailAccess::read(&top.section("mail")?, folder, role)?;
        let stick = top.section("stick")?;
        stick.only(&["contact", "bundle_max"])?;
        let contact = stick.text("contact")?.map(|found| stick.shown(found));
        let bundle_bytes_max = read_bundle_max(&stick)?;
        let keep = read_keep(&top)?;
        let agent = Agent::read(&top.section("agent")?, role)?;
        let path = path.to_owned();
        let shown = reader.into_shown();
        Ok(Settings {
            path,
            role,
            site,
            state,
            keys,
            database,
            central,
            tables,
            rules,
            series,
            mail,
            mail_access,
            references,
            contact,
            bundle_bytes_max,
            keep,
            agent,
            shown,
        })
    }

    /// Every value with where it came from, in the order of the template. Holds no password.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }
}

/// How a lab reaches the centre by network.
#[derive(Debug)]
pub struct Central {
    /// The centre's database, with the lab's own account there.
    pub database: Database,
    /// How often to exchange changes.
    pub every: Duration,
    /// How many bytes a second may go over the line; `None`: as fast as it goes.
    pub limit_rate: Option<u64>,
}

impl Central {
    fn read(section: &Section<'_>, folder: &Path, role: Role, mode: u32) -> Result<Option<Self>, Error> {
        if !section.is_there() {
            return Ok(None);
        }
        if role == Role::Central {
            return Err(section.refuse_all(Problem::OtherRole { section: "central", role }));
        }
        section.only(&[Database::NAMES, &["every", "limit_rate"]].concat())?;
        let database = Database::read(section, folder, mode)?;
        let every = match section.text("every")? {
            Some(found) => match every::parse(&found.value) {
                Some(every) => {
                    section.shown(found);
                    every
                }
                None => {
                    let name = found.name.clone();
                    return Err(section.refuse(&found, Problem::Every { name }));
                }
            },
            None => {
                section.show_as("every", every::to_words(EVERY_DEFAULT), Source::Default);
                EVERY_DEFAULT
            }
        };
        let limit_rate = read_rate(section)?;
        Ok(Some(Central { database, every, limit_rate }))
    }
}

/// One value for `config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The name with its section before it: `database.host`.
    pub name: String,
    /// The value, as text.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// This line of the settings file.
    Line(usize),
    /// Nobody said otherwise.
    Default,
    /// The option file that `defaults_file` names.
    ClientFile(PathBuf),
}

fn read_keep(top: &Section<'_>) -> Result<Duration, Error> {
    let Some(found) = top.text("keep")? else {
        top.show_as("keep", every::to_words(KEEP_DEFAULT), Source::Default);
        return Ok(KEEP_DEFAULT);
    };
    match every::parse(&found.value) {
        Some(keep) => {
            top.shown(found);
            Ok(keep)
        }
        None => {
            let name = found.name.clone();
            Err(top.refuse(&found, Problem::Every { name }))
        }
    }
}

fn read_bundle_max(section: &Section<'_>) -> Result<u64, Error> {
    let Some(found) = section.text("bundle_max")? else {
        section.show_as("bundle_max", size::to_words(size::BUNDLE_BYTES_DEFAULT), Source::Default);
        return Ok(size::BUNDLE_BYTES_DEFAULT);
    };
    match size::parse(&found.value) {
        Some(size_bytes) => {
            section.shown(found);
            Ok(size_bytes)
        }
        None => {
            let name = found.name.clone();
            Err(section.refuse(&found, Problem::Size { name }))
        }
    }
}

fn read_site(top: &Section<'_>) -> Result<Site, Error> {
    let found = top.needed("site", top.text("site")?)?;
    match found.value.parse::<Site>() {
        Ok(site) => {
            top.shown(found);
            Ok(site)
        }
        Err(source) => Err(top.refuse(&found, Problem::Site { source })),
    }
}

fn read_tables(top: &Section<'_>, role: Role) -> Result<(Tables, BTreeMap<TableName, TableRules>), Error> {
    let sync = top.section("sync")?;
    let sections = top.section("tables")?;
    if role == Role::Lab {
        if sync.is_there() {
            return Err(sync.refuse_all(Problem::OtherRole { section: "sync", role }));
        }
        return Ok((Tables::All, BTreeMap::new()));
    }
    sync.only(&["tables", "series"])?;
    let tables = if sync.is_text("tables") {
        let all = sync.word("tables", &["all"], |word| (word == "all").then_some(Tables::All))?;
        sync.shown(sync.needed("tables", all)?)
    } else {
        let list = sync
            .list("tables")?
            .map(|found| found.map(|names| Tables::Some(names.into_iter().map(TableName::new).collect())));
        sync.shown_or("tables", list, Tables::All)
    };
    let mut rules = BTreeMap::new();
    for name in sections.keys() {
        let section = sections.section(&name)?;
        rules.insert(TableName::new(name), read_rules(&section)?);
    }
    Ok((tables, rules))
}

fn read_series(top: &Section<'_>, role: Role) -> Result<u16, Error> {
    let sync = top.section("sync")?;
    match role {
        Role::Central => {
            let found = sync.whole("series", Series::SITES)?;
            Ok(sync.shown_or("series", found, Series::SITES_DEFAULT))
        }
        Role::Lab => Ok(Series::SITES_DEFAULT),
    }
}

pub(super) const SETTINGS_BYTES_MAX: u64 = 1024 * 1024;
const KEEP_DEFAULT: Duration = Duration::from_secs(30 * 86_400);
const EVERY_DEFAULT: Duration = Duration::from_secs(30 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rules::Policy;
    use crate::model::Direction;

    const CENTRE: &str =
        "role = \"central\"\nsite = \"central\"\n[database]\nurl = \"mysql://p@localhost/ive_ims\"\n";

    fn read(text: &str) -> Result<Settings, Error> {
        Settings::read(Path::new("/x/packmule.toml"), text, 0o600)
    }

    fn refusal(text: &str) -> String {
        read(text).unwrap_err().to_string().replace("/x/", "")
    }

    #[test]
    fn a_short_file_gets_its_defaults() {
        let settings = read(CENTRE).unwrap();
        assert_eq!(settings.database.place(), "127.0.0.1:3306");
        assert_eq!((settings.tables.clone(), settings.series), (Tables::All, 100));
        assert_eq!(settings.state, PathBuf::from("/x/packmule"));
        let port = settings.shown().iter().find(|shown| shown.name == "database.port").unwrap();
        assert_eq!((port.value.as_str(), &port.source), ("3306", &Source::Default));
        let user = settings.shown().iter().find(|shown| shown.name == "database.user").unwrap();
        assert_eq!((user.value.as_str(), &user.source), ("p", &Source::Line(4)));
    }

    #[test]
    fn a_full_file_is_read_whole() {
        let settings = read(&format!(
            "state = \"here\"\n{CENTRE}password_file = \"db.password\"\n[sync]\ntables = [\"inventory\", \"items\"]\nseries = 20\n\
             [tables.inventory]\npolicy = \"review\"\ncounters = [\"quantity\"]\ndirection = \"up\"\n\
             [stick]\ncontact = \"Grace, 0700 000000\"\n"
        ))
        .unwrap();
        assert_eq!(settings.state, PathBuf::from("/x/here"));
        assert!(
            matches!(&settings.database.password, crate::config::Password::File(path) if path == Path::new("/x/db.password"))
        );
        assert_eq!((settings.tables.to_string().as_str(), settings.series), ("inventory,items", 20));
        let rules = &settings.rules[&TableName::new("inventory")];
        assert_eq!((rules.policy, rules.direction), (Policy::Review, Direction::Up));
        assert_eq!(settings.contact.as_deref(), Some("Grace, 0700 000000"));
    }

    #[test]
    fn a_lab_reaches_the_centre_encrypted_unless_told_otherwise() {
        let lab = "role=\"lab\"\nsite=\"lab-a\"\n[database]\nuser=\"p\"\nname=\"d\"\nsocket=\"/s\"\n[central]\n\
                   url=\"mysql://packmule_lab-a@sync.example.ac.ke/ive_ims\"\nlimit_rate = \"50KiB\"\n";
        let settings = read(lab).unwrap();
        assert_eq!(settings.database.place(), "/s");
        let central = settings.central.unwrap();
        assert_eq!(
            (central.database.tls, central.every),
            (crate::config::Tls::Required, Duration::from_secs(1800))
        );
        assert_eq!(central.limit_rate, Some(50 << 10));
    }

    #[test]
    fn each_mistake_has_its_own_words_and_line() {
        let cases = [
            (
                "role = \"lab\"\nsite = \"lab-a\"\n\n\n\n[databse]\n",
                "packmule.toml line 6: unknown name \"databse\"",
            ),
            ("site = \"lab-a\"\n", "packmule.toml: role is missing"),
            ("role = \"labb\"\n", "packmule.toml line 1: role cannot be \"labb\""),
            ("role = \"lab\"\nsite = \"Lab A\"\n", "packmule.toml line 2: site is not a site's name"),
            ("role = \"lab\"\nsite = \"a\"\n", "packmule.toml: database is missing"),
            (
                "role = \"lab\"\nsite = \"a\"\n[database]\nname = \"d\"\n",
                "packmule.toml line 3: database.user is missing",
            ),
            (
                "role = \"lab\"\nsite = \"a\"\n[database]\nurl = \"mysql://p@h/d\"\nhost = \"h\"\n",
                "packmule.toml line 5: database.host and database.url cannot both be given",
            ),
            (
                "role = \"lab\"\nsite = \"a\"\n[database]\nurl = \"mysql://p@h/d\"\n[sync]\n",
                "packmule.toml line 5: [sync] is not for a lab",
            ),
            (
                "role = \"lab\"\nsite = \"a\"\n[database]\nurl = \"h\"\n",
                "packmule.toml line 4: database.url is not a database address",
            ),
            (
                &format!("{CENTRE}[sync]\nseries = 1\n"),
                "packmule.toml line 6: sync.series must be from 2 to 65535",
            ),
            (
                &format!("{CENTRE}[mail]\nquota = \"2 bundles\"\n"),
                "packmule.toml line 6: mail.quota is not a size from 1MiB to 1024TiB",
            ),
            (
                &format!("{CENTRE}[sync]\nseries = 65536\n"),
                "packmule.toml line 6: sync.series must be from 2 to 65535",
            ),
            (
                &format!("{CENTRE}[sync]\ntables = \"some\"\n"),
                "packmule.toml line 6: sync.tables cannot be \"some\"",
            ),
            (
                &format!("{CENTRE}[tables.a]\npolicy = 1\n"),
                "packmule.toml line 6: tables.a.policy must be a text, not a number",
            ),
        ];
        for (text, words) in cases {
            assert_eq!(refusal(text), words);
        }
    }

    #[test]
    fn a_password_in_the_address_is_neither_shown_nor_left_open() {
        let text = CENTRE.replace("p@", "p:hunter2@");
        let settings = read(&text).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        let refused = Settings::read(Path::new("packmule.toml"), &text, 0o644).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "packmule.toml line 4: database.url holds a password, and others may read this file"
        );
        assert!(!format!("{refused:?}").contains("hunter2"));
    }
}
