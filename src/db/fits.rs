//! Whether a column keeps a value as it is. Pure.
//!
//! Strict mode refuses most of what does not fit. What is here the servers would alter without a word: they round a DECIMAL or a
//! time, cut spaces, fill up with zeros, take another member of an ENUM, number a NULL. The other site's table need not be made
//! as this one is, and the two kinds of server do not offer the same types.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::db::catalog::Table;
use crate::db::column::ColumnDetail;
use crate::db::error::Error;
use crate::db::json_sql::lossy;
use crate::db::members::members;
use crate::model::{ColumnKind, Decimal, RowImage, Value};

/// What the columns of a table keep, read out of their types once for many rows.
pub struct Fit<'t>(Vec<ColumnFit<'t>>);

struct ColumnFit<'t> {
    detail: &'t ColumnDetail,
    /// Of an ENUM or SET.
    members: Vec<String>,
    /// 10 of `varchar(10)`, 3 of `datetime(3)`.
    length: Option<usize>,
    /// 2 of `decimal(10,2)`.
    scale: usize,
}

impl<'t> Fit<'t> {
    /// What `table` keeps.
    pub fn of(table: &'t Table) -> Self {
        Fit(table.details.iter().map(ColumnFit::of).collect())
    }

    /// Says why the table would not keep `row` as it is, where it would not.
    pub fn misfit(&self, row: &RowImage) -> Option<Error> {
        let mut cells = self.0.iter().zip(&row.0);
        cells.find_map(|(column, value)| {
            let why = column.misfit(value)?;
            Some(Error::Misfit { column: column.detail.name.clone(), why })
        })
    }
}

impl<'t> ColumnFit<'t> {
    fn of(detail: &'t ColumnDetail) -> Self {
        ColumnFit {
            detail,
            members: members(&detail.column_type),
            length: number_in_brackets(&detail.column_type),
            scale: scale_in_brackets(&detail.column_type),
        }
    }

    /// Says in words why the column would not keep `value`, where it would not; the words follow "column NAME".
    fn misfit(&self, value: &Value) -> Option<String> {
        let column_type = &self.detail.column_type;
        match value {
            // TIMESTAMP may take it for now, AUTO_INCREMENT for the next number
            Value::Null if !self.detail.nullable => Some("cannot be NULL here".to_owned()),
            Value::Null => None,
            Value::Bytes(bytes) => {
                let is_short = self.detail.data_type == "binary" && bytes.len() < self.length.unwrap_or(0);
                is_short.then(|| {
                    format!("is {column_type} here, which fills {} bytes up with zeros", bytes.len())
                })
            }
            Value::Text(text) => self.text_misfit(text),
        }
    }

    fn text_misfit(&self, text: &str) -> Option<String> {
        let column_type = &self.detail.column_type;
        let unless = |keeps: bool| {
            if keeps { None } else { Some(format!("is {column_type} here, which cannot keep {text}")) }
        };
        let is_member = |part: &str| self.members.iter().any(|member| member == part);
        match (self.detail.kind, self.detail.data_type.as_str()) {
            (ColumnKind::Json, "json") => lossy(text).map(|lossy| format!("would be altered: {lossy}")),
            (ColumnKind::Decimal, _) => unless(self.keeps_decimal(text)),
            (ColumnKind::Float, "float") if !column_type.contains('(') => {
                unless(text.parse::<f64>().is_ok_and(|number| f64::from(number as f32) == number))
            }
            (ColumnKind::Temporal, "year") if column_type == "year(2)" => {
                unless(text.parse::<u32>().is_ok_and(|year| (1970..=2069).contains(&year)))
            }
            (ColumnKind::Temporal | ColumnKind::Timestamp, _) => unless(self.keeps_time(text)),
            (ColumnKind::Text, "char") if text.ends_with(' ') => {
                Some(format!("is {column_type} here, which drops the spaces at the end"))
            }
            // all else that is too long is refused
            (ColumnKind::Text, "varchar") if text.ends_with(' ') => {
                let is_long = self.length.is_some_and(|length| text.chars().count() > length);
                is_long
                    .then(|| format!("is {column_type} here, which is too short for the spaces at the end"))
            }
            // '' is what an ENUM holds when it holds none of its members
            (ColumnKind::Text, "enum") if !text.is_empty() && !is_member(text) => {
                Some(format!("has no member '{text}' here"))
            }
            (ColumnKind::Text, "set") => {
                let missing = text.split(',').find(|part| !part.is_empty() && !is_member(part))?;
                Some(format!("has no member '{missing}' here"))
            }
            (
                ColumnKind::Integer
                | ColumnKind::Float
                | ColumnKind::Text
                | ColumnKind::Json
                | ColumnKind::Binary
                | ColumnKind::Geometry,
                _,
            ) => None,
        }
    }

