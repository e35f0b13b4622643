//! One stick that serves two labs: what is on it for the other lab is passed over.

use std::path::Path;

use crate::harness::{Family, Ran, SCHEMA, TestSite, server};

fn on(stick: &Path, site: &TestSite<'_>, command: &str) -> Ran {
    site.run(&[command, stick.to_str().unwrap()]).ok()
}

#[test]
fn a_stick_with_bundles_for_two_labs_makes_the_round_and_nothing_is_left_to_do() {
    let family = Family::new(server(), SCHEMA, &["lab-a", "lab-b"]);
    let (central, labs) = (&family.central, [family.lab("lab-a"), family.lab("lab-b")]);
    let stick = central.stick("stick");
    for number in 1..=3 {
        central.sql(&format!("INSERT INTO shelves VALUES ({number}, 'of the centre')"));
        labs.iter().for_each(|lab| drop(on(&stick, lab, "export")));
        on(&stick, central, "import");
        // Bundles of the same number are on it for both: what is the other's must not hide what is this lab's.
        labs.iter().for_each(|lab| drop(on(&stick, lab, "import")));
    }
    let again = on(&stick, labs[0], "import");
    again.says("central 1 to 3  left alone: for lab-b").says("central 1 to 3  already applied, skipped");
    for site in labs.into_iter().chain([central]) {
        site.run(&["status"]).ok().says("Do next: nothing\n");
    }
    assert_eq!(labs.map(|lab| lab.count("shelves")), [3, 3]);
}
