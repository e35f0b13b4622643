//! Memory stays flat however large a bundle is.

use std::process::Child;
use std::thread;
use std::time::Duration;

use crate::harness::{Family, Role, TestSite, server};

const ROWS: u64 = 200_000;
const MEMORY_KB_MAX: u64 = 96 << 10;

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
    let export = peak_memory_kb(lab.command(&["export", stick]).spawn().unwrap());
    let import = peak_memory_kb(central.command(&["import", "--no-reply", stick]).spawn().unwrap());
    assert_eq!(central.count("readings"), ROWS);
    let sum = "SELECT SUM(CRC32(CONCAT_WS('|', id, sensor, value, taken, note))) FROM readings";
    assert_eq!(lab.value(sum), central.value(sum));
    assert!(export < MEMORY_KB_MAX && import < MEMORY_KB_MAX, "export {export} KiB, import {import} KiB");
}

/// Waits for a process to end well, and returns how much memory it had at most.
fn peak_memory_kb(mut child: Child) -> u64 {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // The kernel keeps the peak itself; only what comes after the last look is missed.
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let seen = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = seen.unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            assert!(peak > 0, "no memory was seen");
            return peak;
        }
        thread::sleep(Duration::from_millis(5));
    }
}
