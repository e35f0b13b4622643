//! The members of an ENUM or SET, read out of the type's own spelling. Pure.

/// Reads `enum('a','it''s')` or `set(...)`, as information_schema spells the type. Empty for any other type.
pub fn members(column_type: &str) -> Vec<String> {
    let list = column_type.strip_prefix("enum(").or_else(|| column_type.strip_prefix("set("));
    let mut chars = list.unwrap_or_default().chars().peekable();
    let mut members = Vec::new();
    while chars.next() == Some('\'') {
        let mut member = String::new();
        while let Some(c) = chars.next() {
            match c {
                '\'' if chars.next_if_eq(&'\'').is_some() => member.push('\''),
                '\'' => break,
                '\\' => member.push(match chars.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('0') => '\0',
                    Some('Z') => '\x1a',
                    Some(other) => other,
                    None => '\\',
                }),
                other => member.push(other),
            }
        }
        members.push(member);
        // the comma before the next one, or the end
        chars.next();
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_with_their_quotes_commas_and_escapes() {
        assert_eq!(
            members(r"enum('a','B,','it''s','','x\\y','q\nz')"),
            ["a", "B,", "it's", "", "x\\y", "q\nz"]
        );
        assert_eq!(members("set('')"), [""]);
        assert_eq!(members("enum('''','\u{e9}')"), ["'", "\u{e9}"]);
        assert_eq!(members("set('a,','b')"), ["a,", "b"]);
        assert!(members("int(11)").is_empty());
    }
}
