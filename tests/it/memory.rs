//! Memory stays flat however large a bundle is.

use std::process::Child;

use crate::harness::{Family, Role, TestSite, peak_memory_kib, server};

const ROWS: u64 = 200_000;
const MEMORY_KB_MAX: u64 = 40 << 10;

#[test]
fn two_hundred_thousand_rows_are_sent_and_applied_in_less_than_96_mib() {
    let schema = "CREATE TABLE readings (id INT PRIMARY KEY, sensor VARCHAR(20) NOT NULL, value DOUBLE, taken DATETIME, note VARCHAR(120))";
    let mut family = Family::new(server(), schema, &[]);
    let lab = TestSite::new(server(), Role::Lab, "lab-a");
    lab.sql(schema);
    let digits = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 \
                  UNION SELECT 8 UNION SELECT 9)";
    lab.sql(&format!(
        "INSERT INTO readings SELECT n, CONCAT('sensor ', n % 97), n / 7e0, '2026-01-01' + INTERVAL n SECOND, SHA2(n, 256) \
         FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 100000 * g.d n \
               FROM {digits} a, {digits} b, {digits} c, {digits} e, {digits} f, (SELECT 0 d UNION SELECT 1) g) numbers"
    ));
    assert_eq!(lab.count("readings"), ROWS);
    family.add(lab, &["--adopt"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let stick = lab.stick("stick");
    let stick = stick.to_str().unwrap();
    let export = in_memory(lab.command(&["export", stick]).spawn().unwrap());
    let import = in_memory(central.command(&["import", "--no-reply", stick]).spawn().unwrap());
    assert_eq!(central.count("readings"), ROWS);
    let sum = "SELECT SUM(CRC32(CONCAT_WS('|', id, sensor, value, taken, note))) FROM readings";
    assert_eq!(lab.value(sum), central.value(sum));
    assert!(export < MEMORY_KB_MAX && import < MEMORY_KB_MAX, "export {export} KiB, import {import} KiB");
}

/// Runs a process to its good end, and returns how many KiB of memory it had at most.
fn in_memory(child: Child) -> u64 {
    let (peak, output) = peak_memory_kib(child);
    assert!(output.status.success(), "{output:?}");
    assert!(peak > 0, "no memory was seen");
    peak
}
