//! Values of rows on a page: NULL is not an empty text, what cannot be seen is written out, and what is long can be opened.

use maud::{Markup, PreEscaped, html};

use crate::model::{Value, hex_from_bytes};
use crate::report::{count, escape, size};

/// A value, with what is another than in `beside` marked.
pub(super) fn value(value: &Value, beside: Option<&Value>) -> Markup {
    match value {
        Value::Null => html! { span class="null" { "NULL" } },
        // Slanted letters are all that would tell it from what these words mean.
        Value::Text(text) if OUR_WORDS.contains(&text.as_str()) => {
            html! { bdi class="cell" { "\"" (text) "\"" } }
        }
        Value::Text(text) if text.is_empty() => html! { span class="null" { "empty text" } },
        Value::Text(text) => text_value(text, beside),
        Value::Bytes(bytes) => bytes_value(bytes),
    }
}

fn text_value(text: &str, beside: Option<&Value>) -> Markup {
    let (start, middle, end) = match beside {
        Some(Value::Text(other)) if other != text => split(text, other),
        Some(_) | None => (text, "", ""),
    };
    let is_long = text.chars().count() > CHARS_SHOWN;
    let shown = html! {
        bdi class="cell" {
            (visible(&shorten(start, Keep::End, is_long)))
            @if !middle.is_empty() { mark { (visible(&shorten(middle, Keep::Start, is_long))) } }
            (visible(&shorten(end, Keep::Start, is_long)))
        }
    };
    if !is_long {
        return shown;
    }
    let characters = text.chars().count() as u64;
    html! {
        (shown)
        details { summary { "all " (count(characters)) " characters" } bdi class="cell whole" { (visible(text)) } }
    }
}

fn bytes_value(bytes: &[u8]) -> Markup {
    const BYTES_SHOWN: usize = 16;
    const BYTES_OPENED: usize = 64 << 10;
    let head = hex_from_bytes(bytes.get(..BYTES_SHOWN).unwrap_or(bytes));
    html! {
        code class="cell" { "0x" (head) @if bytes.len() > BYTES_SHOWN { "..." } }
        @if bytes.len() > BYTES_SHOWN {
            details {
                summary { (size(bytes.len() as u64)) " of bytes" }
                code class="cell whole" { "0x" (hex_from_bytes(bytes.get(..BYTES_OPENED).unwrap_or(bytes))) }
                @if bytes.len() > BYTES_OPENED { p class="quiet" { "only the first 64 KiB are shown" } }
            }
        }
    }
}

/// Writes out what would hide, or turn other text round; keeps the ends of lines.
pub(super) fn visible(text: &str) -> Markup {
    let mut html = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            html.push('\n');
        }
        let escaped = escape(line);
        html.push_str(&html! { (escaped) }.into_string());
    }
    PreEscaped(html)
}

enum Keep {
    Start,
    End,
}

/// A part of a long text: around what differs, and not all of it.
fn shorten(text: &str, keep: Keep, is_long: bool) -> String {
    const CHARS_KEPT: usize = 60;
    let chars = text.chars().count();
    if !is_long || chars <= CHARS_KEPT {
        return text.to_owned();
    }
    match keep {
        Keep::Start => format!("{}...", text.chars().take(CHARS_KEPT).collect::<String>()),
        Keep::End => format!("...{}", text.chars().skip(chars - CHARS_KEPT).collect::<String>()),
    }
}

/// The beginning and end that two texts have in common, and what is between them in the first. Whole words and numbers: half a
/// number that is marked says nothing.
fn split<'t>(text: &'t str, other: &str) -> (&'t str, &'t str, &'t str) {
    const WORD_BYTES_MAX: usize = 40;
    let same = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| -> usize {
        a.zip(b).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
    };
    // What has no end for so long is no word, and is marked where it differs.
    let shorter =
        |whole: usize, trimmed: usize| if whole - trimmed > WORD_BYTES_MAX { whole } else { trimmed };
    let start = same(&mut text.chars(), &mut other.chars());
    let goes_on = |text: &str| text.get(start..).is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
    let head = text.get(..start).unwrap_or_default();
    let start = match goes_on(text) || goes_on(other) {
        true => shorter(start, head.trim_end_matches(char::is_alphanumeric).len()),
        false => start,
    };
    let (head, rest) = text.split_at(start);
    let end = same(&mut rest.chars().rev(), &mut other.get(start..).unwrap_or_default().chars().rev());
    let (middle, tail) = rest.split_at(rest.len() - end);
    // Where the first only lacks something, the word behind the hole is marked.
    let end = match middle.is_empty() || middle.ends_with(char::is_alphanumeric) {
        true => shorter(end, tail.trim_start_matches(char::is_alphanumeric).len()),
        false => end,
    };
    let (middle, tail) = rest.split_at(rest.len() - end);
    (head, middle, tail)
}

const CHARS_SHOWN: usize = 160;
/// What stands in the place of a value where there is none.
const OUR_WORDS: [&str; 4] = ["NULL", "empty text", "no row", "not known"];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, beside: Option<&str>) -> String {
        let beside = beside.map(|text| Value::Text(text.to_owned()));
        value(&Value::Text(text.to_owned()), beside.as_ref()).into_string()
    }

    #[test]
    fn what_differs_is_marked_and_nothing_else() {
        assert_eq!(split("shelf B, left", "shelf A, left"), ("shelf ", "B", ", left"));
        assert_eq!(split("aa", "aaa"), ("", "aa", ""));
        assert_eq!(split("in store", "in use"), ("in ", "store", ""));
        assert_eq!(split("405000.00", "410000.00"), ("", "405000", ".00"));
        assert_eq!(split("ä öx, ä", "ä öy, ä"), ("ä ", "öx", ", ä"));
        assert_eq!(split("a b c", "a c"), ("a ", "b ", "c"));
        assert!(shown("shelf B", Some("shelf A")).contains("shelf <mark>B</mark>"));
        assert!(!shown("same", Some("same")).contains("mark"));
    }

    #[test]
    fn a_hostile_text_is_only_text() {
        let html = shown("<script>alert(1)</script>\u{202e}\u{7}", None);
        assert!(html.contains("&lt;script&gt;"), "{html}");
        assert!(html.contains("\\u{202e}") && html.contains("\\u{7}"), "{html}");
    }

    #[test]
    fn null_the_empty_text_and_the_word_null_are_three_things() {
        let all = [
            value(&Value::Null, None).into_string(),
            shown("", None),
            shown("NULL", None),
            shown("empty text", None),
        ];
        // Without the marks, as a person hears them read out.
        let words = |html: &String| -> String {
            html.split('<').filter_map(|part| part.split_once('>')).map(|(_, words)| words).collect()
        };
        let all = all.each_ref().map(words);
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one), "{one}");
        }
    }

    #[test]
    fn a_long_text_is_short_around_what_differs_and_whole_where_it_is_opened() {
        let (one, two) = (
            format!("{}x{}", "a".repeat(5_000), "b".repeat(5_000)),
            format!("{}y{}", "a".repeat(5_000), "b".repeat(5_000)),
        );
        let html = shown(&one, Some(&two));
        let (short, whole) = html.split_once("<details>").unwrap();
        assert!(short.len() < 400 && short.contains("<mark>x</mark>"), "{short}");
        assert!(whole.contains(&one));
        assert!(whole.contains("10 001 characters"), "{}", &whole[..100]);
    }
}