    fn keeps_decimal(&self, text: &str) -> bool {
        let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        fraction <= self.scale || Decimal::parse(text).is_some_and(|decimal| decimal.scale() <= self.scale)
    }

    /// Whether a date or time loses no part of itself.
    fn keeps_time(&self, text: &str) -> bool {
        let (moment, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let (has_date, has_time) =
            (moment.get(1..).is_some_and(|rest| rest.contains('-')), moment.contains(':'));
        match self.detail.data_type.as_str() {
            "date" => !has_time || (moment.ends_with(" 00:00:00") && fraction.is_empty()),
            "time" => !has_date && fraction.len() <= self.length.unwrap_or(0),
            "year" => !has_date && !has_time,
            _ => fraction.len() <= self.length.unwrap_or(0),
        }
    }
}

/// The value as this column spells it: UUID and INET have one spelling, a SET has one order. All else stays as it is.
pub fn respell(detail: &ColumnDetail, value: Value) -> Value {
    let Value::Text(text) = value else {
        return value;
    };
    let spelt = match detail.data_type.as_str() {
        "uuid" => uuid(&text),
        "inet6" => text.parse::<Ipv6Addr>().ok().map(|address| address.to_string()),
        "inet4" => text.parse::<Ipv4Addr>().ok().map(|address| address.to_string()),
        "set" => in_order(&members(&detail.column_type), &text),
        _ => None,
    };
    Value::Text(spelt.unwrap_or(text))
}

/// Whether [`respell`] may spell a value of this column in another way.
pub fn has_own_spelling(detail: &ColumnDetail) -> bool {
    matches!(detail.data_type.as_str(), "uuid" | "inet6" | "inet4" | "set")
}

fn uuid(text: &str) -> Option<String> {
    const DIGITS: usize = 32;
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() != DIGITS || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default());
    Some(parts.join("-").to_lowercase())
}

fn in_order(members: &[String], text: &str) -> Option<String> {
    let given: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
    if given.iter().any(|part| members.iter().all(|member| member != part)) {
        return None;
    }
    let kept = members.iter().filter(|member| given.contains(&member.as_str()));
    Some(kept.map(String::as_str).collect::<Vec<_>>().join(","))
}

/// 10 of `varchar(10)`, 3 of `datetime(3)`.
fn number_in_brackets(column_type: &str) -> Option<usize> {
    column_type.split_once('(')?.1.split([',', ')']).next()?.trim().parse().ok()
}

