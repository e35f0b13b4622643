//! The console of a centre with very many labs, conflicts and bundles: how long its pages take, and what it holds in memory.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use packmule::demo::{Flavour, PrivateServer};

use crate::Size;
use crate::measure::{figure, heading, thousands};
use crate::sites::Pair;
use crate::visitor::Visitor;

/// Each page thirty times, and two thousand of all sorts, over one line, signed in.
pub(crate) fn console(server: &PrivateServer, size: &Size) {
    let (labs, bundles, conflicts) = (size.labs, size.labs * 200, size.labs * 50);
    heading(&format!(
        "Console: a centre with {labs} labs, {} bundles and {} open conflicts",
        thousands(bundles),
        thousands(conflicts)
    ));
    let pair = centre(server, labs);
    std::fs::write(pair.path("password"), PASSWORD).unwrap();
    std::fs::set_permissions(pair.path("password"), std::fs::Permissions::from_mode(0o600)).unwrap();
    pair.run("central", &["users", "add", "grace", "--role", "admin", "--password-file", "password"]);
    let served = Served::start(pair.command("central", &["serve", "--listen", "127.0.0.1:0", "--json"]));
    let mut visitor = Visitor::at(&served.url);
    visitor.sign_in("grace", PASSWORD);
    println!("  {:<44} {:>10} {:>10} {:>10}", "page", "median ms", "worst ms", "KiB");
    for page in PAGES {
        let mut took: Vec<Duration> = Vec::new();
        let mut kib = 0;
        for _ in 0..30 {
            let answer = visitor.read(page);
            assert_eq!(answer.status, 200, "{page}: {}", answer.body);
            kib = answer.body.len() >> 10;
            took.push(answer.first_byte);
        }
        took.sort();
        let [median, worst] =
            [took[took.len() / 2], took[took.len() - 1]].map(|time| time.as_secs_f64() * 1e3);
        println!("  {page:<44} {median:>10.1} {worst:>10.1} {kib:>10}");
    }
    figure("resident before", &mib(served.resident_kib()));
    for at in 0..REQUESTS {
        let page = PAGES[at % PAGES.len()];
        assert_eq!(visitor.read(page).status, 200, "{page}");
        if at == REQUESTS / 2 {
            figure(&format!("resident after {} pages", thousands(at as u64)), &mib(served.resident_kib()));
        }
    }
    figure(&format!("resident after {} pages", thousands(REQUESTS as u64)), &mib(served.resident_kib()));
    println!();
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

/// A centre that the program has made, with a lab that has joined it; all others are copies of that one in its ledger.
fn centre(server: &PrivateServer, labs: u64) -> Pair {
    for database in ["console_central", "console_lab"] {
        server.sql("", &format!("CREATE DATABASE {database} CHARACTER SET utf8mb4")).unwrap();
        server.sql(database, TABLE).unwrap();
    }
    let pair = Pair::new(server, "console_central", "console_lab", false);
    let rows = "INSERT INTO items SELECT n, CONCAT('scale ', n), n % 50, 'old' FROM numbers";
    let numbers = numbers(server, labs * 200);
    for statement in [numbers.as_str(), rows, SEALED, LABS, STREAMS, UP, DOWN, CONFLICTS] {
        let statement = statement.replace("{labs}", &labs.to_string());
        server.sql("console_central", &statement).unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
    server.sql("console_central", "ANALYZE TABLE items, packmule_bundle, conflict_log").unwrap();
    pair
}

fn numbers(server: &PrivateServer, count: u64) -> String {
    let numbers = match server.binary().flavour() {
        Flavour::MariaDb => format!("SELECT seq FROM seq_1_to_{count}"),
        Flavour::MySql => format!(
            "WITH RECURSIVE s (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM s WHERE seq < {count}) SELECT seq FROM s"
        ),
    };
    let recursion = match server.binary().flavour() {
        Flavour::MariaDb => "",
        Flavour::MySql => "SET cte_max_recursion_depth = 4000000000;",
    };
    format!("CREATE TABLE numbers (n INT PRIMARY KEY); {recursion} INSERT INTO numbers {numbers}")
}

/// `packmule serve`, until it is dropped.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(mut command: Command) -> Served {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let url = said.split('"').find(|word| word.starts_with("http://")).expect("serve says where it is");
        Served { url: url.to_owned(), child }
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

const PASSWORD: &str = "two-thousand-pages";
const REQUESTS: usize = 2000;
const PAGES: [&str; 11] = [
    "/",
    "/?show=conflicts",
    "/labs/lab-7",
    "/bundles",
    "/bundles?site=lab-7",
    "/conflicts",
    "/conflicts?status=all&after=5000",
    "/conflicts/77",
    "/keys",
    "/health",
    "/metrics",
];
const TABLE: &str =
    "CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(60), quantity INT, note VARCHAR(200))";
/// Else the centre would have that many edits that no bundle carries.
const SEALED: &str = "UPDATE sync_log SET batch = 1";
const LABS: &str = "INSERT INTO packmule_site (name, role, number, incarnation, verifying_key, recipient, state, enrolled_at)
    SELECT CONCAT('lab-', n), 'lab', n + 10, MD5(n), verifying_key, recipient, 'active', UTC_TIMESTAMP(6) - INTERVAL 90 DAY
    FROM numbers, packmule_site WHERE name = 'lab-a' AND n <= {labs}";
const STREAMS: &str = "INSERT INTO packmule_stream (from_site, incarnation, to_site, last_seq, last_digest, confirmed_seq, confirmed_at, told_seq)
    SELECT CONCAT('lab-', n), MD5(n), 'central', 100, SHA2(CONCAT('lab-', n, 100), 256), 0, NULL, 100 FROM numbers WHERE n <= {labs};
    INSERT INTO packmule_stream (from_site, incarnation, to_site, last_seq, last_digest, confirmed_seq, confirmed_at, told_seq)
    SELECT 'central', incarnation, CONCAT('lab-', n), 100, SHA2(CONCAT('to-', n, 100), 256), 95, UTC_TIMESTAMP(6) - INTERVAL n HOUR, 0
    FROM numbers, packmule_here WHERE n <= {labs}";
/// A hundred bundles of each lab, over a month.
const UP: &str = "INSERT INTO packmule_bundle (from_site, incarnation, to_site, seq, digest, previous, kind, state, size_bytes,
      inserts, updates, deletes, conflicts, parked, way, sealed_at, recorded_at)
    SELECT CONCAT('lab-', l.n), MD5(l.n), 'central', s.n, SHA2(CONCAT('lab-', l.n, s.n), 256),
      IF(s.n = 1, NULL, SHA2(CONCAT('lab-', l.n, s.n - 1), 256)), 'changes', 'applied', 4096 + 100 * s.n, s.n % 7, s.n % 40, s.n % 3, s.n % 5, 1,
      IF(l.n % 3 = 0, 'online', 'stick'), UTC_TIMESTAMP(6) - INTERVAL (100 - s.n) * 430 + l.n MINUTE,
      UTC_TIMESTAMP(6) - INTERVAL (100 - s.n) * 430 MINUTE
    FROM numbers AS l, numbers AS s WHERE l.n <= {labs} AND s.n <= 100";
/// And a hundred to each, of which five are not confirmed yet.
const DOWN: &str = "INSERT INTO packmule_bundle (from_site, incarnation, to_site, seq, digest, previous, kind, state, batch, size_bytes,
      inserts, updates, deletes, way, sealed_at, recorded_at, carried_at, confirmed_at)
    SELECT 'central', h.incarnation, CONCAT('lab-', l.n), s.n, SHA2(CONCAT('to-', l.n, s.n), 256),
      IF(s.n = 1, NULL, SHA2(CONCAT('to-', l.n, s.n - 1), 256)), 'changes', 'sealed', s.n, 4096, s.n % 7, s.n % 40, s.n % 3,
      IF(l.n % 3 = 0, 'online', 'stick'), UTC_TIMESTAMP(6) - INTERVAL (100 - s.n) * 430 MINUTE, UTC_TIMESTAMP(6) - INTERVAL (100 - s.n) * 430 MINUTE,
      UTC_TIMESTAMP(6) - INTERVAL (100 - s.n) * 430 MINUTE, IF(s.n > 95, NULL, UTC_TIMESTAMP(6) - INTERVAL (99 - s.n) * 430 MINUTE)
    FROM numbers AS l, numbers AS s, packmule_here AS h WHERE l.n <= {labs} AND s.n <= 100";
