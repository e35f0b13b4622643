//! The doors of the web console: who is let in, by which way, and what is refused. What its pages show is tested in a browser.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{ALL_WAIT, Authority, Family, PASSWORD, Round, SCHEMA, Served, let_in, server, stock};

fn centre() -> Family<'static> {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let_in(&family.central, "grace", "admin");
    family
}

#[test]
fn nobody_is_served_in_the_clear_from_elsewhere_or_at_a_lab() {
    let family = centre();
    family
        .central
        .run(&["serve", "--listen", "0.0.0.0:0"])
        .code(2)
        .says("would be open to the network at 0.0.0.0:0, in the clear")
        .says("--tls-cert");
    family.lab("lab-a").run(&["serve", "--listen", "127.0.0.1:0"]).code(2).says("lab-a is a lab");
    let central = &family.central;
    fs::write(central.path("short"), "too short\n").unwrap();
    let short = central.path("short");
    central.run(&["serve", "--metrics-token-file", short.to_str().unwrap()]).code(10);
}

#[test]
fn a_request_for_another_host_or_a_form_from_another_page_is_refused() {
    let family = centre();
    let served = Served::of(&family.central, &[]);
    let cookie = served.sign_in("grace");
    let suspend = |origin: &[&str]| {
        let cookie = format!("Cookie: {cookie}");
        let head = [origin, &[cookie.as_str()]].concat();
        served.ask("POST /labs/lab-a/order", &head, "order=suspend")
    };
    suspend(&[]).is(403).says("not sent from a page of the console");
    suspend(&["Origin: null"]).is(403);
    suspend(&["Origin: http://enemy.example"]).is(403);
    let port = served.host().rsplit(':').next().unwrap();
    served.ask_as(&format!("enemy.example:{port}"), "GET /signin").is(421);
    assert_eq!(family.central.value("SELECT state FROM packmule_site WHERE name = 'lab-a'"), "active");
    served.form(&cookie, "/labs/lab-a/order", "order=suspend").is(303);
    assert_eq!(family.central.value("SELECT state FROM packmule_site WHERE name = 'lab-a'"), "suspended");
    let answer = served.page(&cookie, "/labs/lab-a").is(200).says("lab-a is suspended.");
    for (name, part) in [
        ("content-security-policy", "default-src 'none'"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert!(answer.line(name).is_some_and(|value| value.contains(part)), "{name}: {}", answer.head);
    }
}

#[test]
fn whoever_is_removed_or_has_another_password_is_out_at_once_and_a_role_is_what_the_database_says() {
    let family = centre();
    let central = &family.central;
    let_in(central, "ada", "admin");
    let served = Served::of(central, &[]);
    let (grace, ada) = (served.sign_in("grace"), served.sign_in("ada"));
    served.page(&grace, "/").is(200).says("lab-a");
    central.run(&["users", "role", "grace", "viewer"]).ok();
    served.form(&grace, "/labs/lab-a/order", "order=suspend").is(303);
    assert_eq!(served.page(&grace, "/").status, 303, "a session from before the change goes on");
    let grace = served.sign_in("grace");
    served.page(&grace, "/").is(200);
    served.form(&grace, "/labs/lab-a/order", "order=suspend").is(403).says("It needs the role admin");
    assert_eq!(central.value("SELECT state FROM packmule_site WHERE name = 'lab-a'"), "active");
    central.run(&["users", "remove", "grace"]).ok();
    assert_eq!(served.page(&grace, "/").status, 303);
    assert_eq!(served.try_password("grace", PASSWORD).status, 401);
    served.form(&ada, "/signout", "").is(303);
    assert_eq!(served.page(&ada, "/").status, 303);
    assert_eq!(served.end(), Some(0));
}

#[test]
fn passwords_are_not_guessed_and_nobody_else_is_locked_out_by_it() {
    let family = centre();
    let_in(&family.central, "ada", "viewer");
    let served = Served::of(&family.central, &[]);
    for _ in 0..5 {
        served.try_password("grace", "something else").is(401).says("The name or the password is wrong.");
    }
    let answer = served.try_password("grace", PASSWORD).is(429);
    assert!(answer.line("retry-after").is_some(), "{}", answer.head);
    served.sign_in("ada");
}

#[test]
fn by_tls_the_cookie_is_for_tls_alone_and_plain_words_are_not_understood() {
    let family = centre();
    let authority = Authority::new();
    let good = authority.sign_now("console", "subjectAltName=IP:127.0.0.1\n");
    let (cert, key) = (good.cert.to_str().unwrap(), good.key.to_str().unwrap());
    family
        .central
        .run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", key, "--tls-key", key])
        .code(19)
        .says("cannot be used for TLS");
    let served = Served::of(&family.central, &["--tls-cert", cert, "--tls-key", key]);
    assert!(served.url().starts_with("https://"), "{}", served.url());
    assert_ne!(served.page("", "/signin").status, 200);
    let fields = format!("name=grace&password={}", PASSWORD.replace(' ', "+"));
    let request = format!(
        "POST /signin HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{fields}",
        fields.len(),
        host = served.host()
    );
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_return_error", "-CAfile", authority.ca().to_str().unwrap()])
        .args(["-connect", served.host()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    client.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
    drop(stdin);
    client.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let cookie = answer.lines().find(|line| line.to_lowercase().starts_with("set-cookie")).unwrap();
    for part in ["__Host-packmule=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(answer.to_lowercase().contains("strict-transport-security"), "{answer}");
}

#[test]
fn behind_a_web_server_its_origin_counts_and_the_address_that_it_tells() {
    let family = centre();
    let served = Served::of(&family.central, &["--behind-proxy", "https://mule.example.ac.ke"]);
    assert_eq!(served.url(), "https://mule.example.ac.ke/");
    let fields = format!("name=grace&password={}", PASSWORD.replace(' ', "+"));
    let sign_in = |origin: &str, from: &str, fields: &str| {
        let head = [format!("Origin: {origin}"), format!("X-Forwarded-For: 10.9.9.9, {from}")];
        served.ask("POST /signin", &head.each_ref().map(String::as_str), fields)
    };
    sign_in(&format!("http://{}", served.host()), "10.0.0.7", &fields).is(403);
    for _ in 0..5 {
        sign_in("https://mule.example.ac.ke", "10.0.0.7", "name=grace&password=x").is(401);
    }
    sign_in("https://mule.example.ac.ke", "10.0.0.7", &fields).is(429);
    let answer = sign_in("https://mule.example.ac.ke", "10.0.0.8", &fields).is(303);
    assert!(answer.line("set-cookie").unwrap().contains("Secure"), "{}", answer.head);
    // Whoever comes through that server is not on this computer.
    served.page("", "/metrics").is(404);
}

#[test]
fn figures_are_for_programs_here_or_for_those_that_know_the_word() {
    let family = centre();
    let central = &family.central;
    let served = Served::of(central, &[]);
    let answer = served.page("", "/metrics").is(200).says("packmule_outbox_bundles{lab=\"lab-a\"}");
    assert!(answer.body.ends_with("# EOF\n"), "{}", answer.body);
    let token = central.path("token");
    fs::write(&token, "a word of some length\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let served = Served::of(central, &["--metrics-token-file", token.to_str().unwrap()]);
    served.page("", "/metrics").is(404);
    served.ask("GET /metrics", &["Authorization: Bearer another"], "").is(404);
    served.ask("GET /metrics", &["Authorization: Bearer a word of some length"], "").is(200);
}

#[test]
fn one_address_cannot_take_all_lines_by_saying_nothing_on_them() {
    let family = centre();
    let served = Served::of(&family.central, &[]);
    let lines: Vec<TcpStream> = (0..150).map(|_| TcpStream::connect(served.host()).unwrap()).collect();
    let is_closed = |mut line: &TcpStream| {
        line.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        !matches!(line.read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    let open = lines.iter().filter(|line| !is_closed(line)).count();
    assert_eq!(open, 64);
    drop(lines);
    served.page("", "/signin").is(200);
}

#[test]
fn a_decision_by_form_is_on_what_was_seen_and_carries_the_name() {
    let round = Round::to_review(ALL_WAIT);
    let central = round.central();
    let_in(central, "grace", "reviewer");
    round
        .meet("UPDATE stock SET note = 'central' WHERE id = 1", "UPDATE stock SET note = 'lab' WHERE id = 1");
    let served = Served::of(central, &[]);
    let cookie = served.sign_in("grace");
    let seen = |page: &str| {
        let (_, rest) = page.split_once("name=\"seen\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let page = served.page(&cookie, "/conflicts/1").is(200).says("Approve: <bdi>note lab").body;
    central.sql("UPDATE stock SET place = 'moved' WHERE id = 1");
    let fields = format!("seen={}&note=by+form", seen(&page));
    let answer = served.form(&cookie, "/conflicts/1/approve", &fields).is(409);
    let answer = answer.says("Nothing was decided").says("moved");
    assert_eq!(stock(central, 1), "10 central moved");
    served.form(&cookie, "/conflicts/1/approve", "note=x").is(400).says("does not say what was seen");
    let fields = format!("seen={}&note=by+form", seen(&answer.body));
    served.form(&cookie, "/conflicts/1/approve", &fields).is(303);
    assert_eq!(stock(central, 1), "10 lab moved");
    assert_eq!(round.line(1), "changed decided merged grace");
    round.go_round_all();
    round.go_round_all();
    assert_eq!(stock(round.lab("lab-b"), 1), "10 lab moved");
    // What waits longest comes first; of all that ever was, the newest.
    for note in ["'b'", "'c'"] {
        let edit = |id: u32, note: &str| format!("UPDATE stock SET note = {note} WHERE id = {id}");
        round.meet(&edit(2, "'x'"), &edit(2, note));
        round.meet(&edit(3, "'x'"), &edit(3, note));
    }
    let order = |path: &str| {
        let page = served.page(&cookie, path).is(200).body;
        let found =
            page.match_indices("href=\"/conflicts/").map(|(at, link)| page[at + link.len()..].to_owned());
        found.map(|rest| rest.split('"').next().unwrap().parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    let (waiting, all) = (order("/conflicts"), order("/conflicts?status=all"));
    assert!(waiting.len() == 2 && waiting.is_sorted(), "{waiting:?}");
    assert!(all.len() == 3 && all.iter().rev().is_sorted(), "{all:?}");
}
