//! What must hold when a stick is pulled out, full, broken or a fraud.

use crate::kernel::Stick;

/// Every test, with its name.
pub(crate) const ALL: &[(&str, fn())] = &[
    (
        "a_power_cut_is_one_what_is_not_on_the_stick_is_gone",
        a_power_cut_is_one_what_is_not_on_the_stick_is_gone,
    ),
    ("what_was_said_to_be_done_outlives_the_pull", what_was_said_to_be_done_outlives_the_pull),
    (
        "after_a_pull_at_any_step_the_next_export_completes",
        after_a_pull_at_any_step_the_next_export_completes,
    ),
    (
        "after_a_pull_at_any_moment_the_next_export_completes",
        after_a_pull_at_any_moment_the_next_export_completes,
    ),
    ("a_stick_that_only_says_that_it_stores_is_named", a_stick_that_only_says_that_it_stores_is_named),
    ("a_stick_that_is_smaller_than_it_says_is_named", a_stick_that_is_smaller_than_it_says_is_named),
    ("what_can_be_read_of_a_broken_stick_is_read", what_can_be_read_of_a_broken_stick_is_read),
    ("a_full_stick_keeps_what_is_complete_oldest_first", a_full_stick_keeps_what_is_complete_oldest_first),
    (
        "a_stick_that_cannot_be_written_is_named_and_unharmed",
        a_stick_that_cannot_be_written_is_named_and_unharmed,
    ),
    (
        "a_stick_pulled_in_the_middle_is_gone_and_completed_when_it_is_back",
        a_stick_pulled_in_the_middle_is_gone_and_completed_when_it_is_back,
    ),
    ("names_in_capitals_are_the_same_names", names_in_capitals_are_the_same_names),
];

const MIB: usize = 1 << 20;

const STEPS: [&str; 3] = ["carry.created", "carry.half-written", "carry.synced"];

#[track_caller]
fn assert_told(told: &[String], words: &str) {
    assert!(told.iter().any(|line| line.starts_with(words)), "not told: {words}\n{}", told.join("\n"));
}

#[track_caller]
fn assert_not_told(told: &[String], words: &str) {
    assert!(!told.iter().any(|line| line.starts_with(words)), "told: {words}\n{}", told.join("\n"));
}

/// Without this the other tests would show nothing: the usual way to write a file safely loses it here.
fn a_power_cut_is_one_what_is_not_on_the_stick_is_gone() {
    let stick = Stick::new(64, 32, 1, 300_000);
    assert_told(&stick.boot("mount:plain:rw,rename,cut"), "renamed 300000");
    assert!(stick.whole_bundles().is_empty());
}

fn what_was_said_to_be_done_outlives_the_pull() {
    for fat in [16, 32] {
        let stick = Stick::new(64, fat, 3, 2 * MIB + 1);
        let told = stick.boot("mount:plain:rw,put:3,cut");
        assert_told(&told, "done");
        assert_eq!(stick.whole_bundles(), [1, 2, 3], "FAT{fat}");
    }
}

fn after_a_pull_at_any_step_the_next_export_completes() {
    for step in STEPS {
        let stick = Stick::new(64, 32, 3, 2 * MIB + 1);
        let told = stick.boot(&format!("mount:plain:rw,cut-at:2:{step},put:3"));
        assert_told(&told, "put 1");
        assert_told(&told, &format!("cut at {step}"));
        assert!(stick.whole_bundles().contains(&1), "{step}");
        assert_told(&stick.boot("mount:plain:rw,put:3,cut"), "done");
        assert_eq!(stick.whole_bundles(), [1, 2, 3], "{step}");
    }
}

fn after_a_pull_at_any_moment_the_next_export_completes() {
    let mut random = fastrand::Rng::new();
    // The first one goes before anything was done.
    for wait in [1, random.u32(1..200), random.u32(200..400), random.u32(400..600)] {
        let stick = Stick::new(64, 32, 5, 4 * MIB + 7);
        let told = stick.boot(&format!("mount:plain:rw,cut-after:{wait},put:5,cut"));
        let said = (1..=5).filter(|seq| told.iter().any(|line| *line == format!("put {seq} written")));
        let whole = stick.whole_bundles();
        for seq in said {
            assert!(
                whole.contains(&seq),
                "bundle {seq} was said to be written; cut after {wait} ms: {whole:?}"
            );
        }
        assert_told(&stick.boot("mount:plain:rw,put:5,cut"), "done");
        assert_eq!(stick.whole_bundles(), [1, 2, 3, 4, 5], "cut after {wait} ms");
    }
}

fn a_stick_that_only_says_that_it_stores_is_named() {
    let stick = Stick::new(64, 32, 1, 2 * MIB);
    let told = stick.boot("mount:lying:rw,put:1");
    assert_told(&told, "refused 1 ReadBackDiffers");
    assert_not_told(&told, "done");
}

/// It wraps around: what is written behind its end overwrites what lies at its beginning, and reads back as it was written.
fn a_stick_that_is_smaller_than_it_says_is_named() {
    let stick = Stick::new(64, 32, 12, 4 * MIB);
    let told = stick.boot("mount:half:rw,put:12");
    assert_told(&told, "refused");
    assert_not_told(&told, "done");
}

fn what_can_be_read_of_a_broken_stick_is_read() {
    let stick = Stick::new(64, 32, 3, 4 * MIB);
    assert_told(&stick.boot("mount:plain:rw,put:3,cut"), "done");
    // Behind the tables, in the middle of the second bundle: sectors of 512 bytes, 8192 a bundle.
    let middle = 8_192 + 8_192 / 2;
    let told = stick.boot(&format!("mount:holed-{middle}-64:rw,read"));
    assert_told(&told, "whole 1");
    assert_told(&told, "unreadable /mnt/packmule/lab-a-to-central/lab-a.central.7f3a9c21.0000000002.mule");
    assert_told(&told, "whole 3");
    assert!(middle + 64 < stick.sectors());
}

fn a_full_stick_keeps_what_is_complete_oldest_first() {
    let stick = Stick::new(64, 32, 3, MIB);
    let told = stick.boot("mount:plain:rw,fill:1500,put:3,cut");
    assert_told(&told, "put 1 written");
    assert_told(&told, "refused 2 Full");
    let told = stick.boot("mount:plain:rw,read");
    assert_eq!(told, ["whole 1", "end"]);
}

fn a_stick_that_cannot_be_written_is_named_and_unharmed() {
    let stick = Stick::new(64, 32, 2, MIB);
    assert_told(&stick.boot("mount:plain:rw,put:1,cut"), "done");
    let told = stick.boot("mount:plain:ro,put:2,cut");
    assert_told(&told, "put 1 there");
    assert_told(&told, "refused 2 ReadOnly");
    assert_eq!(stick.whole_bundles(), [1]);
}

fn a_stick_pulled_in_the_middle_is_gone_and_completed_when_it_is_back() {
    for step in STEPS {
        let stick = Stick::new(64, 32, 3, 2 * MIB + 1);
        let told = stick.boot(&format!("mount:plain:rw,pull-at:2:{step},put:3"));
        assert_told(&told, "put 1");
        assert_told(&told, "refused 2 Gone");
        assert_told(&stick.boot("mount:plain:rw,put:3,cut"), "done");
        assert_eq!(stick.whole_bundles(), [1, 2, 3], "{step}");
    }
}

fn names_in_capitals_are_the_same_names() {
    let stick = Stick::new(64, 16, 2, MIB);
    assert_told(&stick.boot("mount:plain:rw,shout,put:2,cut"), "done");
    assert_eq!(stick.whole_bundles(), [1, 2]);
}
