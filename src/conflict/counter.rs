//! Columns that hold a stock: what both sides took or brought is added up, exactly, or a person looks. Pure.

use crate::model::Value;

/// What numbers a column can hold: from one to another, with so many digits behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    least: i128,
    most: i128,
    scale: u32,
}

impl Limits {
    /// Reads a column's type, such as `int(10) unsigned` or `decimal(10,2)`. `None`: no numbers, or none that can be added
    /// exactly.
    pub fn of(column_type: &str) -> Option<Limits> {
        let column_type = column_type.to_lowercase();
        let word = column_type.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        // ZEROFILL columns are unsigned, too.
        let unsigned = column_type.contains("unsigned");
        let bits = match word {
            "tinyint" => 8,
            "smallint" => 16,
            "mediumint" => 24,
            "int" => 32,
            "bigint" => 64,
            "decimal" => return Limits::of_decimal(&column_type, unsigned),
            _ => return None,
        };
        Some(match unsigned {
            true => Limits { least: 0, most: (1 << bits) - 1, scale: 0 },
            false => Limits { least: -(1 << (bits - 1)), most: (1 << (bits - 1)) - 1, scale: 0 },
        })
    }

    fn of_decimal(column_type: &str, unsigned: bool) -> Option<Limits> {
        let (_, rest) = column_type.split_once('(')?;
        let (inside, _) = rest.split_once(')')?;
        let (digits, scale) = inside.split_once(',').unwrap_or((inside, "0"));
        let digits: u32 = digits.trim().parse().ok()?;
        let scale = scale.trim().parse().ok()?;
        // What has more digits than that is found too long when it is added.
        let most = 10_i128.checked_pow(digits).map_or(i128::MAX, |end| end - 1);
        Some(Limits { least: if unsigned { 0 } else { -most }, most, scale })
    }

    /// The centre's value with the lab's difference added; or why there is none, in words that follow a column's name.
    pub(super) fn add(self, before: &Value, central: &Value, lab: &Value) -> Result<Value, String> {
        let number = |value: &Value| match value {
            Value::Null => Err("was NULL or has become it, and nothing can be added to that".to_owned()),
            Value::Text(text) => self.parse(text).ok_or_else(|| TOO_LONG.to_owned()),
            Value::Bytes(_) => Err("is not a number".to_owned()),
        };
        let (before, central, lab) = (number(before)?, number(central)?, number(lab)?);
        let sum = lab.checked_sub(before).and_then(|taken| central.checked_add(taken));
        let sum = sum.ok_or_else(|| TOO_LONG.to_owned())?;
        let words = self.write(sum);
        if sum < self.least {
            return Err(format!("would become {words}, and its column ends at {}", self.write(self.least)));
        }
        if sum > self.most {
            return Err(format!("would become {words}, and its column ends at {}", self.write(self.most)));
        }
        Ok(Value::Text(words))
    }

    /// The number in units of the last digit; `None` where it has more digits than can be added here.
    fn parse(self, text: &str) -> Option<i128> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let idle = fraction.trim_end_matches('0').len();
        let places = usize::try_from(self.scale).ok()?;
        if idle > places {
            return None;
        }
        let fraction = fraction.get(..fraction.len().min(places))?;
        format!("{whole}{fraction:0<places$}").parse().ok()
    }

    fn write(self, number: i128) -> String {
        let places = self.scale as usize;
        let sign = if number < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", number.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

const TOO_LONG: &str = "has more digits than can be added exactly";

#[cfg(test)]
mod tests {
    use super::*;

    fn add(column_type: &str, numbers: [&str; 3]) -> String {
        let [before, central, lab] = numbers.map(|text| match text {
            "NULL" => Value::Null,
            text => Value::Text(text.to_owned()),
        });
        match Limits::of(column_type).unwrap().add(&before, &central, &lab) {
            Ok(Value::Text(sum)) => sum,
            Ok(other) => panic!("{other:?}"),
            Err(why) => why,
        }
    }

    #[test]
    fn both_differences_are_added_exactly() {
        assert_eq!(add("int(11)", ["10", "7", "7"]), "4");
        assert_eq!(add("int", ["10", "7", "12"]), "9");
        assert_eq!(add("int", ["-3", "-5", "2"]), "0");
        assert_eq!(add("decimal(10,2)", ["1.50", "1.25", "0.25"]), "0.00");
        assert_eq!(add("decimal(10,3)", ["0.500", "-0.250", "0.125"]), "-0.625");
        assert_eq!(
            add("bigint unsigned", ["9223372036854775807", "18446744073709551614", "9223372036854775808"]),
            "18446744073709551615"
        );
        assert_eq!(add("decimal(38,0)", [&"9".repeat(37), &"9".repeat(37), "0"].map(|text| text)), "0");
    }

    #[test]
    fn what_its_column_cannot_hold_is_never_wrapped() {
        for (column_type, numbers, why) in [
            ("int unsigned", ["10", "3", "2"], "would become -5, and its column ends at 0"),
            ("tinyint", ["100", "120", "110"], "would become 130, and its column ends at 127"),
            ("tinyint", ["0", "-120", "-10"], "would become -130, and its column ends at -128"),
            (
                "decimal(4,2)",
                ["50.00", "90.00", "70.00"],
                "would become 110.00, and its column ends at 99.99",
            ),
            ("int", ["NULL", "3", "2"], "was NULL or has become it, and nothing can be added to that"),
            ("int", ["10", "3", "NULL"], "was NULL or has become it, and nothing can be added to that"),
        ] {
            assert_eq!(add(column_type, numbers), why, "{column_type} {numbers:?}");
        }
        let long = format!("{}0", "9".repeat(60));
        assert_eq!(add("decimal(65,0)", [&long, &long, "0"]), TOO_LONG);
        assert_eq!(add("decimal(10,1)", ["0.5", "0.55", "0.6"]), TOO_LONG);
    }

    #[test]
    fn only_exact_numbers_can_be_counted() {
        for column_type in ["float", "double(7,2)", "bit(8)", "varchar(10)", "date", "year(4)", "json"] {
            assert_eq!(Limits::of(column_type), None, "{column_type}");
        }
        assert_eq!(
            Limits::of("smallint(5) unsigned zerofill"),
            Some(Limits { least: 0, most: 65_535, scale: 0 })
        );
    }
}
