//! Random worlds from seeds: whatever happens between a centre and its labs, in the end all hold the same rows, and
//! every word that anyone typed is in a row, was written over by somebody who had it, or is in `conflict_log`; and each stock
//! is what it was and all that was taken and brought, under whatever rules the seed gives the tables.
//!
//! `./dev soak` tries ever new ones, and `./dev soak --world short-17` one of them again.

#![allow(
    clippy::print_stderr,
    reason = "a world that fails is told on the spot, for whoever waits for many of them"
)]

use crate::harness::{Ground, Which};

/// How many short worlds each ground is tried with, where `PACKMULE_SHORT_WORLDS` does not say it.
const SHORT_WORLDS: u64 = 50;

/// How much of a rough world is tried here; `./dev soak` tries them whole.
const ROUGH_STEPS: usize = 30;

#[test]
fn long_worlds_end_equal_with_nothing_lost() {
    // Those that noticed most of the rules that were broken on trial: tests/README.md.
    all_end_well([12, 13, 17].map(Which::Long));
}

#[test]
fn worlds_of_plain_rows_and_stocks_end_equal_with_nothing_lost() {
    all_end_well(short_worlds(0));
}

#[test]
fn worlds_of_unique_values_and_documents_end_equal_with_nothing_lost() {
    all_end_well(short_worlds(1).chain([
        // The row that a trigger saw after an edit that only an application had logged passed for the one before both.
        Which::Short(13_144_928_093),
    ]));
}

#[test]
fn worlds_of_parents_children_and_stocks_end_equal_with_nothing_lost() {
    all_end_well(short_worlds(2));
}

#[test]
fn worlds_of_words_that_are_keys_and_of_trees_end_equal_with_nothing_lost() {
    all_end_well(short_worlds(3));
}

#[test]
fn worlds_of_killed_servers_cut_lines_and_failing_disks_end_equal_with_nothing_lost() {
    // One in which a database is put back, too.
    all_end_well_after([Which::Rough(2)], Some(ROUGH_STEPS));
}

fn short_worlds(ground: u64) -> impl Iterator<Item = Which> {
    let told = std::env::var("PACKMULE_SHORT_WORLDS").ok();
    let count = told.map_or(SHORT_WORLDS, |text| text.parse().unwrap());
    (0..count).map(move |turn| Which::Short(turn * Which::SHORT_GROUNDS + ground))
}

fn all_end_well(worlds: impl IntoIterator<Item = Which>) {
    all_end_well_after(worlds, None);
}

/// The same of worlds in which only so many steps are made.
fn all_end_well_after(worlds: impl IntoIterator<Item = Which>, steps: Option<usize>) {
    let mut worlds = worlds.into_iter().peekable();
    let ground = Ground::of(*worlds.peek().unwrap());
    let start = ground.start();
    let mut failed = Vec::new();
    for which in worlds {
        if let Some(story) = start.try_world(which, steps).story {
            eprintln!("--- {which}\n{story}\n--- end of {which}");
            failed.push(which.to_string());
        }
    }
    assert!(failed.is_empty(), "worlds {failed:?} failed; their stories stand above");
}
