//! The demo's database: what `packmule demo` and its tests stand on.

use crate::harness::{Role, TestSite, server};

const SCHEMA: &str = include_str!("../../schema/demo/schema.sql");
const SEED: &str = include_str!("../../schema/demo/seed.sql");
const LAB_A: &str = include_str!("../../schema/demo/lab-a.sql");
const LAB_B: &str = include_str!("../../schema/demo/lab-b.sql");

#[test]
fn the_edits_of_both_labs_fit_into_one_database_in_either_order() {
    let sites = [(LAB_A, LAB_B), (LAB_B, LAB_A)].map(|(first, second)| {
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

#[test]
fn new_rows_of_the_two_labs_never_share_a_number() {
    let numbers = |edits: &str| {
        let site = TestSite::new(server(), Role::Lab, "lab");
        for statements in [SCHEMA, SEED, edits] {
            site.sql(statements);
        }
        let new = "SELECT id FROM items WHERE id > 10 UNION ALL SELECT id FROM loans WHERE id > 2 \
                   UNION ALL SELECT id FROM suppliers WHERE id > 3 UNION ALL SELECT id FROM locations WHERE id > 5";
        site.query(new).into_iter().flatten().flatten().collect::<Vec<_>>()
    };
    let (at_a, at_b) = (numbers(LAB_A), numbers(LAB_B));
    assert!(!at_a.is_empty() && at_a.iter().all(|number| number.ends_with('2')), "{at_a:?}");
    assert!(!at_b.is_empty() && at_b.iter().all(|number| number.ends_with('3')), "{at_b:?}");
}
