//! A lab whose server lives in another hour than the centre's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::Duration;

use packmule::demo::{Flavour, PrivateServer, ServerOptions};

use crate::harness::{Family, server_of};

const SCHEMA: &str = "CREATE TABLE stock (id INT PRIMARY KEY, amount INT)";

#[test]
fn a_contact_with_the_centre_finds_out_how_wrong_the_clock_is() {
    // A server that lives two hours ahead, as on a computer whose clock nobody has set.
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("server");
    let right = server_of(Flavour::MariaDb).binary().path().display().to_string();
    // Not by the program `faketime`: it stays between the server and whoever ends it by its number.
    let library = "$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/lib*/faketime/libfaketimeMT.so.1 2>/dev/null | head -n 1)";
    let script = format!("#!/bin/sh\nexport LD_PRELOAD=\"{library}\" FAKETIME=+2h\nexec {right} \"$@\"\n");
    fs::write(&wrong, script).unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o755)).unwrap();
    let options = ServerOptions { binary: Some(wrong), ..ServerOptions::default() };
    let ahead = PrivateServer::start(&options).unwrap();
    let family = Family::between((server_of(Flavour::MySql), SCHEMA), (&ahead, SCHEMA));
    let (central, lab) = (&family.central, family.lab("lab-a"));
    family.go_online();
    let exchange = || {
        lab.run(&["sync"]).ok();
        central.run(&["sync"]).ok();
        lab.run(&["sync"]).ok();
    };
    central.sql("INSERT INTO stock VALUES (1, 10), (2, 20)");
    exchange();
    exchange();
    lab.run(&["status"]).ok().says("Clock").says("2 h ahead of central's, corrected");
    // By its own clock the lab is the later one both times; in truth it is once.
    lab.sql("UPDATE stock SET amount = 7 WHERE id = 1");
    sleep(Duration::from_millis(1200));
    central.sql("UPDATE stock SET amount = 8");
    sleep(Duration::from_millis(1200));
    lab.sql("UPDATE stock SET amount = 7 WHERE id = 2");
    exchange();
    assert_eq!(central.value("SELECT GROUP_CONCAT(amount ORDER BY id) FROM stock"), "8,7");
    let note = central.value("SELECT GROUP_CONCAT(DISTINCT clock_note) FROM conflict_log");
    assert_eq!(note, "lab-a's clock is 2 h ahead; its times are corrected");
}
