//! Random rounds from a seed: whatever happens between a centre and three labs, in the end all hold the same rows, and
//! every word that anyone typed is in a row, was written over by somebody who had it, or is in `conflict_log`; and each stock
//! is what it was and all that was taken and brought, under whatever rules the seed gives the tables.
//!
//! `PACKMULE_SEEDS=100..200 cargo test --test it convergence` tries other seeds, and `PACKMULE_STEPS=30` only the first
//! steps of each.

#![allow(
    clippy::print_stderr,
    reason = "a seed that fails is told on the spot, for whoever waits for many of them"
)]

use std::cell::RefCell;
use std::env;
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::harness::{
    COUNTS_ROWS, COUNTS_SCHEMA, Family, PEOPLE_ROWS, PEOPLE_SCHEMA, Saved, TestSite, World, people_rules,
    server,
};

const STEPS: usize = 60;

#[test]
fn random_rounds_end_equal_with_nothing_lost() {
    let seeds = env::var("PACKMULE_SEEDS").ok().map(|text| range(&text));
    match seeds {
        Some(seeds) => try_seeds(seeds),
        // Those that noticed most of the rules that were broken on trial: tests/README.md.
        None => try_seeds([12, 13, 17]),
    }
}

fn range(text: &str) -> Range<u64> {
    let (from, to) = text.split_once("..").unwrap_or_else(|| panic!("PACKMULE_SEEDS={text} is no FROM..TO"));
    from.parse().unwrap()..to.parse().unwrap()
}

/// Tries seeds on one family, put back to its start before each.
fn try_seeds(seeds: impl IntoIterator<Item = u64>) {
    let schema = format!("{PEOPLE_SCHEMA};{COUNTS_SCHEMA}");
    let family = Family::new(server(), &schema, &["lab-a", "lab-b", "lab-c"]);
    family.central.sql(PEOPLE_ROWS);
    family.central.sql(COUNTS_ROWS);
    for lab in &family.labs {
        let stick = lab.stick("first");
        lab.run(&["export", stick.to_str().unwrap()]).ok();
        family.central.run(&["import", stick.to_str().unwrap()]).ok();
        lab.run(&["import", stick.to_str().unwrap()]).ok();
    }
    family.go_online();
    let sites: Vec<&TestSite<'static>> = std::iter::once(&family.central).chain(&family.labs).collect();
    let settings: Vec<String> = sites.iter().map(|site| fs::read_to_string(site.config()).unwrap()).collect();
    let start: Vec<Saved<'_>> = sites.iter().map(|site| Saved::new(site)).collect();
    let steps = env::var("PACKMULE_STEPS").map_or(STEPS, |text| text.parse().unwrap());
    let story = RefCell::new(Vec::new());
    let mut failed = Vec::new();
    for seed in seeds {
        start.iter().for_each(Saved::restore);
        for (site, text) in sites.iter().zip(&settings) {
            // Every second world forgets what is confirmed at once.
            let keep = if seed % 2 == 1 { "keep = \"1s\"\n" } else { "" };
            let rules = if site.name() == "central" { people_rules(seed) } else { String::new() };
            fs::write(site.config(), format!("{keep}{text}\n{rules}")).unwrap();
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new(&family, seed, &story);
            (0..steps).for_each(|_| world.step());
            world.settle();
        }));
        let met =
            family.central.query("SELECT kind, status, outcome, COUNT(*) FROM conflict_log GROUP BY 1, 2, 3");
        let decisions = family.central.count("packmule_decision");
        eprintln!(
            "seed {seed}: {decisions} decisions, {:?}",
            met.into_iter()
                .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        );
        if outcome.is_err() {
            eprintln!("--- seed {seed}\n{}\n--- end of seed {seed}", story.borrow().join("\n"));
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?} failed; their stories stand above");
}
