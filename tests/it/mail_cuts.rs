//! A line that breaks again and again: each byte goes over it once, and at most one part more for each cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::harness::{Pair, files, mail_url, set_central};
use crate::mail::noise;

const PART_BYTES: u64 = 256 << 10;

#[test]
fn an_upload_that_is_cut_sends_each_part_once_and_one_more_a_cut() {
    let (pair, line) = pair();
    pair.lab().sql(&format!("UPDATE items SET photo = x'{}' LIMIT 1", noise(2 << 20)));
    let cuts = until_done(&pair, &line, "push", 1_000_000);
    assert!(cuts >= 2, "{cuts} cuts");
    let size = files(&pair.lab().state().join("outbox"))[0].metadata().unwrap().len();
    let up = line.up.load(Ordering::SeqCst);
    // Some hundred bytes beside each part, and what signing in and asking takes.
    assert!(
        up < size + cuts * (PART_BYTES + 8_000) + 30_000,
        "{up} bytes went up for {size}, cut {cuts} times"
    );
    pair.central().run(&["pull"]).ok();
    pair.assert_exactly_once();
}

#[test]
fn a_download_that_is_cut_fetches_each_part_once_and_one_more_a_cut() {
    let (pair, line) = pair();
    for (site, command) in [(pair.lab(), "push"), (pair.central(), "sync")] {
        site.run(&[command]).ok();
    }
    pair.central().sql(&format!("UPDATE items SET photo = x'{}' LIMIT 1", noise(2 << 20)));
    pair.central().run(&["push"]).ok();
    let size: u64 = pair
        .central()
        .value("SELECT SUM(size_bytes) FROM packmule_mail WHERE from_site = 'central'")
        .parse()
        .unwrap();
    let before = line.down.load(Ordering::SeqCst);
    let cuts = until_done(&pair, &line, "pull", 1_000_000);
    assert!(cuts >= 2, "{cuts} cuts");
    let down = line.down.load(Ordering::SeqCst) - before;
    assert!(
        down < size + cuts * (PART_BYTES + 8_000) + 30_000,
        "{down} bytes came down for {size}, cut {cuts} times"
    );
    crate::harness::assert_equal(pair.lab(), pair.central(), &["shelves", "items"]);
}

#[test]
fn an_upload_of_a_lab_that_is_revoked_before_or_behind_the_cut_is_never_applied() {
    for is_cut in [true, false] {
        let (pair, line) = pair();
        let (central, lab) = (pair.central(), pair.lab());
        lab.sql(&format!("UPDATE items SET photo = x'{}' LIMIT 1", noise(2 << 20)));
        if is_cut {
            line.limit.store(1_000_000, Ordering::SeqCst);
            lab.run(&["push"]).code(17).says("the line to the centre broke");
        } else {
            lab.run(&["push"]).ok();
        }
        assert_ne!(central.value("SELECT COUNT(*) FROM packmule_mail_part"), "0");
        central.run(&["sites", "revoke", "lab-a", "--yes"]).ok();
        line.limit.store(u64::MAX, Ordering::SeqCst);
        // What the lab had of its upload opens no door, and what is there already is not taken in.
        let ran = lab.run(&["push"]);
        assert!(matches!(ran.code, Some(12 | 17)), "{ran:?}");
        central.run(&["pull"]).ok().never_says("applied");
        assert_eq!(central.count("shelves") + central.count("items"), 0);
        assert_eq!(central.count("packmule_mail") + central.count("packmule_mail_part"), 0);
        // Nor does a stick help.
        lab.run(&["export", pair.stick()]).ok();
        pair.import().code(14).says("lab-a is revoked here");
        assert_eq!(central.count("shelves") + central.count("items"), 0);
    }
}

#[test]
fn a_cut_upload_holds_its_room_and_goes_on_though_the_quota_is_full() {
    let (pair, line) = pair();
    let (central, lab) = (pair.central(), pair.lab());
    lab.sql(&format!("UPDATE items SET photo = x'{}' LIMIT 1", noise(2 << 20)));
    central.sql("UPDATE packmule_mail_account SET quota_bytes = 3000000 WHERE site = 'lab-a'");
    line.limit.store(1_000_000, Ordering::SeqCst);
    lab.run(&["push"]).code(17).says("the line to the centre broke");
    // The next bundle finds no room beside the first, which has its own from its first byte on.
    lab.sql(&format!("UPDATE items SET photo = x'{}' LIMIT 1", noise(1 << 20)));
    line.limit.store(u64::MAX, Ordering::SeqCst);
    for _ in 0..2 {
        lab.run(&["push"]).code(17).says("the centre has no more room for this lab's bundles");
    }
    central.run(&["pull"]).ok().says("applied");
    lab.run(&["push"]).ok();
    central.run(&["pull"]).ok();
    pair.assert_exactly_once();
}

fn pair() -> (Pair, Line) {
    let pair = Pair::new();
    pair.go_online();
    pair.edit();
    let line = Line::to(&mail_url(pair.central(), "lab-a"));
    set_central(pair.lab(), &line.url);
    (pair, line)
}

/// Runs a command until it goes through; the line breaks after so many bytes each time. Returns how often it broke.
fn until_done(pair: &Pair, line: &Line, command: &str, bytes: u64) -> u64 {
    line.limit.store(bytes, Ordering::SeqCst);
    for cuts in 0..20 {
        let ran = pair.lab().run(&[command]);
        if ran.code == Some(0) {
            line.limit.store(u64::MAX, Ordering::SeqCst);
            return cuts;
        }
        ran.code(17)
            .says("the line to the centre broke")
            .says(" of bundle ")
            .says("goes on where the line broke");
    }
    panic!("twenty cuts were not enough");
}

/// A line to a server that counts what goes over it, and breaks after so many bytes of a connection.
struct Line {
    url: String,
    up: Arc<AtomicU64>,
    down: Arc<AtomicU64>,
    limit: Arc<AtomicU64>,
}

impl Line {
    /// Stands between a lab and this address.
    fn to(url: &str) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (before, after) = url.split_once("127.0.0.1:").unwrap();
        let (server_port, database) = after.split_once('/').unwrap();
        let server = format!("127.0.0.1:{server_port}");
        let line = Line {
            url: format!("{before}127.0.0.1:{port}/{database}"),
            up: Arc::default(),
            down: Arc::default(),
            limit: Arc::new(AtomicU64::new(u64::MAX)),
        };
        let (up, down, limit) = (line.up.clone(), line.down.clone(), line.limit.clone());
        thread::spawn(move || {
            for lab in listener.incoming().map(Result::unwrap) {
                let there = TcpStream::connect(&server).unwrap();
                let left = Arc::new(AtomicU64::new(limit.load(Ordering::SeqCst)));
                let pass = |from: &TcpStream, to: &TcpStream, count: &Arc<AtomicU64>| {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (count, left) = (count.clone(), left.clone());
                    thread::spawn(move || pass(from, to, &count, &left));
                };
                pass(&lab, &there, &up);
                pass(&there, &lab, &down);
            }
        });
        line
    }
}

/// Passes on what comes, until either end closes or the line breaks.
fn pass(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64, left: &AtomicU64) {
    let mut buffer = [0; 4096];
    while let Ok(length) = from.read(&mut buffer) {
        let allowed = left.load(Ordering::SeqCst).min(length as u64);
        left.fetch_sub(allowed, Ordering::SeqCst);
        count.fetch_add(allowed, Ordering::SeqCst);
        let is_cut = allowed < length as u64;
        if length == 0 || to.write_all(&buffer[..allowed as usize]).is_err() || is_cut {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
