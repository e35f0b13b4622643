//! A JSON document read exactly: every digit of its numbers, and names that stand twice.
//!
//! MariaDB keeps a document as it was typed; MySQL writes it anew: names sorted, spaces and escapes in its own way. Whether two
//! texts are one document, and whether MySQL would keep all of it, is decided on what is read here.

use std::cmp::Ordering;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is spelt.
    Number(String),
    /// A text, without its escapes.
    Text(String),
    /// A list.
    Array(Vec<Json>),
    /// Names and values in their order; a name may stand more than once.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a document. `None` for what is none, or is nested deeper than either server allows.
    pub fn parse(text: &str) -> Option<Json> {
        let mut scanner = Scanner { rest: text };
        let value = scanner.value(DEPTH_MAX)?;
        scanner.skip_space();
        scanner.rest.is_empty().then_some(value)
    }

    /// Whether two documents say the same: the order of names, and how a number is spelt, do not matter; every digit does.
    pub fn same(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Number(a), Json::Number(b)) => a == b || Decimal::parse(a) == Decimal::parse(b),
            (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Json::Object(a), Json::Object(b)) => {
                let (a, b) = (sorted(a), sorted(b));
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.same(&b.1))
            }
            (Json::Null, Json::Null) => true,
            (Json::Bool(a), Json::Bool(b)) => a == b,
            (Json::Text(a), Json::Text(b)) => a == b,
            (
                Json::Null
                | Json::Bool(_)
                | Json::Number(_)
                | Json::Text(_)
                | Json::Array(_)
                | Json::Object(_),
                _,
            ) => false,
        }
    }
}

/// Entries by name; those of one name stay in their order, because the last or the first of them counts.
fn sorted(entries: &[(String, Json)]) -> Vec<&(String, Json)> {
    let mut sorted: Vec<&(String, Json)> = entries.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    sorted
}

/// The value of a decimal number: all digits that count, and where the point is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// The power of ten of the last digit.
    power: i64,
}

