//! Small drawings: a lab's lag over a month, and its bundles by number with gaps drawn as gaps. Each says in words what it shows.

use maud::{Markup, PreEscaped, html};

use crate::engine::{DayLag, Slot, SlotState};
use crate::report::{bundles, number_of};

/// A lab's lag of the last days, one bar a day: the higher, the older was what the centre knew.
pub(super) fn lag(days: &[DayLag]) -> Markup {
    const BAR: usize = 4;
    const HEIGHT: u32 = 24;
    let words = lag_words(days);
    let width = days.len().max(1) * BAR;
    let bar = |(at, day): (usize, &DayLag)| {
        let x = at * BAR;
        match day.lag_hours {
            // A day of which nothing is known has no bar; its place stays empty.
            None => html! { rect class="none" x=(x) y=(HEIGHT - 1) width=(BAR - 1) height="1" {} },
            Some(hours) => {
                let height = bar_height(hours, HEIGHT);
                let class = if hours >= LATE_HOURS { "late" } else { "fine" };
                html! { rect class=(class) x=(x) y=(HEIGHT - height) width=(BAR - 1) height=(height) {} }
            }
        }
    };
    html! {
        svg class="lag" viewBox=(format!("0 0 {width} {HEIGHT}")) width=(width) height=(HEIGHT) role="img" aria-label=(words) {
            title { (words) }
            @for one in days.iter().enumerate() { (bar(one)) }
        }
    }
}

/// From an hour to a month, each step as high as the one before: else all but the worst day would look alike.
fn bar_height(hours: u32, height: u32) -> u32 {
    let steps = [1, 6, 24, 72, 168, 336, 720];
    let reached = steps.iter().filter(|step| hours >= **step).count() as u32;
    2 + (height - 2) * reached / steps.len() as u32
}

/// The same in words.
fn lag_words(days: &[DayLag]) -> String {
    let known: Vec<u32> = days.iter().filter_map(|day| day.lag_hours).collect();
    let (Some(last), Some(worst)) = (known.last(), known.iter().max()) else {
        return "nothing has arrived in these days".to_owned();
    };
    let late = known.iter().filter(|hours| **hours >= LATE_HOURS).count() as u64;
    format!(
        "the last {} days: {} behind now, {} at most; a week or more behind on {}",
        days.len(),
        hours_words(*last),
        hours_words(*worst),
        number_of(late, "day", "days")
    )
}

/// `under an hour`, `5 hours`, `12 days`
pub(super) fn hours_words(hours: u32) -> String {
    match hours {
        0 => "under an hour".to_owned(),
        1..48 => number_of(hours.into(), "hour", "hours"),
        _ => number_of((hours / 24).into(), "day", "days"),
    }
}

const LATE_HOURS: u32 = 7 * 24;

/// Bundles by number, oldest first; what is missing is a hole.
pub(super) fn timeline(name: &str, slots: &[Slot]) -> Markup {
    const CELL: usize = 14;
    const HEIGHT: usize = 18;
    const IN_A_ROW: usize = 60;
    let words = timeline_words(name, slots);
    let rows = slots.len().div_ceil(IN_A_ROW).max(1);
    let columns = slots.len().clamp(1, IN_A_ROW);
    html! {
        svg class="timeline" viewBox=(format!("0 0 {} {}", columns * CELL, rows * HEIGHT)) width=(columns * CELL) height=(rows * HEIGHT) role="img" aria-label=(words) {
            title { (words) }
            @for (at, slot) in slots.iter().enumerate() {
                @let (x, y) = (at % IN_A_ROW * CELL, at / IN_A_ROW * HEIGHT);
                rect class=(class(slot.state)) x=(x + 1) y=(y + 1) width=(CELL - 3) height=(HEIGHT - 4) rx="2" {
                    title { "bundle " (slot.seq) ": " (state_words(slot.state)) }
                }
                // Not by colour alone: a hole is crossed out, and what waits has a dot.
                (mark(slot.state, x, y))
            }
        }
        p class="quiet" { (crate::report::capital(&words)) "." }
    }
}

fn mark(state: SlotState, x: usize, y: usize) -> Markup {
    match state {
        SlotState::Missing => {
            html! { path class="cross" d=(format!("M{} {}l7 10m0 -10l-7 10", x + 3, y + 3)) {} }
        }
        SlotState::Waiting | SlotState::Sealed => {
            html! { circle class="dot" cx=(x + 6) cy=(y + 8) r="2" {} }
        }
        SlotState::Applied | SlotState::Carried | SlotState::Confirmed => PreEscaped(String::new()),
    }
}

fn class(state: SlotState) -> &'static str {
    match state {
        SlotState::Applied | SlotState::Confirmed => "done",
        SlotState::Waiting | SlotState::Sealed => "waits",
        SlotState::Carried => "way",
        SlotState::Missing => "missing",
    }
}

/// What became of a bundle, in a word or two.
pub(super) fn state_words(state: SlotState) -> &'static str {
    match state {
        SlotState::Applied => "applied",
        SlotState::Waiting => "waits here",
        SlotState::Missing => "has not arrived",
        SlotState::Sealed => "waits for its stick",
        SlotState::Carried => "on its way",
        SlotState::Confirmed => "confirmed",
    }
}

fn timeline_words(name: &str, slots: &[Slot]) -> String {
    let states = [
        SlotState::Applied,
        SlotState::Confirmed,
        SlotState::Carried,
        SlotState::Sealed,
        SlotState::Waiting,
        SlotState::Missing,
    ];
    let of = |state| -> Vec<u64> {
        slots.iter().filter(|slot| slot.state == state).map(|slot| slot.seq).collect()
    };
    let runs = states.into_iter().map(|state| (state, of(state))).filter(|(_, numbers)| !numbers.is_empty());
    let words: Vec<String> =
        runs.map(|(state, numbers)| format!("{} {}", bundles(&numbers), state_words(state))).collect();
    if words.is_empty() { format!("{name}: none yet") } else { format!("{name}: {}", words.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stamp;

    fn slot(seq: u64, state: SlotState) -> Slot {
        Slot { seq, state, record: None }
    }

    #[test]
    fn a_gap_is_drawn_as_one_and_told_in_words() {
        let slots = [slot(1, SlotState::Applied), slot(2, SlotState::Missing), slot(3, SlotState::Waiting)];
        let html = timeline("from lab-a", &slots).into_string();
        assert!(
            html.contains("from lab-a: bundle 1 applied; bundle 3 waits here; bundle 2 has not arrived"),
            "{html}"
        );
        assert_eq!(html.matches("class=\"missing\"").count(), 1);
        assert_eq!(html.matches("class=\"cross\"").count(), 1);
    }

    #[test]
    fn lag_is_told_in_words_too() {
        let day = |lag_hours| DayLag { day: Stamp::from_micros(0), lag_hours, bundles: 0 };
        let words = lag_words(&[day(None), day(Some(200)), day(Some(3))]);
        assert_eq!(
            words,
            "the last 3 days: 3 hours behind now, 8 days at most; a week or more behind on 1 day"
        );
        assert_eq!(lag_words(&[day(None)]), "nothing has arrived in these days");
        assert!(bar_height(0, 24) < bar_height(30, 24) && bar_height(720, 24) == 24);
    }
}
