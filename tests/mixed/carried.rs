//! Types that both servers can hold: each value goes over, is edited, and goes, without a bit lost or a false conflict.

use packmule::demo::Flavour;

use crate::exact::assert_same;
use crate::harness::{Delivered, Family, server_of};
use crate::kinds::{GENERATED, Kind, NUMBERS, RAW, TEXTS, TIMES};

/// The server of the centre when the lab has this one.
pub(crate) fn other(flavour: Flavour) -> Flavour {
    match flavour {
        Flavour::MariaDb => Flavour::MySql,
        Flavour::MySql => Flavour::MariaDb,
    }
}

/// A table for each kind; rows of the values, then each value edited into each other one, then all deleted.
fn go_through(groups: &[&[Kind]], lab_kind: Flavour) {
    let kinds: Vec<&Kind> = groups.iter().copied().flatten().collect();
    let schema = |flavour: Flavour| -> String {
        let tables = kinds.iter().enumerate().map(|(at, kind)| {
            let definition = kind.on(flavour);
            format!(
                "CREATE TABLE t{at} (id INT PRIMARY KEY, other INT NOT NULL DEFAULT 0, c {definition}) CHARSET utf8mb4;"
            )
        });
        format!("{LENIENT} {}", tables.collect::<String>())
    };
    let (central, lab) = (schema(other(lab_kind)), schema(lab_kind));
    let family = Family::between((server_of(other(lab_kind)), &central), (server_of(lab_kind), &lab));
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let names: Vec<String> = (0..kinds.len()).map(|at| format!("t{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let all: u64 = kinds.iter().map(|kind| kind.values.len() as u64).sum();
    let edit = |of: &dyn Fn(&str, &Kind) -> String| {
        let edits = names.iter().zip(&kinds).map(|(name, kind)| of(name, kind));
        lab.sql(&format!("{LENIENT} {}", edits.collect::<String>()));
    };
    edit(&|name, kind| {
        let rows = kind.values.iter().enumerate();
        rows.map(|(id, value)| format!("INSERT INTO {name} (id, c) VALUES ({id}, {value});")).collect()
    });
    let told = || {
        central.query(
            "SELECT table_name, record_id, kind, note, before_row, central_row, lab_row FROM conflict_log",
        )
    };
    assert_eq!(family.deliver("lab-a"), Delivered::clean(all, 0, 0), "{:#?}", told());
    assert_same(lab, central, &names);

    // Only another column changes: the base must be found equal to what the centre has.
    edit(&|name, _| format!("UPDATE {name} SET other = 1;"));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, all, 0), "{:#?}", told());
    assert_same(lab, central, &names);

    edit(&|name, kind| {
        let next = kind.values.iter().cycle().skip(1).take(kind.values.len()).enumerate();
        next.map(|(id, value)| format!("UPDATE {name} SET c = {value}, other = 2 WHERE id = {id};")).collect()
    });
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, all, 0), "{:#?}", told());
    assert_same(lab, central, &names);
    assert_eq!(family.deliver("lab-a"), Delivered::default(), "nothing was edited");

    edit(&|name, _| format!("DELETE FROM {name};"));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 0, all), "{:#?}", told());
    assert_same(lab, central, &names);
}

/// What an application has to say to store awkward values.
pub(crate) const LENIENT: &str = "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00';";

#[test]
fn numbers_and_times_keep_every_digit_from_mariadb_to_mysql() {
    go_through(&[NUMBERS, TIMES], Flavour::MariaDb);
}

#[test]
fn numbers_and_times_keep_every_digit_from_mysql_to_mariadb() {
    go_through(&[NUMBERS, TIMES], Flavour::MySql);
}

#[test]
fn texts_and_bytes_keep_every_bit_from_mariadb_to_mysql() {
    go_through(&[TEXTS, RAW, GENERATED], Flavour::MariaDb);
}

#[test]
fn texts_and_bytes_keep_every_bit_from_mysql_to_mariadb() {
    go_through(&[TEXTS, RAW, GENERATED], Flavour::MySql);
}

#[test]
fn ten_thousand_random_doubles_keep_every_bit_both_ways() {
    let seed = fastrand::u64(..);
    for lab_kind in [Flavour::MariaDb, Flavour::MySql] {
        let mut random = fastrand::Rng::with_seed(seed);
        let schema = "CREATE TABLE d (id INT PRIMARY KEY, d DOUBLE, f FLOAT, other INT)";
        let family = Family::between((server_of(other(lab_kind)), schema), (server_of(lab_kind), schema));
        let (central, lab) = (&family.central, family.lab("lab-a"));
        let rows: Vec<String> = (0..5000)
            .map(|id| {
                let double =
                    std::iter::repeat_with(|| f64::from_bits(random.u64(..))).find(|d| d.is_finite());
                let single =
                    std::iter::repeat_with(|| f32::from_bits(random.u32(..))).find(|f| f.is_finite());
                format!("({id}, {:e}, {:e}, 0)", double.unwrap(), single.unwrap())
            })
            .collect();
        rows.chunks(1000).for_each(|rows| lab.sql(&format!("INSERT INTO d VALUES {}", rows.join(","))));
        assert_eq!(family.deliver("lab-a"), Delivered::clean(5000, 0, 0), "seed {seed}");
        assert_same(lab, central, &["d"]);
        lab.sql("UPDATE d SET other = 1");
        assert_eq!(
            family.deliver("lab-a"),
            Delivered::clean(0, 5000, 0),
            "seed {seed} {:?}",
            family.conflicts()
        );
        assert_same(lab, central, &["d"]);
    }
}
