//! Random edits on any database, as its application could make them: what the database refuses is no edit.

use std::collections::HashMap;

use fastrand::Rng;
use mysql::Conn;
use mysql::prelude::Queryable;

use super::site::TestSite;

/// Makes random edits on all tables of a site. The same seed on the same rows makes the same edits.
pub(crate) struct Editor {
    conn: Conn,
    rng: Rng,
    tables: Vec<Table>,
    /// The rows of each table, by the SQL literals of their keys. Some may be gone since.
    keys: HashMap<String, Vec<Vec<String>>>,
    /// Tables whose rows come and go by triggers of the application alone; their rows are only updated.
    kept_by_triggers: Vec<String>,
}

/// How many edits of each sort went through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Edits {
    pub(crate) inserts: u32,
    pub(crate) updates: u32,
    pub(crate) deletes: u32,
    pub(crate) key_changes: u32,
    pub(crate) refused: u32,
}

impl Edits {
    pub(crate) fn all(self) -> u32 {
        self.inserts + self.updates + self.deletes + self.key_changes
    }
}

struct Table {
    name: String,
    columns: Vec<Column>,
    key: Vec<usize>,
}

struct Column {
    name: String,
    data_type: String,
    column_type: String,
    nullable: bool,
    auto: bool,
    chars: usize,
    digits: (u32, u32),
    /// The parent table, where the column points to the whole key of one.
    parent: Option<String>,
}

impl Editor {
    /// Reads what tables and rows there are.
    pub(crate) fn new(site: &TestSite<'_>, tables: &[&str], kept_by_triggers: &[&str], seed: u64) -> Editor {
        let mut conn = site.server().connect(site.database()).unwrap();
        // What an application's session is like, and no warnings that would say that a value was cut.
        conn.query_drop("SET sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'").unwrap();
        let tables: Vec<Table> = tables.iter().map(|name| Table::read(&mut conn, name)).collect();
        let keys = tables.iter().map(|table| (table.name.clone(), table.keys(&mut conn))).collect();
        let kept_by_triggers = kept_by_triggers.iter().map(|&name| name.to_owned()).collect();
        Editor { conn, rng: Rng::with_seed(seed), tables, keys, kept_by_triggers }
    }

    /// Makes `count` edits that go through.
    pub(crate) fn edit(&mut self, count: u32) -> Edits {
        const REFUSED_MAX: u32 = 20;
        let mut edits = Edits::default();
        while edits.all() < count {
            assert!(edits.refused < REFUSED_MAX * count, "nearly everything is refused: {edits:?}");
            let at = self.rng.usize(..self.tables.len());
            let kept = self.kept_by_triggers.contains(&self.tables[at].name);
            let done = match self.rng.u32(..10) {
                _ if kept => self.update(at).then_some(&mut edits.updates),
                0..=2 => self.insert(at).then_some(&mut edits.inserts),
                3..=6 => self.update(at).then_some(&mut edits.updates),
                7 | 8 => self.delete(at).then_some(&mut edits.deletes),
                _ => self.change_key(at).then_some(&mut edits.key_changes),
            };
            *done.unwrap_or(&mut edits.refused) += 1;
        }
        edits
    }

    fn insert(&mut self, at: usize) -> bool {
        let table = &self.tables[at];
        let values: Vec<String> =
            table.columns.iter().map(|column| value(column, &mut self.rng, &self.keys)).collect();
        let names: Vec<String> = table.columns.iter().map(|column| format!("`{}`", column.name)).collect();
        let (name, key) =
            (table.name.clone(), table.key.iter().map(|&at| values[at].clone()).collect::<Vec<_>>());
        let done =
            self.run(&format!("INSERT INTO `{name}` ({}) VALUES ({})", names.join(", "), values.join(", ")));
        if done {
            self.keys.entry(name).or_default().push(key);
        }
        done
    }

    fn update(&mut self, at: usize) -> bool {
        let Some((_, key)) = self.some_row(at) else {
            return false;
        };
        let table = &self.tables[at];
        let free: Vec<&Column> = table
            .columns
            .iter()
            .enumerate()
            .filter(|(at, _)| !table.key.contains(at))
            .map(|(_, one)| one)
            .collect();
        if free.is_empty() {
            return false;
        }
        let count = self.rng.usize(1..=free.len().min(3));
        let sets: Vec<String> = (0..count)
            .map(|_| {
                let column = free[self.rng.usize(..free.len())];
                format!("`{}` = {}", column.name, value(column, &mut self.rng, &self.keys))
            })
            .collect();
        let query =
            format!("UPDATE `{}` SET {} WHERE {}", table.name, sets.join(", "), table.condition(&key));
        self.run(&query)
    }

