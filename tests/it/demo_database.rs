//! The demo's database: what `packmule demo` and its tests stand on.

use packmule::model::Series;

use crate::harness::{Role, TestSite, server};

const SCHEMA: &str = include_str!("../../schema/demo/schema.sql");
const SEED: &str = include_str!("../../schema/demo/seed.sql");
const LAB_A: &str = include_str!("../../schema/demo/lab-a.sql");
const LAB_B: &str = include_str!("../../schema/demo/lab-b.sql");
const CENTRAL: &str = include_str!("../../schema/demo/central.sql");

#[test]
fn the_edits_of_both_labs_fit_into_one_database_in_either_order() {
    let (lab_a, lab_b) = (in_series(2, LAB_A), in_series(3, LAB_B));
    let sites = [(&lab_a, &lab_b), (&lab_b, &lab_a)].map(|(first, second)| {
        let site = TestSite::new(server(), Role::Central, "central");
        for statements in [SCHEMA, SEED, first, second] {
            site.sql(statements);
        }
        // The server stamps rows as they are written, so two sites that type the same differ there.
        site.sql("UPDATE items SET updated_at = '2026-11-14 00:00:00'");
        site
    });
    let tables = ["departments", "locations", "suppliers", "categories", "items", "stock", "repairs"];
    crate::harness::assert_equal(&sites[0], &sites[1], &tables);
    // A loan's number depends on the rows before it, so only how many there are is the same.
    assert_eq!((sites[0].count("loans"), sites[1].count("loans")), (2, 2));
    assert_eq!(sites[0].count("items"), 12);
    assert_eq!(
        sites[0].value("SELECT HEX(photo) FROM items WHERE asset_tag = 'KU-PHY-0004'"),
        "89504E470D0A1A0A00FF00FE"
    );
}

/// The same statements on a server that counts as a site of this number must.
fn in_series(number: u16, statements: &str) -> String {
    let [increment, offset] = Series::new(100, number).unwrap().my_cnf();
    format!("SET SESSION {increment}, SESSION {offset}; {statements}")
}

#[test]
fn new_rows_of_the_two_labs_never_share_a_number() {
    let numbers = |number: u16, edits: &str| {
        let site = TestSite::new(server(), Role::Lab, "lab");
        for statements in [SCHEMA, SEED, &in_series(number, edits)] {
            site.sql(statements);
        }
        let new = "SELECT id FROM items WHERE id > 10 UNION ALL SELECT id FROM loans WHERE id > 2 \
                   UNION ALL SELECT id FROM suppliers WHERE id > 3 UNION ALL SELECT id FROM locations WHERE id > 5";
        let numbers = site.query(new).into_iter().flatten().flatten();
        numbers.map(|number| number.parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    let (at_a, at_b) = (numbers(2, LAB_A), numbers(3, LAB_B));
    assert!(!at_a.is_empty() && at_a.iter().all(|number| number % 100 == 2), "{at_a:?}");
    assert!(!at_b.is_empty() && at_b.iter().all(|number| number % 100 == 3), "{at_b:?}");
}

#[test]
fn what_the_centre_does_meanwhile_touches_no_row_of_a_labs_week() {
    let sites = [[LAB_A, LAB_B, CENTRAL], [CENTRAL, LAB_A, LAB_B]].map(|week| {
        let site = TestSite::new(server(), Role::Central, "central");
        for statements in [SCHEMA, SEED].into_iter().chain(week) {
            site.sql(statements);
        }
        site.sql("UPDATE items SET updated_at = '2026-11-14 00:00:00'");
        site
    });
    let tables =
        ["departments", "locations", "suppliers", "categories", "items", "stock", "loans", "repairs"];
    crate::harness::assert_equal(&sites[0], &sites[1], &tables);
    assert_eq!(sites[0].value("SELECT telephone FROM suppliers WHERE id = 3"), "+254 41 555 0199");
}