impl Decimal {
    /// Reads `-1.50e3`. `None` for what is no number, or has an exponent of more than nine digits.
    pub fn parse(text: &str) -> Option<Decimal> {
        const EXPONENT_DIGITS_MAX: usize = 10;
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix('+').unwrap_or(exponent)),
            None => (rest, "0"),
        };
        if exponent.len() > EXPONENT_DIGITS_MAX {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let bare = all.trim_start_matches('0');
        let digits = bare.trim_end_matches('0');
        let idle = (bare.len() - digits.len()) as i64;
        let power = exponent.parse::<i64>().ok()? - fraction.len() as i64 + idle;
        let is_zero = digits.is_empty();
        Some(Decimal {
            negative: negative && !is_zero,
            digits: digits.to_owned(),
            power: if is_zero { 0 } else { power },
        })
    }

    /// Digits after the point.
    pub fn scale(&self) -> usize {
        usize::try_from(-self.power).unwrap_or(0)
    }

    /// Digits in all, when it is written without an exponent.
    pub fn precision(&self) -> usize {
        let whole = (self.digits.len() as i64 + self.power).max(0);
        usize::try_from(whole).unwrap_or(usize::MAX).saturating_add(self.scale())
    }

    /// Writes it without an exponent. Only for numbers whose [`Decimal::precision`] was found to be small.
    pub fn plain(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let digits = match self.power.cmp(&0) {
            Ordering::Less | Ordering::Equal => self.digits.clone(),
            Ordering::Greater => format!("{}{}", self.digits, "0".repeat(self.power as usize)),
        };
        let scale = self.scale();
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

/// More than MySQL's 100 and MariaDB's 32.
const DEPTH_MAX: usize = 128;

/// What of a document is not read yet.
struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Goes past `text` where it comes next.
    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.skip_space();
        match self.rest.bytes().next()? {
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.array(depth.checked_sub(1)?),
            b'"' => self.text().map(Json::Text),
            b't' => self.take("true").then_some(Json::Bool(true)),
            b'f' => self.take("false").then_some(Json::Bool(false)),
            b'n' => self.take("null").then_some(Json::Null),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        let mut parts = Vec::new();
        self.take("[");
        self.skip_space();
        if self.take("]") {
            return Some(Json::Array(parts));
        }
        loop {
            parts.push(self.value(depth)?);
            self.skip_space();
            if self.take("]") {
                return Some(Json::Array(parts));
            }
            self.take(",").then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut entries = Vec::new();
        self.take("{");
        self.skip_space();
        if self.take("}") {
            return Some(Json::Object(entries));
        }
        loop {
            self.skip_space();
            let name = self.text()?;
            self.skip_space();
            self.take(":").then_some(())?;
            entries.push((name, self.value(depth)?));
            self.skip_space();
            if self.take("}") {
                return Some(Json::Object(entries));
            }
            self.take(",").then_some(())?;
        }
    }

    fn text(&mut self) -> Option<String> {
        let inside = self.rest.strip_prefix('"')?;
        let mut escaped = false;
        let end = inside.bytes().position(|byte| {
            let is_end = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            is_end
        })?;
        let (quoted, rest) = self.rest.split_at_checked(end + 2)?;
        self.rest = rest;
        serde_json::from_str(quoted).ok()
    }

    fn number(&mut self) -> Option<Json> {
        let of_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let end = self.rest.find(|c| !of_number(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at_checked(end)?;
        // serde_json knows JSON's own rules: no leading zeros, digits on both sides of the point
        serde_json::from_str::<serde_json::Number>(number).ok()?;
        self.rest = rest;
        Some(Json::Number(number.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Json::parse(a).unwrap().same(&Json::parse(b).unwrap())
    }

    #[test]
    fn documents_are_the_same_when_every_digit_is() {
        assert!(same(r#"{"b":1.0,"a":[1,2],"n":1e5}"#, r#" {"a": [1, 2], "b": 1, "n": 100000.0} "#));
        assert!(same("18446744073709551616", "18446744073709551616.0"));
        assert!(!same("12345678901234567890123", "12345678901234567890124"));
        assert!(!same("[1,2]", "[2,1]"));
        assert!(same(r#""\u00e9\ud83d\udc0e""#, "\"\u{e9}\u{1F40E}\""));
        assert!(same("-0.0", "0"));
    }

    #[test]
    fn a_name_that_stands_twice_counts_twice() {
        assert!(!same(r#"{"a":1,"a":2}"#, r#"{"a":2}"#));
        assert!(!same(r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#));
        assert!(same(r#"{"a":1,"b":0,"a":2}"#, r#"{"b":0,"a":1,"a":2}"#));
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in
            ["", "{", "[1,]", "{\"a\"}", "01", "1.", "nul", "\"\\ud800\"", "[1] 2", "\"\t\"", "+1", "{a:1}"]
        {
            assert_eq!(Json::parse(text), None, "{text}");
        }
        assert!(Json::parse(&format!("{}{}", "[".repeat(128), "]".repeat(128))).is_some());
        assert_eq!(Json::parse(&format!("{}{}", "[".repeat(129), "]".repeat(129))), None);
        assert_eq!(Json::parse(&"[".repeat(1_000_000)), None);
    }

    #[test]
    fn a_decimal_is_written_without_its_exponent() {
        for (text, plain, precision, scale) in [
            ("-1.50e3", "-1500", 4, 0),
            ("1.5E-3", "0.0015", 4, 4),
            ("0.00", "0", 0, 0),
            ("123.450", "123.45", 5, 2),
            ("1e64", &format!("1{}", "0".repeat(64)), 65, 0),
        ] {
            let decimal = Decimal::parse(text).unwrap();
            assert_eq!(decimal.plain(), plain);
            assert_eq!((decimal.precision(), decimal.scale()), (precision, scale), "{text}");
        }
        assert_eq!(Decimal::parse("1e99999999999"), None);
        assert_eq!(Decimal::parse("1e400").unwrap().precision(), 401);
    }
}
