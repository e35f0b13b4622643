//! How a column spells a value for which others have more spellings than one. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::db::column::ColumnDetail;
use crate::db::members::members;
use crate::model::Value;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ColumnKind;

    #[test]
    fn a_value_takes_the_spelling_of_its_column() {
        let respelt = |column_type: &str, text: &str| {
            respell(&ColumnDetail::sample("c", ColumnKind::Text, column_type), Value::Text(text.to_owned()))
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
