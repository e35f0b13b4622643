//! Who may sign in to the web console: kept by the centre, changed by `packmule users`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use packmule::config::Settings;
use packmule::engine::{self, Home};
use packmule::ledger::User;
use packmule::model::{UserName, UserRole};
use packmule::monitor::Silent;
use packmule::report::Report;

use crate::harness::{Family, Ran, SCHEMA, TestSite, server};

const PASSWORD: &str = "four words in rain";

/// A centre without labs.
fn centre() -> Family<'static> {
    Family::new(server(), SCHEMA, &[])
}

fn home<T>(site: &TestSite<'_>, ask: impl FnOnce(&mut Home<'_>) -> T) -> T {
    let settings = Settings::open(&site.config()).unwrap();
    let mut home = Home::look(&settings, &Silent).unwrap();
    ask(&mut home)
}

/// A file that only its owner may read, with this text.
fn secret(site: &TestSite<'_>, text: &str) -> PathBuf {
    let path = site.path("password.txt");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Runs `users ... --password-file FILE` with this password.
fn with_password(site: &TestSite<'_>, arguments: &[&str], password: &str) -> Ran {
    let file = secret(site, password);
    let all = [&["users"], arguments, &["--password-file", file.to_str().unwrap()]].concat();
    site.run(&all)
}

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn user(site: &TestSite<'_>, text: &str) -> User {
    home(site, |home| engine::find_user(home, &name(text))).unwrap().unwrap()
}

fn sign_in(site: &TestSite<'_>, name: &str, password: &str) -> Option<User> {
    home(site, |home| engine::sign_in(home, name, password)).unwrap()
}

#[test]
fn users_are_added_changed_and_removed_and_what_was_signed_in_before_can_be_told() {
    let family = centre();
    let central = &family.central;
    central
        .run(&["users"])
        .ok()
        .says("Nobody may sign in to the console yet.")
        .says("Do next: let an admin in: packmule users add NAME --role admin");
    with_password(central, &["add", "grace", "--role", "admin"], &format!("{PASSWORD}\nnot this line\n"))
        .ok()
        .says("grace may sign in as admin: does everything.")
        .says("Do next: nothing");
    with_password(central, &["add", "john.k@ku.ac.ke", "--role", "viewer"], PASSWORD).ok();
    central
        .run(&["users", "list"])
        .ok()
        .says("grace")
        .says("john.k@ku.ac.ke")
        .says("never")
        .says("Do next: nothing");
    let listed = central.run(&["users", "--json"]).ok();
    assert!(
        listed.stdout.starts_with("{\"format\":\"packmule.users.v1\",") && !listed.stdout.contains("argon2")
    );
    let before = user(central, "john.k@ku.ac.ke");
    assert_eq!(
        (before.role, before.signed_in_at, before.changed_at),
        (UserRole::Viewer, None, before.made_at)
    );
    let in_now = sign_in(central, "john.k@ku.ac.ke", PASSWORD).unwrap();
    assert_eq!(user(central, "john.k@ku.ac.ke"), in_now);
    assert!(in_now.signed_in_at.is_some() && in_now.changed_at == before.changed_at);
    // Each change ends what was signed in before, whatever the clock says.
    central.sql("UPDATE packmule_user SET changed_at = '2035-01-01 00:00:00'");
    central
        .run(&["users", "role", "john.k@ku.ac.ke", "reviewer"])
        .ok()
        .says("is reviewer: looks, and decides conflicts");
    let promoted = user(central, "john.k@ku.ac.ke");
    assert_eq!(
        (promoted.role, promoted.changed_at.to_sql().as_str()),
        (UserRole::Reviewer, "2035-01-01 00:00:00.000001")
    );
    central.run(&["users", "role", "john.k@ku.ac.ke", "reviewer"]).ok();
    assert_eq!(user(central, "john.k@ku.ac.ke"), promoted, "the same role is no change");
    with_password(central, &["password", "john.k@ku.ac.ke"], "another one of them")
        .ok()
        .says("must sign in again");
    assert!(user(central, "john.k@ku.ac.ke").changed_at > promoted.changed_at);
    assert_eq!(sign_in(central, "john.k@ku.ac.ke", PASSWORD), None);
    assert!(sign_in(central, "john.k@ku.ac.ke", "another one of them").is_some());
    central
        .run(&["users", "remove", "john.k@ku.ac.ke", "--json"])
        .ok()
        .says("\"format\":\"packmule.user-changed.v1\"")
        .says("\"removed\":\"john.k@ku.ac.ke\"");
    assert_eq!(sign_in(central, "john.k@ku.ac.ke", "another one of them"), None);
    assert_eq!(central.count("packmule_user"), 1);
    central.run(&["doctor"]).ok();
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let central = &family.central;
    with_password(central, &["add", "grace", "--role", "admin"], PASSWORD).ok();
    let before = central.rows("packmule_user");
    let refused = |ran: Ran, words: &str| ran.code(2).says(words).says("nothing was changed");
    refused(
        with_password(central, &["add", "grace", "--role", "viewer"], PASSWORD),
        "there is a user grace already",
    )
    .says("packmule users password grace");
    refused(
        with_password(central, &["add", "john", "--role", "viewer"], "too short"),
        "at least 10 characters",
    );
    refused(
        with_password(central, &["add", "johnkamau-1", "--role", "viewer"], "JohnKamau-1"),
        "not the user's name",
    );
    refused(with_password(central, &["password", "grace"], &"x".repeat(1001)), "at most 1000 bytes");
    refused(with_password(central, &["password", "grase"], PASSWORD), "there is no user grase")
        .says("did you mean \"grace\"?");
    refused(central.run(&["users", "role", "zzz", "admin"]), "there is no user zzz").says("packmule users");
    // Nobody would be left to make the next one.
    refused(central.run(&["users", "remove", "grace"]), "grace is the last admin")
        .says("users role NAME admin");
    refused(central.run(&["users", "role", "grace", "reviewer"]), "grace is the last admin");
    central.run(&["users", "role", "grace", "admin"]).ok();
    central.run(&["users", "add", "Grace W", "--role", "admin"]).code(2).says("begins with a letter");
    central.run(&["users", "add", "john", "--role", "boss"]).code(2).says("viewer, reviewer or admin");
    // Nobody can be asked, and a file that others may read is no secret.
    central
        .run(&["users", "password", "grace"])
        .code(18)
        .says("New password of grace")
        .says("--password-file FILE");
    let file = secret(central, PASSWORD);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = central.run(&["users", "password", "grace", "--password-file", file.to_str().unwrap()]);
    ran.code(10).says("password.txt");
    assert_eq!(central.rows("packmule_user"), before);
    with_password(family.lab("lab-a"), &["add", "grace", "--role", "admin"], PASSWORD)
        .code(2)
        .says("lab-a is a lab, and this is done at the centre");
    family.lab("lab-a").run(&["users"]).code(2);
    // With a second admin the first may go.
    with_password(central, &["add", "john", "--role", "admin"], PASSWORD).ok();
    central.run(&["users", "role", "grace", "viewer"]).ok();
    central.run(&["users", "remove", "john"]).code(2).says("john is the last admin");
    central.run(&["users", "remove", "grace"]).ok();
}

#[test]
fn nobody_signs_in_with_a_name_or_password_that_is_not_quite_right_and_nobody_learns_which() {
    let family = centre();
    let central = &family.central;
    let odd = "  pass\u{301}word \u{1F40E} '; \\";
    home(central, |home| {
        engine::add_user(home, &name("grace"), UserRole::Reviewer, odd).unwrap();
        engine::add_user(home, &name("john"), UserRole::Viewer, &"x".repeat(1000)).unwrap();
    });
    assert_eq!(sign_in(central, "grace", odd).unwrap().role, UserRole::Reviewer);
    assert_eq!(sign_in(central, "john", &"x".repeat(1000)).unwrap().role, UserRole::Viewer);
    let in_at = user(central, "grace").signed_in_at;
    for (name, password) in [
        ("grace", ""),
        ("grace", odd.trim()),
        ("grace", "x"),
        ("Grace", odd),
        ("grace ", odd),
        ("", odd),
        ("' OR 1 = 1 -- ", odd),
        ("nobody", odd),
        ("john", &"x".repeat(1001)),
        ("john", &"x".repeat(999)),
        (&"x".repeat(1_000_000), odd),
    ] {
        assert_eq!(sign_in(central, name, password), None, "{name:.20} {password:.20}");
    }
    assert_eq!(user(central, "grace").signed_in_at, in_at);
    // A hash that somebody has put there by hand lets nobody in.
    central.sql("UPDATE packmule_user SET password = '' WHERE name = 'grace'");
    assert_eq!((sign_in(central, "grace", ""), sign_in(central, "grace", odd)), (None, None));
    // An unknown name takes as long as a wrong password: without the hash it would be a hundredth of it. In turns, so that
    // whatever else this computer does meets all alike.
    let mut least = [Duration::MAX; 3];
    home(central, |home| {
        for _ in 0..8 {
            for (least, name) in least.iter_mut().zip(["john", "nobody", "No Name"]) {
                let before = Instant::now();
                assert_eq!(engine::sign_in(home, name, "wrong words in rain").unwrap(), None);
                *least = before.elapsed().min(*least);
            }
        }
    });
    let [known, unknown, impossible] = least;
    assert!(unknown * 4 > known && impossible * 4 > known, "{least:?}");
}

#[test]
fn two_who_take_each_other_away_leave_one_admin() {
    let family = centre();
    let central = &family.central;
    for round in 0..3 {
        home(central, |home| {
            for one in ["grace", "john"] {
                if engine::find_user(home, &name(one)).unwrap().is_none() {
                    engine::add_user(home, &name(one), UserRole::Admin, PASSWORD).unwrap();
                }
            }
        });
        let done: Vec<bool> = std::thread::scope(|scope| {
            let take = |one: &'static str| {
                scope.spawn(move || home(central, |home| engine::remove_user(home, &name(one)).is_ok()))
            };
            let both = [take("grace"), take("john")];
            both.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "round {round}: {done:?}");
        assert_eq!(central.count("packmule_user"), 1);
    }
}

#[test]
fn a_hash_is_kept_as_argon2id_with_a_salt_of_its_own_and_shown_by_nothing() {
    let family = centre();
    let central = &family.central;
    for one in ["grace", "john"] {
        with_password(central, &["-v", "add", one, "--role", "viewer"], PASSWORD).ok();
    }
    let hashes = central.query("SELECT password FROM packmule_user ORDER BY name");
    let [Some(first), Some(second)] = [&hashes[0][0], &hashes[1][0]] else { panic!("{hashes:?}") };
    assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && first != second, "{hashes:?}");
    let error = home(central, |home| engine::add_user(home, &name("grace"), UserRole::Admin, PASSWORD));
    let error = error.unwrap_err();
    let told = format!("{error:?} {:?}", user(central, "grace"));
    let shown = told + &Report::from(error).to_text();
    let listed = central.run(&["-v", "users", "list", "--json"]).ok().stdout;
    assert!(![shown, listed].iter().any(|text| text.contains("argon2") || text.contains("rain")));
}
