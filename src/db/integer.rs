//! How large a number a column can hold. Pure.

/// The largest number that a column of this type holds, such as `int(10) unsigned`. `None` for what is no whole number.
pub fn integer_max(column_type: &str) -> Option<u64> {
    let column_type = column_type.to_lowercase();
    let word = column_type.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let bits = match word {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        "bigint" => 64,
        _ => return None,
    };
    // ZEROFILL columns are shown as unsigned, too.
    let unused = if column_type.contains("unsigned") { 64 - bits } else { 65 - bits };
    Some(u64::MAX >> unused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_largest_number() {
        for (column_type, max) in [
            ("tinyint(1)", 127),
            ("tinyint unsigned", 255),
            ("smallint", 32_767),
            ("mediumint(8) unsigned zerofill", 16_777_215),
            ("int(11)", 2_147_483_647),
            ("int unsigned", 4_294_967_295),
            ("BIGINT", i64::MAX as u64),
            ("bigint(20) unsigned", u64::MAX),
        ] {
            assert_eq!(integer_max(column_type), Some(max), "{column_type}");
        }
        for column_type in ["bit(8)", "decimal(10,0)", "varchar(40)", "double", "interval", ""] {
            assert_eq!(integer_max(column_type), None, "{column_type}");
        }
    }
}