    fn delete(&mut self, at: usize) -> bool {
        let Some((place, key)) = self.some_row(at) else {
            return false;
        };
        let (name, condition) = (self.tables[at].name.clone(), self.tables[at].condition(&key));
        let done = self.run(&format!("DELETE FROM `{name}` WHERE {condition}"));
        if done {
            self.keys.entry(name).or_default().swap_remove(place);
        }
        done
    }

    fn change_key(&mut self, at: usize) -> bool {
        let Some((place, mut key)) = self.some_row(at) else {
            return false;
        };
        let table = &self.tables[at];
        let condition = table.condition(&key);
        let part = self.rng.usize(..table.key.len());
        let column = &table.columns[table.key[part]];
        key[part] = value(column, &mut self.rng, &self.keys);
        let query =
            format!("UPDATE `{}` SET `{}` = {} WHERE {condition}", table.name, column.name, key[part]);
        let name = table.name.clone();
        let done = self.run(&query);
        if done {
            self.keys.entry(name).or_default()[place] = key;
        }
        done
    }

    fn some_row(&mut self, at: usize) -> Option<(usize, Vec<String>)> {
        let keys = self.keys.get(&self.tables[at].name).filter(|keys| !keys.is_empty())?;
        let place = self.rng.usize(..keys.len());
        Some((place, keys[place].clone()))
    }

    /// Whether the statement went through and changed something.
    fn run(&mut self, statement: &str) -> bool {
        match self.conn.query_drop(statement) {
            Ok(()) => self.conn.affected_rows() > 0,
            // Refused for its own sake: a parent, a unique value. Anything else is a fault of this file, or a trigger's.
            Err(mysql::Error::MySqlError(error)) => {
                let refused = [1062, 1451, 1452, 1761, 1762, 1264, 3819, 4025];
                assert!(refused.contains(&error.code), "{error}\n{statement}");
                false
            }
            Err(error) => panic!("{error}\n{statement}"),
        }
    }
}

/// Name, type, whole type, nullable, extra, characters, digits, digits behind the point.
type Described = (String, String, String, String, String, Option<u64>, Option<u32>, Option<u32>);

impl Table {
    fn read(conn: &mut Conn, name: &str) -> Table {
        let columns: Vec<Described> = conn
            .query(format!(
                "SELECT column_name, LOWER(data_type), column_type, is_nullable, LOWER(extra), character_maximum_length, \
                 numeric_precision, numeric_scale FROM information_schema.columns WHERE table_schema = DATABASE() \
                 AND table_name = '{name}' AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position"
            ))
            .unwrap();
        let parents: Vec<(String, String)> = conn
            .query(format!(
                "SELECT column_name, referenced_table_name FROM information_schema.key_column_usage \
                 WHERE table_schema = DATABASE() AND table_name = '{name}' AND referenced_table_name IS NOT NULL"
            ))
            .unwrap();
        let key: Vec<String> = conn
            .query(format!(
                "SELECT column_name FROM information_schema.statistics WHERE table_schema = DATABASE() \
                 AND table_name = '{name}' AND index_name = 'PRIMARY' ORDER BY seq_in_index"
            ))
            .unwrap();
        let columns: Vec<Column> = columns
            .into_iter()
            .map(|(name, data_type, column_type, nullable, extra, chars, precision, scale)| Column {
                parent: parents.iter().find(|(column, _)| *column == name).map(|(_, parent)| parent.clone()),
                nullable: nullable == "YES",
                auto: extra.contains("auto_increment"),
                chars: chars.unwrap_or(0) as usize,
                digits: (precision.unwrap_or(0), scale.unwrap_or(0)),
                name,
                data_type,
                column_type,
            })
            .collect();
        let place = |wanted: &String| columns.iter().position(|column| &column.name == wanted).unwrap();
        let key = key.iter().map(place).collect();
        Table { name: name.to_owned(), columns, key }
    }

    fn keys(&self, conn: &mut Conn) -> Vec<Vec<String>> {
        let names: Vec<String> =
            self.key.iter().map(|&at| format!("QUOTE(`{}`)", self.columns[at].name)).collect();
        let rows: Vec<mysql::Row> = conn
            .query(
                format!("SELECT {} FROM `{}` ORDER BY PRIMARY_KEY", names.join(", "), self.name).replace(
                    "PRIMARY_KEY",
                    &self
                        .key
                        .iter()
                        .map(|&at| format!("`{}`", self.columns[at].name))
                        .collect::<Vec<_>>()
                        .join(", "),
                ),
            )
            .unwrap();
        rows.into_iter().map(|row| row.unwrap().into_iter().map(mysql::from_value).collect()).collect()
    }