/// Fifty rows of each lab that wait for a person.
const CONFLICTS: &str = r#"INSERT INTO conflict_log (site, bundle, table_name, record_id, kind, action, before_row, central_row, lab_row, central_time, lab_time,
      status, outcome, written_row, met_at)
    SELECT CONCAT('lab-', l.n), CONCAT('lab-', l.n, '.central.', LEFT(MD5(l.n), 8), '.0000000100.mule'), 'items', 50 * (l.n - 1) + s.n, 'changed', 'UPDATE',
      CONCAT('{"id":"', 50 * (l.n - 1) + s.n, '","name":"scale","quantity":"10","note":"old"}'),
      CONCAT('{"id":"', 50 * (l.n - 1) + s.n, '","name":"scale","quantity":"8","note":"old"}'),
      CONCAT('{"id":"', 50 * (l.n - 1) + s.n, '","name":"scale","quantity":"7","note":"shelf B"}'),
      UTC_TIMESTAMP(6) - INTERVAL s.n HOUR, UTC_TIMESTAMP(6) - INTERVAL s.n HOUR, 'open', 'central',
      CONCAT('{"id":"', 50 * (l.n - 1) + s.n, '","name":"scale","quantity":"8","note":"old"}'), UTC_TIMESTAMP(6) - INTERVAL s.n HOUR
    FROM numbers AS l, numbers AS s WHERE l.n <= {labs} AND s.n <= 50"#;
