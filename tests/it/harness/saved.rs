//! A site as it was at some moment, to be put back many times: far cheaper than making a new one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::pair::files;
use super::site::TestSite;

/// The rows of every table of a site, and every file of its state folder.
#[derive(Debug)]
pub(crate) struct Saved<'a> {
    site: &'a TestSite<'static>,
    database: String,
    /// The tables, and whether each was empty.
    tables: Vec<(String, bool)>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl<'a> Saved<'a> {
    /// Remembers the site as it is now.
    pub(crate) fn new(site: &'a TestSite<'static>) -> Saved<'a> {
        static MADE: AtomicU32 = AtomicU32::new(1);
        let database = format!("{}_saved{}", site.database(), MADE.fetch_add(1, Ordering::Relaxed));
        let tables = tables(site);
        let copies =
            tables.iter().map(|table| format!("CREATE TABLE {database}.{table} AS SELECT * FROM {table};"));
        site.sql(&format!("CREATE DATABASE {database}; {}", copies.collect::<String>()));
        let tables = tables.into_iter().map(|table| (table.clone(), site.count(&table) == 0)).collect();
        let files =
            files(&site.state()).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        Saved { site, database, tables, files }
    }

    /// Makes the site what it was, as a copied disk would.
    pub(crate) fn restore(&self) {
        self.restore_rows();
        self.restore_files();
    }

    /// Puts the database back alone, as from a backup. The tables themselves must be the same.
    pub(crate) fn restore_rows(&self) {
        let rows = self.tables.iter().map(|(table, is_empty)| match (table.as_str(), is_empty) {
            (_, true) => format!("DELETE FROM {table};"),
            ("packmule_mail", false) => heads_of_mail(&self.database),
            (_, false) => {
                format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {}.{table};", self.database)
            }
        });
        let quiet = "SET foreign_key_checks = 0, @packmule_silent = 1;";
        self.site.sql(&format!("{quiet} START TRANSACTION; {} COMMIT", rows.collect::<String>()));
    }

    fn restore_files(&self) {
        for path in files(&self.site.state()) {
            if !self.files.contains_key(&path) {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, bytes) in &self.files {
            if fs::read(path).ok().as_ref() != Some(bytes) {
                fs::write(path, bytes).unwrap();
            }
        }
    }
}

impl Drop for Saved<'_> {
    fn drop(&mut self) {
        let _ = self.site.server().sql("", &format!("DROP DATABASE {}", self.database));
    }
}

/// A trigger lets in only heads as a lab sends them; what else they said is written over that.
fn heads_of_mail(saved: &str) -> String {
    let sent = "from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts";
    format!(
        "DELETE FROM packmule_mail; INSERT INTO packmule_mail ({sent}) SELECT {sent} FROM {saved}.packmule_mail; \
         UPDATE packmule_mail m JOIN {saved}.packmule_mail s \
           ON s.from_site = m.from_site AND s.name = m.name AND s.sha256 = m.sha256 \
           SET m.id = s.id, m.state = s.state, m.note = s.note, m.sent_at = s.sent_at;"
    )
}

/// A folder as it was at some moment, such as a stick.
#[derive(Debug)]
pub(crate) struct SavedFolder {
    folder: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl SavedFolder {
    /// Remembers the folder as it is now.
    pub(crate) fn new(folder: &Path) -> SavedFolder {
        let files = files(folder).into_iter().map(|path| (path.clone(), fs::read(path).unwrap()));
        SavedFolder { folder: folder.to_owned(), files: files.collect() }
    }

    /// Makes the folder what it was.
    pub(crate) fn restore(&self) {
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        for (path, bytes) in &self.files {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

/// The tables of a site; those without triggers last, because triggers write them while others are filled.
fn tables(site: &TestSite<'_>) -> Vec<String> {
    let query = "SELECT t.table_name FROM information_schema.tables t \
                 WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' \
                 ORDER BY t.table_name NOT IN (SELECT event_object_table FROM information_schema.triggers \
                                               WHERE trigger_schema = DATABASE()), t.table_name";
    site.query(query).into_iter().flatten().flatten().collect()
}

/// Everything in a site's database, table by table: equal before and after means that nothing was changed.
pub(crate) fn contents(site: &TestSite<'_>) -> Vec<(String, Vec<Vec<Option<String>>>)> {
    let mut tables = tables(site);
    tables.sort();
    let read = |table: String| {
        let mut rows = site.query(&format!("SELECT * FROM {table}"));
        rows.sort();
        (table, rows)
    };
    tables.into_iter().map(read).collect()
}
