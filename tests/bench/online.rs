//! The network: one lab's changes through the centre to another lab, and a centre with very many labs.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use packmule::demo::PrivateServer;

use crate::measure::{figure, heading, rate, ratio, time};
use crate::peers::{self, per_second};
use crate::sites::Online;
use crate::{Size, data};

/// Changes of one lab: sent, applied at the centre, fetched by another lab; beside a push of one row after the other.
pub(crate) fn line(server: &PrivateServer, size: &Size) {
    let changes = size.changes / 3;
    let mix = Size { changes, ..size.clone() };
    heading("Network: changes of a lab to the centre, and on to another lab");
    let databases = ["line_central", "line_lab_1", "line_lab_2"];
    databases.iter().for_each(|database| data::fill(server, database, size.rows));
    let sites = Online::new(server, "line", 2);
    // The labs have the centre's rows already; so says the first exchange.
    sites.exchange_all();
    sites.exchange_all();
    for statement in data::mix(&mix) {
        server.sql("line_lab_1", &statement).unwrap();
    }
    let push = sites.run("lab-1", &["push"]);
    let apply = sites.run("central", &["sync"]);
    let pull = sites.run("lab-2", &["pull"]);
    equal(server, &databases);
    let pushed = peers::row_by_row(server, "line_lab_1", "line_central", &mix);
    rate("packmule push", changes, push.time);
    rate("packmule sync at the centre", changes, apply.time);
    rate("packmule pull at the other lab", changes, pull.time);
    rate("row by row to the centre, one processor", size.singles, pushed);
    let both = push.time + apply.time;
    ratio(
        "push and apply / row by row, speed",
        per_second(changes, both),
        per_second(size.singles, pushed),
        "(no target)",
    );
    for (what, taken) in [("push", push), ("sync", apply), ("pull", pull)] {
        figure(&format!("peak memory of {what}"), &format!("{} MiB", taken.memory_kib >> 10));
    }
    println!();
}

/// A centre with very many labs: bundles a second with one and two workers, and how long all wait after a day without it.
pub(crate) fn crowd(server: &PrivateServer, size: &Size) {
    const EDITS: u64 = 20;
    let labs = size.labs;
    heading(&format!("A centre with {labs} labs, {EDITS} edits each"));
    server.sql("", "CREATE DATABASE crowd_central").unwrap();
    server.sql("crowd_central", data::TABLE).unwrap();
    for lab in 1..=labs {
        server.sql("", &format!("CREATE DATABASE crowd_lab_{lab}")).unwrap();
        server.sql(&format!("crowd_lab_{lab}"), data::TABLE).unwrap();
    }
    let sites = Online::new(server, "crowd", labs);
    sites.exchange_all();
    let mut round = 0;
    let edit = |round: u64| {
        for lab in 1..=labs {
            let rows: Vec<String> = (0..EDITS)
                .map(|at| {
                    format!("({}, 'KU', 'scale', NULL, 1.5, 1, NULL, NULL)", (round * labs + lab) * 100 + at)
                })
                .collect();
            let database = format!("crowd_lab_{lab}");
            server.sql(&database, &format!("INSERT INTO items VALUES {}", rows.join(","))).unwrap();
        }
    };
    let mut took = Vec::new();
    for workers in [1, 2] {
        round += 1;
        edit(round);
        for lab in 1..=labs {
            sites.run(&format!("lab-{lab}"), &["push"]);
        }
        // What is measured is how fast they are applied: sealing for all labs has a turn of its own.
        sites.set(&format!("[agent]\nworkers = {workers}\nseals = false\n"));
        let waiting = "SELECT COUNT(*) FROM packmule_mail WHERE to_site = 'central' AND state = 'open'";
        let time = time(|| {
            let agent = Agent::of(&sites);
            wait_until(|| value(server, waiting) == 0);
            drop(agent);
        });
        rate(&format!("bundles applied, {workers} of the workers"), labs, time);
        took.push(time);
    }
    ratio("2 workers / 1, speed", took[0].as_secs_f64(), took[1].as_secs_f64(), "(no target)");
    round += 1;
    edit(round);
    sites.set("[agent]\nworkers = 2\n");
    let rows = round * labs * EDITS;
    let served = time(|| {
        let agent = Agent::of(&sites);
        thread::scope(|scope| {
            for hand in 0..4 {
                let sites = &sites;
                scope.spawn(move || {
                    for lab in (1..=labs).filter(|lab| lab % 4 == hand) {
                        sites.run(&format!("lab-{lab}"), &["push"]);
                    }
                    wait_until(|| value(server, "SELECT COUNT(*) FROM items") == rows);
                    for lab in (1..=labs).filter(|lab| lab % 4 == hand) {
                        let count = format!("SELECT COUNT(*) FROM crowd_lab_{lab}.items");
                        wait_until(|| {
                            sites.run(&format!("lab-{lab}"), &["sync"]);
                            value(server, &count) == rows
                        });
                    }
                });
            }
        });
        drop(agent);
    });
    rate("all rows at all labs after an outage", rows * labs, served);
    println!();
}

/// The centre's agent, until it is dropped.
struct Agent(Child);

impl Agent {
    fn of(sites: &Online) -> Agent {
        let mut command: Command = sites.command("central", &["run"]);
        Agent(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// A number out of the centre's database.
fn value(server: &PrivateServer, query: &str) -> u64 {
    let rows = server.query("crowd_central", query).unwrap();
    rows[0][0].as_deref().unwrap().parse().unwrap()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    const LONG: Duration = Duration::from_secs(3600);
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LONG, "waited in vain");
        thread::sleep(Duration::from_millis(100));
    }
}

/// A bench of something that does not work would be worth nothing.
fn equal(server: &PrivateServer, databases: &[&str]) {
    let tables: Vec<String> = databases.iter().map(|database| format!("{database}.items")).collect();
    let sums = server.query("", &format!("CHECKSUM TABLE {}", tables.join(", "))).unwrap();
    assert!(sums.windows(2).all(|two| two[0][1] == two[1][1]), "the tables differ");
    figure("tables equal at all ends", "yes");
}
