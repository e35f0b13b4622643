//! The mail in the centre's database as others may leave it: forged, odd and damaged rows; and what the mailbox promises.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql::prelude::Queryable;
use packmule::db::{Password, Session, Target, Tls};
use packmule::mailbox::{Central, Folder, MailError, MailState, Pace, Parcel};
use packmule::model::{BundleName, Digest, Stamp};
use packmule::monitor::Silent;

use crate::harness::{Pair, TestSite, files};
use crate::mail::noise;

#[test]
fn what_is_damaged_at_the_centre_is_named_and_sent_again() {
    for (damage, words) in [
        (
            "UPDATE packmule_mail_part SET body = CONCAT(SUBSTRING(body, 2), 'x') WHERE part = 1",
            "part 2 is not what its hash says",
        ),
        (
            "UPDATE packmule_mail_part SET body = LEFT(body, 5), sha256 = SHA2(LEFT(body, 5), 256) WHERE part = 0",
            "part 1 is not what its hash says",
        ),
        (
            "UPDATE packmule_mail_part SET body = CONCAT(SUBSTRING(body, 2), 'x') WHERE part = 0; \
          UPDATE packmule_mail_part SET sha256 = SHA2(body, 256) WHERE part = 0",
            "its parts do not make up the file",
        ),
    ] {
        let pair = online();
        pair.lab().sql(&format!("UPDATE items SET photo = x'{}' LIMIT 1", noise(600 << 10)));
        pair.lab().run(&["push"]).ok();
        pair.central().sql(damage);
        pair.central()
            .run(&["pull"])
            .code(14)
            .says("is damaged at the centre")
            .says(words)
            .says("lab-a sends it again");
        assert_eq!(pair.central().count("packmule_mail"), 0);
        assert_eq!(pair.central().value("SELECT used_bytes + used_count FROM packmule_mail_use"), "0");
        pair.lab().run(&["push"]).ok();
        pair.central().run(&["pull"]).ok();
        pair.assert_exactly_once();
    }
}

#[test]
fn a_lab_refuses_what_is_damaged_and_takes_it_by_stick() {
    let pair = online();
    pair.lab().run(&["push"]).ok();
    pair.central().run(&["sync"]).ok();
    pair.central().sql("UPDATE shelves SET name = 'other' LIMIT 1");
    pair.central().run(&["push"]).ok();
    pair.central().sql(
        "UPDATE packmule_mail_part SET body = CONCAT(SUBSTRING(body, 2), 'x') \
                        ORDER BY mail DESC LIMIT 1",
    );
    pair.lab().run(&["pull"]).code(14).says("is damaged at the centre").says("or to send it by stick");
    pair.central().run(&["export", pair.stick()]).ok();
    pair.lab().run(&["import", pair.stick()]).ok();
    crate::harness::assert_equal(pair.lab(), pair.central(), &["shelves", "items"]);
    pair.lab().run(&["sync"]).ok();
    pair.central().run(&["sync"]).ok();
    assert_eq!(pair.central().value("SELECT COUNT(*) FROM packmule_mail_part"), "0", "a receipt lets it go");
}

#[test]
fn rows_that_no_packmule_wrote_so_are_named_and_left() {
    let pair = online();
    pair.edit();
    pair.lab().run(&["push"]).ok();
    pair.central().sql(
        "SET @z = REPEAT('a', 64); \
         UPDATE packmule_mail_account SET quota_count = 1000; \
         INSERT INTO packmule_mail (from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts) VALUES \
           ('lab-a', 'central', 'lab-a.central.../../../../etc/passwd', @z, @z, 1, 4096, 1), \
           ('lab-a', 'central', 'lab-a.central.', @z, @z, 1, 4096, 1), \
           ('lab-z', 'central', 'lab-z.central.7f3a9c21.0000000001.mule', @z, SHA2('x', 256), 1, 4096, 1); \
         INSERT INTO packmule_mail_part SELECT id, 0, SHA2('x', 256), 'x' FROM packmule_mail WHERE size_bytes = 1",
    );
    let ran = pair.central().run(&["pull"]).ok();
    ran.says("is no bundle of packmule's (lab-a.central.../../../../etc/passwd) and was left alone");
    assert_eq!(pair.central().value("SELECT COUNT(*) FROM packmule_mail WHERE state = 'open'"), "3");
    pair.assert_exactly_once();
}

