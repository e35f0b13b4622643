//! A lab and a centre on servers of different kinds, by network: each signs in to the other kind.

use packmule::demo::Flavour;

use crate::carried::other;
use crate::harness::{Family, SCHEMA, assert_equal, server_of};

fn by_network(lab_kind: Flavour) {
    let family = Family::between((server_of(other(lab_kind)), SCHEMA), (server_of(lab_kind), SCHEMA));
    family.go_online();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'north')");
    lab.sql("INSERT INTO shelves VALUES (2, 'south'); INSERT INTO items VALUES (1, 2, 'scale', 3, REPEAT('photo', 200000))");
    for _ in 0..2 {
        lab.run(&["sync"]).ok();
        central.run(&["sync"]).ok();
    }
    lab.run(&["sync"]).ok();
    assert_equal(lab, central, &["shelves", "items"]);
    assert_eq!((central.count("shelves"), lab.count("items")), (2, 1));
}

#[test]
fn from_mariadb_to_mysql_and_back() {
    by_network(Flavour::MariaDb);
}

#[test]
fn from_mysql_to_mariadb_and_back() {
    by_network(Flavour::MySql);
}
