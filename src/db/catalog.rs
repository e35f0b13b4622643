//! What the database says of its tables: shapes, keys, foreign keys, triggers, and which cannot be shared and why.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::db::column::ColumnDetail;
use crate::db::default::Default;
use crate::db::error::Error;
use crate::db::foreign::{self, ForeignKey};
use crate::db::session::{Flavour, Row, Session};
use crate::db::sql;
use crate::model::{ColumnKind, TableName, TableShape};

/// The tables of one database.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// The tables that can be shared.
    pub tables: BTreeMap<TableName, Table>,
    /// The tables and views that cannot, with the reason.
    pub unshareable: BTreeMap<TableName, Unshareable>,
    /// Every foreign key of the database.
    pub foreign_keys: Vec<ForeignKey>,
}

/// One table that can be shared.
#[derive(Debug, Clone)]
pub struct Table {
    /// Columns that travel, and the key.
    pub shape: TableShape,
    /// What the server says of each column of `shape`, in the same order.
    pub details: Vec<ColumnDetail>,
    /// Columns that the server computes; they do not travel from here.
    pub generated: Vec<ColumnDetail>,
    /// How many columns `SELECT *` shows.
    pub width: usize,
    /// Unique keys besides the primary one: their columns.
    pub unique_keys: Vec<Vec<String>>,
    /// Triggers, packmule's own included.
    pub triggers: Vec<Trigger>,
}

/// One trigger.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// `INSERT`, `UPDATE` or `DELETE`.
    pub event: String,
    /// `BEFORE` or `AFTER`.
    pub timing: String,
    /// What it does.
    pub body: String,
}