/// 2 of `decimal(10,2) unsigned`.
fn scale_in_brackets(column_type: &str) -> usize {
    let scale = column_type.split_once(',').and_then(|(_, rest)| rest.split(')').next());
    scale.and_then(|scale| scale.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(kind: ColumnKind, column_type: &str, nullable: bool) -> ColumnDetail {
        ColumnDetail {
            name: "c".to_owned(),
            kind,
            data_type: column_type.split(['(', ' ']).next().unwrap_or_default().to_owned(),
            column_type: column_type.to_owned(),
            collation: None,
            charset: None,
            pads: false,
            nullable,
            has_default: true,
            auto_increment: false,
            generated: false,
            fill: None,
        }
    }

    fn is_kept(detail: &ColumnDetail, value: &Value) -> bool {
        ColumnFit::of(detail).misfit(value).is_none()
    }

    fn keeps(kind: ColumnKind, column_type: &str, text: &str) -> bool {
        is_kept(&detail(kind, column_type, true), &Value::Text(text.to_owned()))
    }

    #[test]
    fn what_a_column_would_round_or_cut_without_a_word_is_a_misfit() {
        let (decimal, float, temporal) = (ColumnKind::Decimal, ColumnKind::Float, ColumnKind::Temporal);
        assert!(
            keeps(decimal, "decimal(10,2) unsigned", "1.50000") && !keeps(decimal, "decimal(10,2)", "1.505")
        );
        assert!(keeps(decimal, "decimal(10,0)", "15") && !keeps(decimal, "decimal(10,0)", "15.5"));
        assert!(keeps(float, "float", "0.10000000149011612") && !keeps(float, "float", "0.1"));
        assert!(keeps(float, "double", "0.1") && keeps(float, "float(7,2)", "12345.669921875"));
        assert!(keeps(temporal, "datetime", "2026-01-02 03:04:05.000"));
        assert!(!keeps(temporal, "datetime", "2026-01-02 03:04:05.5"));
        assert!(
            keeps(temporal, "date", "2026-01-02 00:00:00") && !keeps(temporal, "date", "2026-01-02 03:04:05")
        );
        assert!(
            keeps(temporal, "time(3)", "-12:00:00.125") && !keeps(temporal, "time", "2026-01-02 00:00:00")
        );
        assert!(keeps(temporal, "year(2)", "2069") && !keeps(temporal, "year(2)", "0000"));
        assert!(keeps(temporal, "year(4)", "0000") && !keeps(temporal, "year(4)", "2026-01-01"));
        assert!(!keeps(ColumnKind::Timestamp, "timestamp", "2026-01-02 03:04:05.500000"));
    }

    #[test]
    fn texts_lose_no_space_and_become_no_other_member() {
        let text = ColumnKind::Text;
        assert!(keeps(text, "char(3)", " a") && !keeps(text, "char(3)", "a "));
        assert!(keeps(text, "varchar(3)", "ab ") && !keeps(text, "varchar(3)", "abc "));
        assert!(keeps(text, "enum('a','b')", "a") && !keeps(text, "enum('a','b')", "A"));
        assert!(keeps(text, "enum('a','b')", ""));
        assert!(keeps(text, "set('a','b')", "b,a") && !keeps(text, "set('a','b')", "a,c"));
    }

    #[test]
    fn short_bytes_and_nulls_are_not_filled_up() {
        let short = Value::Bytes(vec![1, 2]);
        assert!(!is_kept(&detail(ColumnKind::Binary, "binary(3)", true), &short));
        assert!(is_kept(&detail(ColumnKind::Binary, "varbinary(3)", true), &short));
        assert!(!is_kept(&detail(ColumnKind::Timestamp, "timestamp", false), &Value::Null));
        assert!(is_kept(&detail(ColumnKind::Timestamp, "timestamp", true), &Value::Null));
    }

    #[test]
    fn a_value_takes_the_spelling_of_its_column() {
        let respelt = |column_type: &str, text: &str| {
            respell(&detail(ColumnKind::Text, column_type, true), Value::Text(text.to_owned()))
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let lower = "6ccd780c-baba-1026-9564-5b8c656024db";
        assert_eq!(respelt("uuid", "6CCD780CBABA102695645B8C656024DB"), text(lower));
        assert_eq!(respelt("uuid", "nonsense"), text("nonsense"));
        assert_eq!(respelt("inet6", "2001:DB8:0::1"), text("2001:db8::1"));
        assert_eq!(respelt("set('a','b','c')", "c,a"), text("a,c"));
        assert_eq!(respelt("set('a','b')", "b,x"), text("b,x"));
        assert_eq!(respelt("varchar(9)", "C,a"), text("C,a"));
    }
}