    fn condition(&self, key: &[String]) -> String {
        let parts =
            self.key.iter().zip(key).map(|(&at, value)| format!("`{}` = {value}", self.columns[at].name));
        parts.collect::<Vec<_>>().join(" AND ")
    }
}

/// A literal that the column can hold, awkward where it can be.
fn value(column: &Column, rng: &mut Rng, keys: &HashMap<String, Vec<Vec<String>>>) -> String {
    if column.nullable && rng.u32(..8) == 0 {
        return "NULL".to_owned();
    }
    if let Some(parents) =
        column.parent.as_ref().and_then(|parent| keys.get(parent)).filter(|keys| !keys.is_empty())
    {
        return parents[rng.usize(..parents.len())][0].clone();
    }
    let unsigned = column.column_type.contains("unsigned");
    match column.data_type.as_str() {
        "tinyint" if unsigned || column.auto => rng.u32(1..=127).to_string(),
        "tinyint" => rng.i32(-128..=127).to_string(),
        "smallint" if unsigned => rng.u32(1..=65535).to_string(),
        "smallint" => rng.i32(-32768..=32767).to_string(),
        "mediumint" => rng.u32(1..=8_388_607).to_string(),
        "int" => rng.u32(1..=i32::MAX as u32).to_string(),
        "bigint" => rng.i64(..).to_string(),
        "decimal" => {
            let (digits, scale) = (column.digits.0.min(17), column.digits.1);
            let whole = rng.u64(..10u64.pow(digits - scale));
            format!(
                "{whole}.{:0width$}",
                rng.u64(..10u64.pow(scale.max(1))) / 10u64.pow(u32::from(scale == 0)),
                width = scale.max(1) as usize
            )
        }
        "float" | "double" => format!("{:e}", f64::from(rng.f32()) * 1e6),
        "bit" => rng.u8(..2).to_string(),
        "year" => rng.u32(1901..=2155).to_string(),
        "date" => format!("'{:04}-{:02}-{:02}'", rng.u32(1000..=9999), rng.u32(1..=12), rng.u32(1..=28)),
        "time" => format!(
            "'{}{:02}:{:02}:{:02}'",
            if rng.bool() { "" } else { "-" },
            rng.u32(..800),
            rng.u32(..60),
            rng.u32(..60)
        ),
        "datetime" | "timestamp" => format!(
            "'{:04}-{:02}-{:02} {:02}:{:02}:{:02}'",
            rng.u32(1971..=2037),
            rng.u32(1..=12),
            rng.u32(1..=28),
            rng.u32(..24),
            rng.u32(..60),
            rng.u32(..60)
        ),
        "enum" | "set" => some_word(&column.column_type, rng),
        "blob" | "varbinary" | "longblob" | "mediumblob" | "tinyblob" => bytes(rng, 40),
        "binary" => bytes(rng, column.chars),
        "geometry" | "point" => format!(
            "ST_GeomFromText('POINT({} {})')",
            rng.i32(-180..180),
            f64::from(rng.i32(-900..900)) / 8.0
        ),
        "json" => format!("'{{\"n\": [{}, \"{}\"]}}'", rng.i32(..), rng.alphanumeric()),
        _ => text(column.chars, rng),
    }
}

/// One of the words of an ENUM or SET.
fn some_word(column_type: &str, rng: &mut Rng) -> String {
    let words = column_type.split_once('(').map_or("", |(_, words)| words).trim_end_matches(')');
    let words: Vec<&str> = words.split("','").map(|word| word.trim_matches('\'')).collect();
    format!("'{}'", words[rng.usize(..words.len())])
}

fn bytes(rng: &mut Rng, length: usize) -> String {
    let digits: String = (0..length).map(|_| format!("{:02X}", rng.u8(..))).collect();
    format!("x'{digits}'")
}

/// Text of at most `chars` characters of the basic plane: quotes, spaces at the end, both cases, accents.
fn text(chars: usize, rng: &mut Rng) -> String {
    const WORDS: [&str; 12] =
        ["a", "A", " ", "\u{e9}", "''", "\\\\", "\u{4e2d}", "\u{df}", "x", "\\n", "\u{627}", "0"];
    let length = rng.usize(..=chars.min(12));
    let words: String = (0..length).map(|_| WORDS[rng.usize(..WORDS.len())]).collect();
    format!("'{words}'")
}
