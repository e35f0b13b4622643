//! The SQL that puts a JSON document into a MySQL column without a digit less. Pure.
//!
//! MySQL reads the numbers of a JSON text as 64-bit integers or as DOUBLE, and so rounds all others in silence. It keeps a DECIMAL
//! exactly, though, when one is put into the document by a function. MariaDB keeps a document's text as it is.

use crate::db::sql;
use crate::model::{Decimal, Json};

/// Why MySQL cannot keep a document as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonLoss {
    /// Of values with one name only the last would be kept.
    #[error("its JSON has the name \"{0}\" twice, and MySQL keeps only one")]
    NameTwice(String),
    /// Neither a 64-bit integer, nor a DOUBLE, nor a DECIMAL.
    #[error("MySQL cannot keep the number {0} in JSON exactly")]
    Number(String),
}

/// Appends the expression for the document `text`, which stands in the statement as `literal`. What is no JSON goes as it is: the
/// server has a word on it.
pub(super) fn push_json(out: &mut String, text: &str, literal: &str) {
    let mut exact = Vec::new();
    let document = Json::parse(text);
    if let Some(document) = &document {
        // A document that would be altered is not kept: see `json_loss`.
        let _ = find(document, "$", &mut |path, number| {
            if let Kept::AsDecimal(decimal) = kept(number) {
                exact.push((path.to_owned(), decimal));
            }
            Ok(())
        });
    }
    match (document, exact.as_slice()) {
        (_, []) => out.push_str(literal),
        (Some(Json::Number(_)), [(_, decimal), ..]) => out.push_str(&format!("CAST({decimal} AS JSON)")),
        (_, exact) => {
            out.push_str("JSON_SET(");
            out.push_str(literal);
            for (path, decimal) in exact {
                out.push_str(&format!(",{},{decimal}", sql::text(path)));
            }
            out.push(')');
        }
    }
}

/// Says why MySQL would not keep all of the document `text`, where it would not.
pub fn json_loss(text: &str) -> Option<JsonLoss> {
    let document = Json::parse(text)?;
    find(&document, "$", &mut |_, number| match kept(number) {
        Kept::AsIs | Kept::AsDecimal(_) => Ok(()),
        Kept::Rounded => Err(JsonLoss::Number(number.to_owned())),
    })
    .err()
}

/// Hands over every number with its place, and stops at names that stand twice.
fn find(
    document: &Json,
    path: &str,
    take: &mut dyn FnMut(&str, &str) -> Result<(), JsonLoss>,
) -> Result<(), JsonLoss> {
    match document {
        Json::Null | Json::Bool(_) | Json::Text(_) => Ok(()),
        Json::Number(number) => take(path, number),
        Json::Array(parts) => {
            parts.iter().enumerate().try_for_each(|(at, part)| find(part, &format!("{path}[{at}]"), take))
        }
        Json::Object(entries) => {
            let mut names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            if let Some(twice) = names.windows(2).find(|pair| pair.first() == pair.last()) {
                return Err(JsonLoss::NameTwice(twice.first().copied().unwrap_or_default().to_owned()));
            }
            entries.iter().try_for_each(|(name, value)| {
                let name = serde_json::Value::String(name.clone());
                find(value, &format!("{path}.{name}"), take)
            })
        }
    }
}

/// What becomes of a number.
#[derive(Debug, PartialEq, Eq)]
enum Kept {
    /// The text of the document will do.
    AsIs,
    /// It must be put in as this DECIMAL.
    AsDecimal(String),
    /// It would be altered.
    Rounded,
}

fn kept(number: &str) -> Kept {
    const INTEGERS: std::ops::RangeInclusive<i128> = i64::MIN as i128..=u64::MAX as i128;
    const DIGITS_MAX: usize = 65;
    const SCALE_MAX: usize = 30;
    let Some(decimal) = Decimal::parse(number) else {
        return Kept::Rounded;
    };
    let is_whole = !number.contains(['.', 'e', 'E']);
    let fits = match is_whole {
        true => number.parse::<i128>().is_ok_and(|number| INTEGERS.contains(&number)),
        false => number.parse::<f64>().is_ok_and(|double| {
            double.is_finite() && Decimal::parse(&double.to_string()) == Some(decimal.clone())
        }),
    };
    // 1.10 can only be a DECIMAL where it comes from MySQL, and comes back as 1.1 from a DOUBLE
    let ends_idly = !number.contains(['e', 'E']) && number.ends_with('0') && !number.ends_with(".0");
    if fits && (is_whole || !ends_idly) {
        return Kept::AsIs;
    }
    let plain = match number.contains(['e', 'E']) {
        true if decimal.precision() <= DIGITS_MAX => decimal.plain(),
        true => return Kept::Rounded,
        false => number.to_owned(),
    };
    let scale = plain.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    match (digits <= DIGITS_MAX && scale <= SCALE_MAX, fits) {
        (true, _) => Kept::AsDecimal(plain),
        (false, true) => Kept::AsIs,
        (false, false) => Kept::Rounded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = String::new();
        push_json(&mut out, text, &sql::text(text));
        out
    }

    #[test]
    fn only_numbers_that_would_be_rounded_are_put_in_one_by_one() {
        let plain = r#"{"a":[1,-0.5,1e5,18446744073709551615,0.1,1.7976931348623157e308,"1.10"],"b":null}"#;
        assert_eq!(written(plain), format!("'{plain}'"));
        assert_eq!(
            written(r#"{"a b\"c":[1,12345678901234567890123],"n":3.14159265358979323846}"#),
            r#"JSON_SET('{"a b\\"c":[1,12345678901234567890123],"n":3.14159265358979323846}','$."a b\\"c"[1]',12345678901234567890123,'$."n"',3.14159265358979323846)"#
        );
        assert_eq!(written("18446744073709551616"), "CAST(18446744073709551616 AS JSON)");
        assert_eq!(written("no JSON"), "'no JSON'");
    }

    #[test]
    fn a_number_is_kept_as_it_is_as_a_decimal_or_not_at_all() {
        for number in ["0", "-0", "-0.0", "1.0", "0.1", "5e-324", "1E+2", "-9223372036854775808", "100.0"] {
            assert_eq!(kept(number), Kept::AsIs, "{number}");
        }
        for (number, literal) in [
            ("1.10", "1.10"),
            ("18446744073709551616", "18446744073709551616"),
            ("-12345678901234567890.5", "-12345678901234567890.5"),
            ("1.2345678901234567890123e3", "1234.5678901234567890123"),
            ("123456789012345678901e2", "12345678901234567890100"),
        ] {
            assert_eq!(kept(number), Kept::AsDecimal(literal.to_owned()), "{number}");
        }
        for number in ["1e400", "1e-400", "1.23456789012345678e300", "0.12345678901234567890123456789012345"]
        {
            assert_eq!(kept(number), Kept::Rounded, "{number}");
        }
    }

    #[test]
    fn what_would_be_lost_is_named() {
        assert_eq!(json_loss(r#"{"a":1,"b":{"a":2}}"#), None);
        assert_eq!(json_loss(r#"[{"a":1,"a":2}]"#), Some(JsonLoss::NameTwice("a".into())));
        assert_eq!(json_loss("[1e400]"), Some(JsonLoss::Number("1e400".into())));
        assert_eq!(json_loss("not JSON"), None);
    }
}
