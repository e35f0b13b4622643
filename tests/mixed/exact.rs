//! Compares rows of two servers of different kinds, bit by bit, by means that do not depend on the server.

use std::collections::BTreeMap;

use mysql::prelude::Queryable;
use serde_json::Value as Json;

use crate::harness::TestSite;

/// Fails the test unless both sites hold the same rows in each table.
#[track_caller]
pub(crate) fn assert_same(left: &TestSite<'_>, right: &TestSite<'_>, tables: &[&str]) {
    let mut found = Vec::new();
    for table in tables {
        let json = [left, right].map(|site| json_columns(site, table)).concat();
        let (ours, others) = (rows(left, table, &json), rows(right, table, &json));
        for (key, row) in &ours {
            match others.get(key) {
                Some(other) if other == row => {}
                other => found.push(format!("{table} {key}: {row:?}, {} has {other:?}", right.name())),
            }
        }
        let more = others.keys().filter(|key| !ours.contains_key(*key));
        found.extend(more.map(|key| format!("{table} {key}: only {} has it", right.name())));
    }
    assert!(found.is_empty(), "{} and {} differ:\n{}", left.name(), right.name(), found.join("\n"));
}

/// Every row of a table, by its first column. Floating-point numbers are their bits, texts the digits of their UTF-8,
/// JSON is a document whose numbers have one spelling.
#[track_caller]
fn rows(site: &TestSite<'_>, table: &str, json: &[String]) -> BTreeMap<String, Vec<String>> {
    let columns = site.query(&format!(
        "SELECT column_name, data_type FROM information_schema.columns \
         WHERE table_schema = '{}' AND table_name = '{table}' AND COALESCE(generation_expression, '') = '' \
         ORDER BY ordinal_position",
        site.database()
    ));
    assert!(!columns.is_empty(), "{} has no table {table}", site.name());
    let text = |row: &[Option<String>], at: usize| row[at].clone().unwrap();
    let chosen: Vec<String> = columns.iter().map(|row| expression(&text(row, 0), &text(row, 1))).collect();
    let mut connection = site.server().connect(site.database()).unwrap();
    connection
        .query_drop("SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES'")
        .unwrap();
    // A prepared statement: numbers come as their bits, not as text that a server has rounded.
    let query = format!("SELECT {} FROM `{table}`", chosen.join(", "));
    let found: Vec<mysql::Row> = connection.exec(query, ()).unwrap();
    let cells = found.into_iter().map(mysql::Row::unwrap);
    cells
        .map(|cells| {
            let row: Vec<String> = cells
                .into_iter()
                .zip(&columns)
                .map(|(cell, column)| match json.contains(&text(column, 0)) {
                    true => document(cell),
                    false => bits(cell),
                })
                .collect();
            (row[0].clone(), row)
        })
        .collect()
}

fn expression(column: &str, data_type: &str) -> String {
    let name = format!("`{column}`");
    match data_type {
        "float" | "double" | "json" => name,
        "bit" => format!("CAST({name} AS UNSIGNED)"),
        // the widest of both servers, without ZEROFILL's zeros
        "decimal" => format!("CAST(CAST({name} AS DECIMAL(65,30)) AS CHAR)"),
        // MariaDB's YEAR(2) prints two digits of four
        "year" => format!(
            "IF({name} + 0 BETWEEN 1 AND 69, {name} + 2000, IF({name} + 0 BETWEEN 70 AND 99, {name} + 1900, {name} + 0))"
        ),
        // in the order of the alphabet, not of the definition
        "set" => format!(
            "(SELECT GROUP_CONCAT(m ORDER BY m) FROM (SELECT 'x' m UNION SELECT 'y' UNION SELECT 'z z') s WHERE FIND_IN_SET(m, {name}))"
        ),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "uuid" | "inet4"
        | "inet6" => format!("HEX(CONVERT({name} USING utf8mb4))"),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector" | "geometry"
        | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
        | "geometrycollection" | "geomcollection" => format!("HEX({name})"),
        _ => format!("CAST({name} AS CHAR)"),
    }
}

fn bits(cell: mysql::Value) -> String {
    match cell {
        mysql::Value::NULL => "NULL".to_owned(),
        mysql::Value::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
        mysql::Value::Float(number) => format!("{number:?} {:08x}", number.to_bits()),
        mysql::Value::Double(number) => format!("{number:?} {:016x}", number.to_bits()),
        other => other.as_sql(true),
    }
}

/// The JSON columns of a table: MySQL's type, and MariaDB's text with its CHECK.
fn json_columns(site: &TestSite<'_>, table: &str) -> Vec<String> {
    let own = site.query(&format!(
        "SELECT column_name FROM information_schema.columns \
         WHERE table_schema = '{}' AND table_name = '{table}' AND data_type = 'json'",
        site.database()
    ));
    own.into_iter().flatten().flatten().collect()
}

/// A document with its keys in order and every number in one spelling. Names that stand twice are told.
fn document(cell: mysql::Value) -> String {
    let mysql::Value::Bytes(bytes) = cell else {
        return "NULL".to_owned();
    };
    // `rows` may have asked for the digits of a text.
    let text = String::from_utf8(bytes).unwrap();
    let text = match text.as_bytes().iter().all(u8::is_ascii_hexdigit) && text.len() % 2 == 0 {
        true => unhex(&text).unwrap_or(text),
        false => text,
    };
    let mut out = String::new();
    let parsed: Json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    spell(&parsed, &mut out);
    out
}

fn unhex(text: &str) -> Option<String> {
    let digits: Option<Vec<u8>> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect();
    String::from_utf8(digits?).ok()
}

fn spell(json: &Json, out: &mut String) {
    match json {
        Json::Number(number) => out.push_str(&number_in_one_spelling(&number.to_string())),
        Json::Array(parts) => {
            out.push('[');
            parts.iter().for_each(|part| {
                spell(part, out);
                out.push(',');
            });
            out.push(']');
        }
        Json::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            out.push('{');
            for (name, value) in sorted {
                out.push_str(&format!("{name:?}:"));
                spell(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Json::Null | Json::Bool(_) | Json::String(_) => out.push_str(&json.to_string()),
    }
}

/// `-1.50e3` as `-15e2`: all digits that count, and a power of ten.
fn number_in_one_spelling(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, power) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let mut power: i64 = power.parse::<i64>().unwrap() - fraction.len() as i64;
    let bare = digits.trim_start_matches('0');
    let short = bare.trim_end_matches('0');
    power += (bare.len() - short.len()) as i64;
    if short.is_empty() { format!("{sign}0") } else { format!("{sign}{short}e{power}") }
}