/// Why a table cannot be shared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unshareable {
    /// Rows cannot be told apart.
    #[error("it has no primary key")]
    NoPrimaryKey,
    /// No transactions, so nothing could be exactly once.
    #[error("its engine is {engine}, not InnoDB")]
    NotInnoDb {
        /// The engine.
        engine: String,
    },
    /// Its rows are other tables' rows.
    #[error("it is a view")]
    View,
    /// It gives numbers and has no rows.
    #[error("it is a sequence")]
    Sequence,
    /// A column of a type that packmule does not know.
    #[error("column {column} has the type {data_type}, which packmule does not know")]
    UnknownType {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
    /// A key whose text is not exact.
    #[error("its primary key has the {data_type} column {column}, which cannot be compared exactly")]
    InexactKey {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
}

impl Trigger {
    /// Whether packmule made it.
    pub fn is_ours(&self) -> bool {
        self.name.starts_with("packmule_")
    }
}

impl Table {
    /// Whether the application has triggers of its own on it.
    pub fn has_foreign_triggers(&self) -> bool {
        self.triggers.iter().any(|trigger| !trigger.is_ours())
    }

    /// Whether `other`, read at another time, has the same columns and the same key.
    pub fn has_columns_of(&self, other: &Table) -> bool {
        self.shape == other.shape && self.details == other.details && self.generated == other.generated
    }

    /// The same table with only these columns, which may be generated ones, and its key in terms of them.
    ///
    /// `None` where a column of the key is not among them.
    pub fn narrowed(&self, details: Vec<ColumnDetail>) -> Option<Table> {
        let place = |wanted: &ColumnDetail| details.iter().position(|detail| detail.name == wanted.name);
        let key = self.key_details().map(place).collect::<Option<Vec<usize>>>()?;
        let columns = details.iter().map(ColumnDetail::column).collect();
        let shape = TableShape { name: self.shape.name.clone(), columns, key };
        Some(Table { shape, details, ..self.clone() })
    }

    /// The details of the key's columns, in the key's order.
    pub fn key_details(&self) -> impl Iterator<Item = &ColumnDetail> {
        self.shape.key.iter().filter_map(|&at| self.details.get(at))
    }
}

impl Catalog {
    /// Reads the database in use. packmule's own tables are left out.
    pub fn load(session: &mut Session) -> Result<Self, Error> {
        let mut catalog = Catalog { foreign_keys: foreign::load(session)?, ..Catalog::default() };
        let mut columns = load_columns(session)?;
        let mut keys = load_keys(session)?;
        let mut triggers = load_triggers(session)?;
        for row in session.rows(&format!(
            "SELECT table_name, table_type, engine FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW', 'SEQUENCE') \
               AND {} ORDER BY table_name",
            not_own("table_name")
        ))? {
            let name = TableName::new(row.text(0)?);
            let (columns, keys) =
                (columns.remove(&name).unwrap_or_default(), keys.remove(&name).unwrap_or_default());
            match build(&name, row.text(1)?, row.optional(2).unwrap_or("?"), columns, keys) {
                Ok(mut table) => {
                    table.triggers = triggers.remove(&name).unwrap_or_default();
                    restore_odd_bodies(session, &mut table)?;
                    catalog.tables.insert(name, table);
                }
                Err(reason) => {
                    catalog.unshareable.insert(name, reason);
                }
            }
        }
        Ok(catalog)
    }

    /// The foreign keys that point to `parent`.
    pub fn children_of<'a>(&'a self, parent: &'a TableName) -> impl Iterator<Item = &'a ForeignKey> {
        self.foreign_keys.iter().filter(move |key| &key.parent == parent)
    }

    /// The foreign keys of `child`.
    pub fn parents_of<'a>(&'a self, child: &'a TableName) -> impl Iterator<Item = &'a ForeignKey> {
        self.foreign_keys.iter().filter(move |key| &key.child == child)
    }

    /// The tables that a trigger of the application names in its text, and so may write.
    ///
    /// A guess by words: a name that only looks like one costs a read more, nothing else.
    pub fn written_by_triggers_of(&self, table: &TableName) -> Vec<TableName> {
        let Some(table) = self.tables.get(table) else {
            return Vec::new();
        };
        let bodies = table.triggers.iter().filter(|trigger| !trigger.is_ours());
        let words: HashSet<String> = bodies
            .flat_map(|trigger| trigger.body.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')))
            .map(str::to_lowercase)
            .collect();
        let named = self.tables.keys().filter(|other| words.contains(&other.as_str().to_lowercase()));
        named.filter(|other| **other != table.shape.name).cloned().collect()
    }
}

/// Reads packmule's triggers once more where names have quotes or backslashes in them: the servers garble these in what
/// information_schema shows of a trigger.
fn restore_odd_bodies(session: &mut Session, table: &mut Table) -> Result<(), Error> {
    let is_odd = |name: &str| name.contains(['\'', '"', '`', '\\']);
    if !is_odd(table.shape.name.as_str()) && !table.details.iter().any(|detail| is_odd(&detail.name)) {
        return Ok(());
    }
    for trigger in table.triggers.iter_mut().filter(|trigger| trigger.is_ours()) {
        let row = session.first(&format!("SHOW CREATE TRIGGER {}", sql::name(&trigger.name)))?;
        let statement = row.as_ref().and_then(|row| row.optional(2)).unwrap_or_default();
        if let Some((_, body)) = statement.split_once(" FOR EACH ROW ") {
            trigger.body = body.to_owned();
        }
    }
    Ok(())
}

/// The column lists of a table's unique keys; the primary one under `PRIMARY`.
pub(super) type Keys = BTreeMap<String, Vec<String>>;

/// What a query of information_schema says so that packmule's own tables, which are the most, are left out: a server opens
/// each table that it is to speak of. Compared as bytes, because an application may have a table `Packmule_x`.
pub(super) fn not_own(column: &str) -> String {
    format!(
        "CAST({column} AS BINARY) NOT IN (CAST('sync_log' AS BINARY), CAST('conflict_log' AS BINARY)) \
         AND LEFT({column}, 9) <> CAST('packmule_' AS BINARY)"
    )
}

fn build(
    name: &TableName,
    table_type: &str,
    engine: &str,
    columns: Vec<LoadedColumn>,
    mut keys: Keys,
) -> Result<Table, Unshareable> {
    match table_type {
        "VIEW" => return Err(Unshareable::View),
        "SEQUENCE" => return Err(Unshareable::Sequence),
        // of a versioned table of MariaDB's, the rows of now; each site writes its own history
        _ => {}
    }
    if engine != "InnoDB" {
        return Err(Unshareable::NotInnoDb { engine: engine.to_owned() });
    }
    let mut primary = keys.remove("PRIMARY").ok_or(Unshareable::NoPrimaryKey)?;
    let (mut details, mut generated) = (Vec::new(), Vec::new());
    let width = columns.iter().filter(|column| !column.invisible).count();
    for LoadedColumn { column, is_versioning, .. } in columns {
        // MariaDB puts it into each key of a versioned table; among the rows of now it is always the same
        if let (true, Ok(detail)) = (is_versioning, &column) {
            primary.retain(|one| *one != detail.name);
        }
        match column {
            Ok(detail) if detail.generated => generated.push(detail),
            Ok(detail) => details.push(detail),
            Err(UnknownType { is_generated: true, .. }) => {}
            Err(UnknownType { column, data_type, is_generated: false }) => {
                return Err(Unshareable::UnknownType { column, data_type });
            }
        }
    }
    let place = |wanted: &String| details.iter().position(|detail| &detail.name == wanted);
    let key: Option<Vec<usize>> = primary.iter().map(place).collect();
    // A key over a generated column cannot travel: the receiver could not write it.
    let key = key.ok_or(Unshareable::NoPrimaryKey)?;
    for detail in key.iter().filter_map(|&at| details.get(at)) {
        if matches!(detail.kind, ColumnKind::Float | ColumnKind::Json | ColumnKind::Geometry) {
            let (column, data_type) = (detail.name.clone(), detail.data_type.clone());
            return Err(Unshareable::InexactKey { column, data_type });
        }
    }
    let columns = details.iter().map(ColumnDetail::column).collect();
    let shape = TableShape { name: name.clone(), columns, key };
    let unique_keys = keys.into_values().collect();
    Ok(Table { shape, details, generated, width, unique_keys, triggers: Vec::new() })
}

struct LoadedColumn {
    column: Result<ColumnDetail, UnknownType>,
    /// Whether `SELECT *` leaves it out.
    invisible: bool,
    /// Whether it says since when or until when a row of a versioned table is valid.
    is_versioning: bool,
}

/// A column of a type that packmule does not know.
struct UnknownType {
    column: String,
    data_type: String,
    is_generated: bool,
}

fn load_columns(session: &mut Session) -> Result<HashMap<TableName, Vec<LoadedColumn>>, Error> {
    let json_texts = load_json_texts(session)?;
    let unpadded = load_unpadded_collations(session)?;
    let session_flavour = session.flavour();
    let mut columns: HashMap<TableName, Vec<LoadedColumn>> = HashMap::new();
    for row in session.rows(&format!(
        "SELECT table_name, column_name, LOWER(data_type), column_type, collation_name, character_set_name, \
                is_nullable, column_default IS NOT NULL OR extra LIKE '%DEFAULT_GENERATED%', LOWER(extra), \
                CASE WHEN COALESCE(generation_expression, '') = '' THEN 0 \
                     WHEN generation_expression IN ('ROW START', 'ROW END') THEN 2 ELSE 1 END, column_default \
         FROM information_schema.columns WHERE table_schema = DATABASE() AND {} \
         ORDER BY table_name, ordinal_position",
        not_own("table_name")
    ))? {
        let table = TableName::new(row.text(0)?);
        let column = load_column(&row, session_flavour, &json_texts, &unpadded)?;
        columns.entry(table).or_default().push(column);
    }
    Ok(columns)
}

fn load_column(
    row: &Row,
    flavour: Flavour,
    json_texts: &HashSet<(String, String)>,
    unpadded: &HashSet<String>,
) -> Result<LoadedColumn, Error> {
    let (table, name, data_type) = (row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?);
    let (is_generated, is_versioning, extra) = (row.text(9)? != "0", row.text(9)? == "2", row.text(8)?);
    let invisible = extra.contains("invisible");
    let is_json_text = json_texts.contains(&(table, name.clone()));
    let Some(kind) = ColumnDetail::kind_of(data_type, is_json_text) else {
        let data_type = data_type.to_owned();
        return Ok(LoadedColumn {
            column: Err(UnknownType { column: name, data_type, is_generated }),
            invisible,
            is_versioning,
        });
    };
    let collation = row.optional(4).map(str::to_owned);
    let nullable = row.text(6)? == "YES";
    let auto_increment = extra.contains("auto_increment");
    let literal = match (flavour, row.optional(10)) {
        (_, Some(_)) if extra.contains("default_generated") => Default::Expression,
        (Flavour::MySql, Some(text)) => Default::Literal(text.to_owned()),
        (Flavour::MariaDb, Some(text)) => Default::read(text),
        (_, None) if auto_increment => Default::Expression,
        (_, None) => Default::None,
    };
    let pads = |collation: &String| match flavour {
        Flavour::MySql => !unpadded.contains(collation),
        Flavour::MariaDb => !collation.contains("nopad"),
    };
    let column = ColumnDetail {
        fill: literal.fill(kind, data_type, nullable),
        kind,
        data_type: data_type.to_owned(),
        column_type: row.text(3)?.to_owned(),
        pads: collation.as_ref().is_some_and(pads),
        charset: row.optional(5).map(str::to_owned),
        nullable,
        has_default: is_generated || nullable || auto_increment || row.text(7)? == "1",
        auto_increment,
        generated: is_generated,
        collation,
        name,
    };
    Ok(LoadedColumn { column: Ok(column), invisible, is_versioning })
}

/// MariaDB's JSON is LONGTEXT with a CHECK (json_valid(column)); MySQL's is a type of its own.
fn load_json_texts(session: &mut Session) -> Result<HashSet<(String, String)>, Error> {
    if session.flavour() == Flavour::MySql {
        return Ok(HashSet::new());
    }
    let rows = session.rows(
        "SELECT table_name, check_clause FROM information_schema.check_constraints \
         WHERE constraint_schema = DATABASE() AND check_clause LIKE 'json_valid(`%`)'",
    )?;
    let mut found = HashSet::new();
    for row in rows {
        let clause = row.text(1)?;
        if let Some(column) = clause.strip_prefix("json_valid(`").and_then(|rest| rest.strip_suffix("`)")) {
            found.insert((row.text(0)?.to_owned(), column.to_owned()));
        }
    }
    Ok(found)
}

/// MySQL's collations for which a trailing space counts. MariaDB's have it in their names.
fn load_unpadded_collations(session: &mut Session) -> Result<HashSet<String>, Error> {
    match session.flavour() {
        Flavour::MariaDb => Ok(HashSet::new()),
        Flavour::MySql => {
            let query =
                "SELECT collation_name FROM information_schema.collations WHERE pad_attribute = 'NO PAD'";
            session.rows(query)?.iter().map(|row| row.text(0).map(str::to_owned)).collect()
        }
    }
}

pub(super) fn load_keys(session: &mut Session) -> Result<HashMap<TableName, Keys>, Error> {
    let mut keys: HashMap<TableName, Keys> = HashMap::new();
    for row in session.rows(&format!(
        "SELECT table_name, index_name, column_name FROM information_schema.statistics \
         WHERE table_schema = DATABASE() AND non_unique = 0 AND {} \
         ORDER BY table_name, index_name, seq_in_index",
        not_own("table_name")
    ))? {
        let key = keys.entry(TableName::new(row.text(0)?)).or_default();
        // an index over an expression has no column name
        key.entry(row.text(1)?.to_owned()).or_default().push(row.optional(2).unwrap_or_default().to_owned());
    }
    Ok(keys)
}

pub(super) fn load_triggers(session: &mut Session) -> Result<HashMap<TableName, Vec<Trigger>>, Error> {
    let mut triggers: HashMap<TableName, Vec<Trigger>> = HashMap::new();
    for row in session.rows(&format!(
        "SELECT event_object_table, trigger_name, event_manipulation, action_timing, action_statement \
         FROM information_schema.triggers WHERE event_object_schema = DATABASE() AND {} \
         ORDER BY event_object_table, trigger_name",
        not_own("event_object_table")
    ))? {
        triggers.entry(TableName::new(row.text(0)?)).or_default().push(Trigger {
            name: row.text(1)?.to_owned(),
            event: row.text(2)?.to_owned(),
            timing: row.text(3)?.to_owned(),
            // NULL for an account without the TRIGGER right, on MariaDB.
            body: row.optional(4).unwrap_or_default().to_owned(),
        });
    }
    Ok(triggers)
}