#[test]
fn a_bundle_under_another_one_s_name_and_a_file_that_is_none_are_refused_for_good() {
    let pair = online();
    pair.lab().run(&["push"]).ok();
    let outbox = only(&pair.lab().state().join("outbox"));
    let name = outbox.file_name().unwrap().to_str().unwrap();
    let other = name.replace("0000000001", "0000000007");
    // The lab's own account, in the wrong hands: a real bundle under another name, and no bundle at all.
    let bytes = fs::read(&outbox).unwrap();
    send_raw(&pair, &other, &bytes);
    send_raw(&pair, &name.replace("0000000001", "0000000008"), b"not a bundle");
    let ran = pair.central().run(&["pull"]).code(14);
    ran.says("holds the content of another bundle").says("is not a bundle");
    let state = |name: &str| {
        pair.central().value(&format!(
            "SELECT CONCAT(state, COALESCE(note, '')) FROM packmule_mail WHERE name = '{name}'"
        ))
    };
    assert_eq!(state(name), "taken");
    assert_eq!(state(&other), "refusedholds the content of another bundle: its name is another one inside");
    pair.central().run(&["pull"]).ok();
    pair.assert_exactly_once();
}

#[test]
fn a_file_that_was_damaged_in_the_outbox_is_refused_and_its_good_copy_taken() {
    let pair = online();
    kill(pair.lab(), "seal.renamed");
    let bundle = only(&pair.lab().state().join("outbox"));
    let good = fs::read(&bundle).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(&bundle, &bad).unwrap();
    pair.lab().run(&["push"]).ok();
    pair.central().run(&["pull"]).code(14).says("0000000001.mule");
    pair.lab().run(&["push"]).code(14).says("central cannot use bundle 1");
    pair.lab().run(&["push"]).code(14);
    fs::write(&bundle, &good).unwrap();
    pair.lab().run(&["push"]).ok();
    pair.central().run(&["pull"]).ok();
    pair.assert_exactly_once();
}

#[test]
fn what_a_lab_can_never_use_is_not_fetched_again_each_time() {
    let pair = online();
    pair.lab().run(&["sync"]).ok();
    pair.central().run(&["pull"]).ok();
    // The centre seals for a key that the lab does not have.
    let key = pair.central().value("SELECT recipient FROM packmule_site WHERE name = 'lab-a'");
    let other = crate::harness::TestSite::new(crate::harness::server(), crate::harness::Role::Lab, "lab-x");
    other
        .run(&["init", "--role", "lab", "--site", "lab-x", "--card", "x.card", "--database", &other.url()])
        .ok();
    let keys = crate::mail::json(&other.run(&["keys", "--json"]).ok());
    let foreign = keys["encryption_key"].as_str().unwrap().to_owned();
    pair.central().sql(&format!("UPDATE packmule_site SET recipient = '{foreign}' WHERE name = 'lab-a'"));
    pair.central().run(&["push"]).ok();
    pair.lab()
        .run(&["pull"])
        .code(14)
        .says("Fetched 1 bundle")
        .says("cannot be opened with this site's encryption key");
    pair.lab().run(&["pull"]).code(14).never_says("Fetched").says("it is not fetched again");
    pair.central().sql(&format!(
        "UPDATE packmule_site SET recipient = '{key}', wants_snapshot = 1 WHERE name = 'lab-a'"
    ));
    pair.central().run(&["push"]).ok();
    pair.lab().run(&["pull"]).ok().says("Fetched 1 bundle");
    crate::harness::assert_equal(pair.lab(), pair.central(), &["shelves", "items"]);
}

#[test]
fn a_lab_that_holds_its_rows_stops_nobody_else() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    pair.go_online();
    let b = pair.other("lab-b");
    for (id, lab) in [(7, pair.lab()), (8, b)] {
        lab.sql(&format!("INSERT INTO shelves VALUES ({id}, 'of a lab')"));
        lab.run(&["push"]).ok();
    }
    // Somebody with lab-b's account reads all that it may, locks it all, and goes for a walk.
    let url = crate::harness::mail_url(pair.central(), "lab-b");
    let mut conn = mysql::Conn::new(mysql::Opts::from_url(&url).unwrap()).unwrap();
    conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE").unwrap();
    conn.query_drop("START TRANSACTION").unwrap();
    for read in [
        "id FROM packmule_sent",
        "part FROM packmule_sent_part",
        "id FROM packmule_waiting",
        "mail FROM packmule_waiting_part",
    ] {
        conn.query_drop(format!("SELECT {read}")).unwrap();
    }
    conn.query_drop("SELECT * FROM packmule_centre").unwrap();
    let begun = std::time::Instant::now();
    // It may be that nothing can be put into the mail meanwhile. What has come is applied, and bundles are sealed all the same.
    let ran = pair.central().run(&["sync"]).says("Fetched 2 bundles from lab-a, lab-b");
    assert!(
        ran.code == Some(0) || (ran.code == Some(17) && ran.stderr.contains("the centre's database is busy")),
        "{ran:?}"
    );
    assert!(begun.elapsed().as_secs() < 40, "{:?}", begun.elapsed());
    assert_eq!(pair.central().count("shelves"), 2);
    pair.central().run(&["export", pair.stick()]).ok();
    pair.lab().run(&["import", pair.stick()]).ok().says("applied");
    drop(conn);
    pair.central().run(&["sync"]).ok();
    let open = "SELECT COUNT(*) FROM packmule_mail WHERE to_site = 'central' AND state = 'open'";
    assert_eq!(pair.central().value(open), "0");
    b.run(&["sync"]).ok();
    crate::harness::assert_equal(b, pair.central(), &["shelves"]);
}

