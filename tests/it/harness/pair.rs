//! A centre and one lab with two small tables. Every write at the centre is counted, and every stamp at the lab is
//! watched, so that "exactly once" is seen and not inferred from rows that happen to be equal.

use std::path::{Path, PathBuf};

use super::family::Family;
use super::program::Ran;
use super::rows::assert_equal;
use super::server::server;
use super::site::{TestSite, bundles_in};

/// One centre, one lab, one stick.
#[derive(Debug)]
pub(crate) struct Pair {
    family: Family<'static>,
    /// The folder that passes for the stick between the two.
    pub(crate) stick: PathBuf,
}

impl Pair {
    /// Makes both sites; the tables are empty.
    pub(crate) fn new() -> Pair {
        Pair::among(&["lab-a"])
    }

    /// Makes the centre and these labs. The first, `lab-a`, is the one of the pair.
    pub(crate) fn among(labs: &[&str]) -> Pair {
        let family = Family::new(server(), SCHEMA, labs);
        family.central.sql(COUNT_WRITES);
        family.lab("lab-a").sql(STAMP_ONCE);
        let stick = family.central.stick("stick");
        Pair { family, stick }
    }

    pub(crate) fn central(&self) -> &TestSite<'static> {
        &self.family.central
    }

    pub(crate) fn lab(&self) -> &TestSite<'static> {
        self.family.lab("lab-a")
    }

    /// One of the other labs.
    pub(crate) fn other(&self, name: &str) -> &TestSite<'static> {
        self.family.lab(name)
    }

    pub(crate) fn stick(&self) -> &str {
        self.stick.to_str().unwrap()
    }

    /// Edits of every sort at the lab, among them some that come to nothing. Each call makes others.
    pub(crate) fn edit(&self) {
        self.lab().sql(EDITS);
    }

    /// Opens the mail of every lab.
    pub(crate) fn go_online(&self) {
        self.family.go_online();
    }

    pub(crate) fn export(&self) -> Ran {
        self.lab().run(&["export", self.stick()])
    }

    pub(crate) fn import(&self) -> Ran {
        self.central().run(&["import", self.stick(), "--no-reply"])
    }

    /// Exports and imports with success.
    #[track_caller]
    pub(crate) fn exchange(&self) {
        self.export().ok();
        self.import().ok();
    }

    /// Fails the test unless both sites hold the same rows, each change was written once at the centre and stamped once
    /// at the lab, numbers have no gap, and nothing half done lies about.
    #[track_caller]
    pub(crate) fn assert_exactly_once(&self) {
        self.assert_changes_once();
        let batches = |table: &str| {
            self.lab().query(&format!("SELECT DISTINCT batch FROM {table} WHERE batch > 0 ORDER BY 1"))
        };
        assert_eq!(batches("sync_log"), batches("packmule_bundle"), "stamps and bundles");
    }

    /// The same for a log whose sealed rows are not there any more.
    #[track_caller]
    pub(crate) fn assert_changes_once(&self) {
        let (lab, central) = (self.lab(), self.central());
        assert_equal(lab, central, &["shelves", "items"]);
        let sealed = lab.query(LEDGER);
        assert_eq!(central.query(LEDGER), sealed, "the ledgers differ");
        for (at, row) in sealed.iter().enumerate() {
            assert_eq!(row.first(), Some(&Some((at + 1).to_string())), "a gap in the numbers: {sealed:?}");
        }
        let sums = "SELECT SUM(inserts), SUM(updates), SUM(deletes) FROM packmule_bundle";
        let writes = "SELECT SUM(action = 'I'), SUM(action = 'U'), SUM(action = 'D') FROM writes";
        assert_eq!(central.query(writes), lab.query(sums), "changes written at the centre, changes sealed");
        assert_eq!(lab.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "0", "unsealed rows");
        assert_eq!(
            files(&lab.state().join("outbox")).len(),
            sealed.len(),
            "{:?}",
            files(&lab.state().join("outbox"))
        );
        self.assert_no_parts();
        assert_eq!(files(&central.state().join("inbox")), [] as [PathBuf; 0]);
        assert!(
            !central.state().join("arriving").exists() || files(&central.state().join("arriving")).is_empty()
        );
        assert_eq!(central.count("conflict_log"), 0);
    }

    /// Fails the test if an outbox or inbox holds anything but bundles.
    #[track_caller]
    pub(crate) fn assert_no_parts(&self) {
        for folder in [self.lab().state().join("outbox"), self.central().state().join("inbox")] {
            assert_eq!(files(&folder), bundles_in(&folder));
        }
    }
}

/// Every file in a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let mut files: Vec<PathBuf> =
        entries.filter(|entry| !entry.file_type().is_dir()).map(walkdir::DirEntry::into_path).collect();
    files.sort();
    files
}

pub(crate) const SCHEMA: &str = "
    CREATE TABLE shelves (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL);
    CREATE TABLE items (id INT PRIMARY KEY AUTO_INCREMENT, shelf INT NOT NULL, name VARCHAR(40) NOT NULL,
                        quantity INT NOT NULL DEFAULT 0, photo LONGBLOB, FOREIGN KEY (shelf) REFERENCES shelves (id));";

const EDITS: &str = "
    SET @n = (SELECT COUNT(*) FROM shelves) + 1;
    INSERT INTO shelves VALUES (@n, CONCAT('shelf ', @n));
    INSERT INTO items (shelf, name) VALUES (@n, 'stays'), (@n, 'goes later'), (@n, 'comes and goes');
    DELETE FROM items WHERE name = 'comes and goes';
    UPDATE items SET quantity = quantity + 1;
    UPDATE shelves SET name = UPPER(name) WHERE id = @n - 1;
    DELETE FROM items WHERE name = 'goes later' AND shelf = @n - 1;";

/// An application's own triggers at the centre, which see every single write.
pub(crate) const COUNT_WRITES: &str = "
    CREATE TABLE writes (id INT AUTO_INCREMENT PRIMARY KEY, action CHAR(1));
    CREATE TRIGGER w1 AFTER INSERT ON shelves FOR EACH ROW INSERT INTO writes (action) VALUES ('I');
    CREATE TRIGGER w2 AFTER UPDATE ON shelves FOR EACH ROW INSERT INTO writes (action) VALUES ('U');
    CREATE TRIGGER w3 AFTER DELETE ON shelves FOR EACH ROW INSERT INTO writes (action) VALUES ('D');
    CREATE TRIGGER w4 AFTER INSERT ON items FOR EACH ROW INSERT INTO writes (action) VALUES ('I');
    CREATE TRIGGER w5 AFTER UPDATE ON items FOR EACH ROW INSERT INTO writes (action) VALUES ('U');
    CREATE TRIGGER w6 AFTER DELETE ON items FOR EACH ROW INSERT INTO writes (action) VALUES ('D');";

/// A log row that was stamped once cannot be stamped again.
const STAMP_ONCE: &str = "
    CREATE TRIGGER stamp_once BEFORE UPDATE ON sync_log FOR EACH ROW BEGIN
      IF OLD.batch IS NOT NULL THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'stamped twice'; END IF;
    END;";

const LEDGER: &str =
    "SELECT seq, digest, previous, inserts, updates, deletes FROM packmule_bundle ORDER BY seq";
