//! Spelling SQL: names, literals, lists. Statements are text, so every value goes through here.

use crate::model::{ColumnKind, Value};

/// Writes a name between backquotes.
pub fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Writes names between backquotes, with commas.
pub fn names<'a>(list: impl IntoIterator<Item = &'a str>) -> String {
    list.into_iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Writes a text literal. Every session of ours runs in utf8mb4 and without NO_BACKSLASH_ESCAPES.
pub fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    push_text(&mut out, value);
    out
}

/// Writes a text literal, or NULL.
pub fn text_or_null(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), text)
}

/// Appends the literal that puts `value` into a column of `kind`.
pub fn push_value(out: &mut String, value: &Value, kind: ColumnKind) {
    match value {
        Value::Null => out.push_str("NULL"),
        Value::Text(digits) if kind == ColumnKind::Integer && is_integer(digits) => out.push_str(digits),
        Value::Text(text) => push_text(out, text),
        Value::Bytes(bytes) => push_bytes(out, bytes),
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn push_text(out: &mut String, value: &str) {
    out.push('\'');
    let mut rest = value;
    while let Some(at) = rest.find(['\'', '\\', '\0', '\n', '\r', '\x1a']) {
        let (clean, from) = rest.split_at(at);
        out.push_str(clean);
        let mut chars = from.chars();
        match chars.next() {
            Some('\'') => out.push_str("''"),
            Some('\\') => out.push_str("\\\\"),
            Some('\0') => out.push_str("\\0"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some(_) => out.push_str("\\Z"),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('\'');
}

fn push_bytes(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(bytes.len() * 2 + 3);
    out.push_str("X'");
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)] as char);
        out.push(DIGITS[usize::from(byte & 15)] as char);
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_cannot_be_left() {
        assert_eq!(text(r"it's a \ trap"), r"'it''s a \\ trap'");
        assert_eq!(text("a\0b\nc\u{1F40E}"), "'a\\0b\\nc\u{1F40E}'");
        assert_eq!(name("odd`name"), "`odd``name`");
    }

    #[test]
    fn only_digits_are_written_bare() {
        let mut out = String::new();
        push_value(&mut out, &Value::Text("-42".into()), ColumnKind::Integer);
        push_value(&mut out, &Value::Text("1 OR 1".into()), ColumnKind::Integer);
        push_value(&mut out, &Value::Text("42".into()), ColumnKind::Text);
        push_value(&mut out, &Value::Bytes(vec![0, 0xAB]), ColumnKind::Binary);
        assert_eq!(out, "-42'1 OR 1''42'X'00AB'");
    }
}