#[test]
fn what_a_site_has_sent_that_may_not_speak_is_left_or_removed() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    pair.go_online();
    let b = pair.other("lab-b");
    for (id, lab) in [(7, pair.lab()), (8, b)] {
        lab.sql(&format!("INSERT INTO shelves VALUES ({id}, 'of a lab')"));
        lab.run(&["push"]).ok();
    }
    pair.central().run(&["sites", "suspend", "lab-a"]).ok();
    pair.central().run(&["sites", "revoke", "lab-b", "--yes"]).ok();
    pair.central().run(&["sync"]).ok().never_says("applied");
    let mail = "SELECT GROUP_CONCAT(from_site, ' ', state) FROM packmule_mail WHERE to_site = 'central'";
    assert_eq!((pair.central().count("shelves"), pair.central().value(mail)), (0, "lab-a open".into()));
    pair.central().run(&["sites", "resume", "lab-a"]).ok();
    pair.central().run(&["sync"]).ok().says("lab-a 1  applied 1 change");
}

#[test]
fn a_centre_of_an_older_packmule_gets_its_mail_with_the_first_command() {
    let pair = Pair::new();
    pair.edit();
    pair.export().ok();
    pair.central().sql(
        "DROP VIEW packmule_sent, packmule_sent_part, packmule_waiting, packmule_waiting_part, packmule_centre; \
         DROP TABLE packmule_mail_part, packmule_mail, packmule_mail_use, packmule_mail_account, packmule_mail_centre, \
           packmule_central_migration",
    );
    pair.import().ok();
    pair.go_online();
    pair.edit();
    pair.lab().run(&["push"]).ok();
    pair.central().run(&["pull"]).ok();
    pair.assert_exactly_once();
    // At a lab there is nothing of it.
    assert_eq!(
        pair.lab().value(
            "SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name LIKE 'packmule%mail%'"
        ),
        "0"
    );
}

#[test]
fn two_uploads_of_one_bundle_at_once_make_one() {
    let pair = online();
    let (mut one, mut two) = (central(&pair), central(&pair));
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = file(folder.path(), 3_000_000, 1);
    let send = |mail: &mut Central| put(mail, &name(1), &path, 1).unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| send(&mut two));
        assert_eq!(send(&mut one).state, MailState::Open);
        assert_eq!(other.join().unwrap().state, MailState::Open);
    });
    assert_eq!(pair.central().count("packmule_mail"), 1);
    assert_eq!(
        pair.central().value("SELECT SUM(LENGTH(body)) FROM packmule_mail_part"),
        bytes.len().to_string()
    );
}

#[test]
fn the_mail_keeps_what_every_mailbox_promises() {
    let pair = online();
    let (mut lab, mut centre) = (central(&pair), at_centre(&pair));
    let folder = tempfile::tempdir().unwrap();
    let inbox = Folder::ensure(folder.path().join("inbox")).unwrap();
    assert_eq!(centre.list().unwrap().mails, []);
    // What was put is listed and fetched with the same bytes; twice put, it is there once; the oldest comes first.
    let files = [file(folder.path(), 2_048, 2), file(folder.path(), 3_000_001, 1)];
    for (seq, (path, bytes)) in [2, 1].into_iter().zip(&files) {
        assert_eq!(put(&mut lab, &name(seq), path, 1).unwrap().bytes, bytes.len() as u64);
        assert_eq!(put(&mut lab, &name(seq), path, 1).unwrap().bytes, 0);
    }
    let mails = centre.list().unwrap().mails;
    assert_eq!(mails.iter().map(|mail| mail.name.clone()).collect::<Vec<_>>(), [name(1), name(2)]);
    for (mail, (_, bytes)) in mails.iter().zip(files.iter().rev()) {
        centre.fetch(mail, &inbox, &mut Pace::new(None), &Silent).unwrap();
        let path = inbox.rename_part(&mail.name).unwrap();
        assert_eq!(fs::read(path).unwrap(), *bytes);
    }
    // Nobody sees what is not complete, and the labs see only what is for them.
    let (path, _) = file(folder.path(), 600_000, 3);
    put(&mut lab, &name(3), &path, 1).unwrap();
    pair.central()
        .sql("DELETE FROM packmule_mail_part WHERE part = 1 AND mail = (SELECT MAX(id) FROM packmule_mail)");
    assert_eq!(centre.list().unwrap().mails.len(), 2);
    assert_eq!(lab.list().unwrap().mails, []);
    assert!(put(&mut lab, &name(3), &path, 1).unwrap().bytes < 600_000);
    assert_eq!(centre.list().unwrap().mails.len(), 3);
    // What was removed is gone and the rest is not; the one that is not there is named.
    centre.remove(mails[0].id, &Silent).unwrap();
    assert_eq!(centre.list().unwrap().mails.len(), 2);
    let error = centre.fetch(&mails[0], &inbox, &mut Pace::new(None), &Silent).unwrap_err();
    assert!(matches!(error, MailError::Gone { .. }) && error.to_string().contains(&name(1).to_string()));
    // What is marked is told to its sender, and its parts go; what nobody need know any more goes whole.
    centre.mark(mails[1].id, &MailState::Refused { note: "is odd".into() }, &Silent).unwrap();
    centre.clear(Stamp::from_micros(0), &Silent).unwrap();
    let sent = put(&mut lab, &name(2), &files[0].0, 1).unwrap();
    assert_eq!((sent.bytes, sent.state), (0, MailState::Refused { note: "is odd".into() }));
    centre.clear(Stamp::from_micros(4_000_000_000_000_000), &Silent).unwrap();
    assert_eq!(pair.central().count("packmule_mail"), 1);
}

