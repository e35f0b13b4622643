//! The agent: labs and a centre that exchange by themselves, over good lines and bad ones.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Line, Road, Round, SCHEMA, TestSite, mail_url, open_mail, set_central};

const TABLES: &[&str] = &["shelves", "items"];

/// An agent that runs until the test is over.
struct Agent(Child);

impl Agent {
    fn of(site: &TestSite<'_>) -> Agent {
        Agent(site.command(&["run", "--timeout", "2s"]).spawn().unwrap())
    }

    /// Asks it to end, as the system does, and returns what it said.
    fn stop(mut self) -> String {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(asked.success());
        let until = Instant::now() + Duration::from_secs(20);
        while self.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it does not end");
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
        let mut said = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A centre and two labs, each with a line of its own to the centre; all sites have the same rows.
fn online() -> (Round, [Line; 2]) {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.central().sql("INSERT INTO shelves VALUES (1, 'north'), (2, 'south')");
    round.go_round_all();
    round.go_round_all();
    let lines = ["lab-a", "lab-b"].map(|lab| {
        open_mail(round.central(), lab);
        let line = Line::to(round.central().server().port());
        let server = round.central().server().port().to_string();
        let url = mail_url(round.central(), lab).replace(&server, &line.port().to_string());
        set_central(round.lab(lab), &url);
        line
    });
    (round, lines)
}

/// Waits until something is so, as a person at another screen would.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "in vain: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[track_caller]
fn until_all_equal(round: &Round) {
    let sites = [round.central(), round.lab("lab-a"), round.lab("lab-b")];
    let rows = |site: &TestSite<'_>| TABLES.iter().map(|table| site.rows(table)).collect::<Vec<_>>();
    until("all sites are equal", || {
        sites.iter().map(|site| rows(site)).collect::<Vec<_>>().windows(2).all(|two| two[0] == two[1])
    });
}

#[test]
fn edits_reach_the_other_lab_by_themselves_and_so_they_do_when_the_line_comes_back() {
    let (round, lines) = online();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    let agents = [central, a, b].map(Agent::of);
    a.sql("INSERT INTO items VALUES (1, 1, 'scale', 3, NULL)");
    until("the edit of lab-a is at lab-b", || b.count("items") == 1);
    a.run(&["status"]).ok().says("Agent").says("Clock");
    // A person's command finds its turn beside the agent.
    until("a person's sync is let in", || a.run(&["sync"]).code == Some(0));
    // The line is cut for a while, and everybody goes on working.
    lines.iter().for_each(|line| line.set(Road::Down));
    a.sql("UPDATE shelves SET name = 'of a' WHERE id = 1; INSERT INTO items VALUES (10, 1, 'of a', 1, NULL)");
    b.sql("UPDATE shelves SET name = 'of b' WHERE id = 2; INSERT INTO items VALUES (20, 2, 'of b', 1, NULL)");
    central.sql("INSERT INTO shelves VALUES (3, 'of the centre')");
    until("the agents have noticed", || {
        [a, b].iter().all(|lab| lab.run(&["status"]).stdout.contains("the centre cannot be reached"))
    });
    assert_eq!(
        (central.count("items"), b.value("SELECT name FROM shelves WHERE id = 1")),
        (1, "north".to_owned())
    );
    lines.iter().for_each(|line| line.set(Road::Open));
    until("everything is everywhere", || {
        [central, a, b].iter().all(|site| site.count("items") == 3 && site.count("shelves") == 3)
    });
    until_all_equal(&round);
    assert_eq!(central.count("conflict_log"), 0);
    let [of_centre, of_a, _] = agents.map(Agent::stop);
    assert!(of_centre.contains("applied 1 change"), "{of_centre}");
    for words in [
        "lab-a: exchanging changes",
        "cannot be reached",
        "can be reached again",
        "Stopped; nothing is half done",
    ] {
        assert!(of_a.contains(words), "{words} in {of_a}");
    }
    // Told once, not every few seconds.
    assert_eq!(
        of_a.matches("the centre cannot be reached").count()
            + of_a.matches("the line to the centre broke").count(),
        1,
        "{of_a}"
    );
}

#[test]
fn agents_that_are_killed_at_any_moment_go_on_when_they_are_started_again() {
    let (round, lines) = online();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    let mut rng = fastrand::Rng::with_seed(7);
    for step in 1..=8 {
        let agents = [central, a, b].map(Agent::of);
        for (lab, first) in [(a, 1000), (b, 2000)] {
            lab.sql(&format!(
                "INSERT INTO items VALUES ({}, 1, 'of {step}', 1, NULL); UPDATE items SET quantity = quantity + 1 WHERE id BETWEEN {first} AND {first} + 999",
                first + step
            ));
        }
        if step % 3 == 0 {
            lines[0].set(Road::CutAfter(rng.u64(2000..20_000)));
        }
        thread::sleep(Duration::from_millis(rng.u64(200..3000)));
        lines[0].set(Road::Open);
        agents.into_iter().for_each(Agent::kill);
    }
    let agents = [central, a, b].map(Agent::of);
    until("all rows are everywhere", || [central, a, b].iter().all(|site| site.count("items") == 16));
    until_all_equal(&round);
    // Each edit counted once: the row of the first step was edited in all of them.
    assert_eq!(
        central.value("SELECT GROUP_CONCAT(quantity ORDER BY id) FROM items WHERE id > 2000"),
        "9,8,7,6,5,4,3,2"
    );
    assert_eq!(central.count("conflict_log"), 0);
    agents.into_iter().for_each(|agent| drop(agent.stop()));
}

#[test]
fn one_agent_a_site_and_none_without_a_way_to_the_centre() {
    let (round, _lines) = online();
    let (central, a) = (round.central(), round.lab("lab-a"));
    let agent = Agent::of(central);
    until("it runs", || central.state().join("agent.json").exists());
    central.run(&["run"]).code(11).says("the agent of this site is running already").says("packmule status");
    central.run(&["status"]).ok().says("Agent");
    agent.stop();
    central.run(&["status"]).ok().never_says("Agent");
    let settings = fs::read_to_string(a.config()).unwrap();
    fs::write(a.config(), settings.split("\n[central]\n").next().unwrap()).unwrap();
    a.run(&["run"]).code(10).says("do not say where the centre can be reached");
}

#[test]
fn two_computers_that_run_the_centre_apply_everything_once() {
    let (round, _lines) = online();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    // The second computer has the same keys and settings, a folder of its own, and does not seal.
    let other = central.path("other");
    fs::create_dir(&other).unwrap();
    let copied = Command::new("cp").arg("-r").arg(central.state()).arg(other.join("state")).status().unwrap();
    assert!(copied.success());
    let settings = fs::read_to_string(central.config()).unwrap();
    let (top, rest) = settings.split_once("\n[").unwrap();
    let settings =
        format!("state = \"{}\"\n{top}\n[{rest}\n[agent]\nseals = false\n", other.join("state").display());
    fs::write(other.join("central.toml"), settings).unwrap();
    let program = central.command(&[]).get_program().to_owned();
    let mut second = Command::new(program);
    second.arg("-c").arg(other.join("central.toml")).args(["run", "--timeout", "2s"]);
    second.stdout(Stdio::piped()).stderr(Stdio::piped());
    let agents = [Agent::of(central), Agent(second.spawn().unwrap()), Agent::of(a), Agent::of(b)];
    for step in 1..=12 {
        for (lab, first) in [(a, 1000), (b, 2000)] {
            lab.sql(&format!(
                "INSERT INTO items VALUES ({}, 1, 'of {step}', 1, NULL); UPDATE items SET quantity = quantity + 1 WHERE id BETWEEN {first} AND {first} + 999",
                first + step
            ));
        }
        thread::sleep(Duration::from_millis(500));
    }
    until("all rows are everywhere", || [central, a, b].iter().all(|site| site.count("items") == 24));
    until_all_equal(&round);
    assert_eq!(central.count("conflict_log"), 0);
    let once = "SELECT COUNT(*) - COUNT(DISTINCT from_site, to_site, incarnation, seq) FROM packmule_bundle";
    assert_eq!(central.value(once), "0");
    let said: Vec<String> = agents.into_iter().map(Agent::stop).collect();
    assert!(!said.iter().any(|said| said.contains("STOPPED")), "{said:?}");
}
