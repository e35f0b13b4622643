//! JSON strings and base64, in one spelling each, so that equal rows have equal lines.
//!
//! Escaped are `"`, `\` and the control characters, in the shortest way, and nothing else. Reading takes
//! no other spelling. Done by hand because a bundle may hold many millions of these.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Appends `text` as a JSON string.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| SPECIAL[usize::from(byte)]) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, behind)) = special.split_first() else { break };
        match short_escape(byte) {
            Some(letter) => out.extend_from_slice(&[b'\\', letter]),
            None => out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                b'0' + (byte >> 4),
                HEX[usize::from(byte & 15)],
            ]),
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends `bytes` as a JSON string of base64.
pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = out.get_mut(start..).and_then(|space| STANDARD.encode_slice(bytes, space).ok());
    debug_assert_eq!(written, Some(out.len() - start));
    out.push(b'"');
}

/// Reads base64 with padding, in its one spelling.
pub(crate) fn read_bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Reads the JSON string whose opening quote stands before `rest`. Returns it and how many bytes it takes,
/// the closing quote included.
pub(crate) fn read_text(rest: &str) -> Option<(String, usize)> {
    let bytes = rest.as_bytes();
    let mut at = bytes.iter().position(|&byte| SPECIAL[usize::from(byte)])?;
    let mut text = rest.get(..at)?.to_owned();
    loop {
        match *bytes.get(at)? {
            b'"' => return Some((text, at + 1)),
            b'\\' => at += read_escape(bytes.get(at + 1..)?, &mut text)? + 1,
            // A bare control character.
            _ => return None,
        }
        let plain = bytes.get(at..)?.iter().position(|&byte| SPECIAL[usize::from(byte)])?;
        text.push_str(rest.get(at..at + plain)?);
        at += plain;
    }
}

/// Reads what follows a backslash and returns how many bytes it takes. `None` for an escape that was not needed.
fn read_escape(bytes: &[u8], text: &mut String) -> Option<usize> {
    let (&letter, rest) = bytes.split_first()?;
    if letter != b'u' {
        let byte = (0..=b'\\').find(|&byte| short_escape(byte) == Some(letter))?;
        text.push(char::from(byte));
        return Some(1);
    }
    let &[b'0', b'0', high @ b'0'..=b'1', low] = rest.get(..4)? else { return None };
    let low = HEX.iter().position(|&digit| digit == low)?;
    let byte = (high - b'0') << 4 | low as u8;
    if short_escape(byte).is_some() {
        return None;
    }
    text.push(char::from(byte));
    Some(5)
}

/// The letter behind the backslash, for the characters that have one.
fn short_escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' => Some(byte),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\t' => Some(b't'),
        0x08 => Some(b'b'),
        0x0c => Some(b'f'),
        _ => None,
    }
}

/// The bytes that end a plain run: control characters, the quote, the backslash.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write_text(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_is_written_as_serde_json_writes_it_and_read_back() {
        let all: String = (0..0x250).filter_map(char::from_u32).collect();
        for text in ["", "plain", "\"", "\\", "a\"b\\c\nd\u{0}", "\u{1F40E} \u{2028}\u{7f}", all.as_str()] {
            let json = written(text);
            assert_eq!(json, serde_json::to_string(text).unwrap());
            assert_eq!(read_text(&json[1..]), Some((text.to_owned(), json.len() - 1)));
        }
    }

    #[test]
    fn a_text_with_another_spelling_is_refused() {
        for json in [
            r"open",
            r#"\/""#,
            r#"\u0041""#,
            r#"\u000a""#,
            r#"\u001F""#,
            r#"\u00e9""#,
            r#"\ud83d\udc0e""#,
            r#"\x41""#,
            r#"\u00""#,
            "\\",
            "a\nb\"",
            "\u{0}\"",
        ] {
            assert_eq!(read_text(json), None, "{json:?}");
        }
    }

    #[test]
    fn bytes_are_read_back_as_written_and_have_one_spelling() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            let mut out = Vec::new();
            write_bytes(&mut out, &bytes);
            let text = std::str::from_utf8(&out[1..out.len() - 1]).unwrap();
            assert_eq!(read_bytes(text), Some(bytes));
        }
        for text in ["AA", "AB==", "AA=", "A A=", "AA==\n", "_w=="] {
            assert_eq!(read_bytes(text), None, "{text:?}");
        }
    }
}