/// A lab that has nothing to say yet, and can reach its centre.
fn online() -> Pair {
    let pair = Pair::new();
    pair.go_online();
    pair.edit();
    pair
}

fn name(seq: u64) -> BundleName {
    format!("lab-a.central.7f3a9c21.{seq:010}.mule").parse().unwrap()
}

fn target(site: &TestSite<'_>, account: Option<&str>) -> Target {
    let url = site.server().tcp_url(site.database());
    let port = url.split(['/', ':']).nth(4).unwrap().parse().unwrap();
    Target {
        host: "127.0.0.1".into(),
        port,
        socket: None,
        user: account.unwrap_or("root").into(),
        password: account.map(|_| Password::new("s3cret".into())),
        database: site.database().into(),
        tls: Tls::Off,
        timeout: account.map(|_| Duration::from_secs(30)),
    }
}

/// The mail as the lab sees it.
fn central(pair: &Pair) -> Central {
    let session = Session::open(&target(pair.central(), Some("packmule_lab-a"))).unwrap();
    Central::at_lab(session, &"lab-a".parse().unwrap(), Duration::from_secs(30)).unwrap().0
}

fn at_centre(pair: &Pair) -> Central {
    Central::at_centre(Session::open(&target(pair.central(), None)).unwrap(), &"central".parse().unwrap())
        .unwrap()
}

fn file(folder: &Path, length: usize, fill: u8) -> (PathBuf, Vec<u8>) {
    let path = folder.join(format!("{length}-{fill}"));
    let mut random = fastrand::Rng::with_seed(u64::from(fill));
    let bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

fn put(
    mail: &mut Central,
    name: &BundleName,
    path: &Path,
    digest: u8,
) -> Result<packmule::mailbox::Sent, MailError> {
    let mut file = File::open(path).unwrap();
    let size_bytes = file.metadata().unwrap().len();
    let parcel = Parcel { name, digest: Digest::from_bytes([digest; 32]), file: &mut file, size_bytes };
    mail.put(parcel, &mut Pace::new(None), &Silent)
}

/// Puts bytes into the mail by hand, with the lab's account.
fn send_raw(pair: &Pair, name: &str, bytes: &[u8]) {
    let url = crate::harness::mail_url(pair.central(), "lab-a");
    let mut conn = mysql::Conn::new(mysql::Opts::from_url(&url).unwrap()).unwrap();
    conn.exec_drop(
        "INSERT INTO packmule_sent (from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts) \
         VALUES ('lab-a', 'central', ?, REPEAT('b', 64), SHA2(?, 256), ?, 1048576, 1)",
        (name, bytes, bytes.len()),
    )
    .unwrap();
    conn.exec_drop(
        "INSERT INTO packmule_sent_part (mail, part, sha256, body) \
         VALUES ((SELECT id FROM packmule_sent WHERE name = ?), 0, SHA2(?, 256), ?)",
        (name, bytes, bytes),
    )
    .unwrap();
}

fn kill(site: &TestSite<'_>, step: &str) {
    let output = site.command(&["push"]).env("PACKMULE_CRASH_AT", step).output().unwrap();
    assert_eq!(output.status.code(), None);
}

#[track_caller]
fn only(folder: &Path) -> PathBuf {
    let files = files(folder);
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}
