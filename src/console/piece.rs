//! Parts that many pages have: facts, counts, times, ways to go on.

use maud::{Markup, html};

use crate::model::Stamp;
use crate::report::Facts;

/// Names with words beside them.
pub(super) fn facts(facts: &Facts) -> Markup {
    pairs(facts.pairs().iter().map(|(name, words)| (name.as_str(), html! { (words) })))
}

/// The same where the words are more than words. An empty name goes on with what stands above.
pub(super) fn pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, Markup)>) -> Markup {
    let mut groups: Vec<(&str, Vec<Markup>)> = Vec::new();
    for (name, words) in pairs {
        match groups.last_mut() {
            Some((last, all)) if name.is_empty() || *last == name => all.push(words),
            Some(_) | None => groups.push((name, vec![words])),
        }
    }
    html! {
        dl class="facts" {
            @for (name, all) in groups {
                div { dt { (name) } @for words in all { dd { (words) } } }
            }
        }
    }
}

/// A moment, and for programs that read pages the exact one.
pub(super) fn time(when: Stamp) -> Markup {
    html! { time datetime=(when.to_string()) { (when.to_words()) } }
}

/// How long ago, in one unit: `5 minutes`, `3 hours`, `12 days`.
pub(super) fn age(when: Stamp, now: Stamp) -> String {
    let seconds = now.micros().saturating_sub(when.micros()).max(0) / 1_000_000;
    let (amount, one) = match seconds {
        ..60 => return "under a minute".to_owned(),
        60..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{amount} {one}{}", if amount == 1 { "" } else { "s" })
}

/// A table's head. A name that begins with `>` stands above numbers, at the right.
pub(super) fn heads(names: &[&str]) -> Markup {
    html! {
        thead {
            tr {
                @for name in names {
                    @match name.strip_prefix('>') {
                        Some(name) => th scope="col" class="number" { (name) },
                        None => th scope="col" { (name) },
                    }
                }
            }
        }
    }
}

/// A cell that says in a narrow window, where the head is not seen, what it is.
pub(super) fn cell(name: &str, content: &Markup) -> Markup {
    html! { td data-name=(name) { (content) } }
}

/// The same for a number, which stands at the right.
pub(super) fn number(name: &str, content: &Markup) -> Markup {
    html! { td class="number" data-name=(name) { (content) } }
}

/// A word with a colour that repeats what it says.
pub(super) fn badge(class: &str, word: &str) -> Markup {
    html! { span class=(format!("badge {class}")) { (word) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        let at = |seconds: i64| Stamp::from_micros(seconds * 1_000_000);
        assert_eq!(age(at(0), at(59)), "under a minute");
        assert_eq!(age(at(0), at(60)), "1 minute");
        assert_eq!(age(at(0), at(7_199)), "119 minutes");
        assert_eq!(age(at(0), at(3 * 3600)), "3 hours");
        assert_eq!(age(at(0), at(12 * 86_400)), "12 days");
        // A clock that went back.
        assert_eq!(age(at(100), at(0)), "under a minute");
    }
}
