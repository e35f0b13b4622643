//! Bad roads to the centre: whatever the line or the server does, nothing is lost, nothing comes twice, and the same command goes on.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use packmule::demo::{Durability, PrivateServer, ServerOptions};

use crate::harness::{
    Family, Line, Ran, Road, SCHEMA, TestSite, assert_equal, mail_url, open_mail, server, server_options,
    set_central,
};

const TABLES: &[&str] = &["shelves", "items"];

/// A centre and a lab with a line between them.
struct Scene<'s> {
    family: Family<'s>,
    line: Line,
}

impl<'s> Scene<'s> {
    fn new(server: &'s PrivateServer) -> Scene<'s> {
        Scene::of(Family::new(server, SCHEMA, &["lab-a"]), server)
    }

    fn of(family: Family<'s>, server: &PrivateServer) -> Scene<'s> {
        family.central.sql("INSERT INTO shelves VALUES (1, 'north'), (2, 'south')");
        open_mail(&family.central, "lab-a");
        let line = Line::to(server.port());
        let url = mail_url(&family.central, "lab-a");
        set_central(family.lab("lab-a"), &url.replace(&server.port().to_string(), &line.port().to_string()));
        let scene = Scene { family, line };
        scene.settle();
        scene
    }

    fn lab(&self) -> &TestSite<'s> {
        self.family.lab("lab-a")
    }

    fn central(&self) -> &TestSite<'s> {
        &self.family.central
    }

    /// Both edit: rows whose number tells how often they were applied.
    fn edit(&self, step: u64) {
        let statements = |id: u64| {
            format!(
                "INSERT INTO items VALUES ({id}, 1, 'of {step}', 1, NULL); \
                 UPDATE items SET quantity = quantity + 1 WHERE id DIV 100000 = {id} DIV 100000"
            )
        };
        self.lab().sql(&statements(100_000 + step));
        self.central().sql(&statements(200_000 + step));
    }

    fn sync(&self) -> Ran {
        self.lab().run(&["sync", "--timeout", "2s"])
    }

    /// On a good road: everything is everywhere, and every edit counts once.
    #[track_caller]
    fn settle(&self) {
        self.line.set(Road::Open);
        for _ in 0..3 {
            self.sync().ok();
            self.central().run(&["sync"]).ok();
        }
        self.sync().ok();
        assert_equal(self.lab(), self.central(), TABLES);
        assert_eq!(self.central().count("conflict_log"), 0);
        let counts = "SELECT COALESCE(SUM(quantity), 0) FROM items WHERE id DIV 100000";
        for half in 1..=2 {
            let rows: u64 = self
                .central()
                .value(&format!("SELECT COUNT(*) FROM items WHERE id DIV 100000 = {half}"))
                .parse()
                .unwrap();
            // The first row was edited in every step, the second in all but one, and so on.
            assert_eq!(
                self.central().value(&format!("{counts} = {half}")),
                (rows * (rows + 3) / 2).to_string()
            );
        }
    }
}

#[test]
fn a_line_that_is_cut_after_any_number_of_bytes_loses_nothing_and_doubles_nothing() {
    let scene = Scene::new(server());
    scene.lab().sql("CREATE TABLE IF NOT EXISTS unshared (id INT PRIMARY KEY)");
    let mut cuts = 0;
    // A whole exchange is some ten thousand bytes; the steps between them are no multiple of anything.
    for (step, bytes) in (0..24_000_u64).step_by(997).enumerate() {
        scene.edit(step as u64 + 1);
        let road = if step % 2 == 0 { Road::CutAfter(bytes) } else { Road::HalfOpenAfter(bytes) };
        scene.line.set(road);
        let ran = scene.sync();
        assert!(matches!(ran.code, Some(0 | 17)), "{road:?}: {ran:?}");
        if ran.code == Some(17) {
            cuts += 1;
            let ran = ran.says("packmule: error: ").says("hint: ");
            let is_calm =
                ["kept", "stays there", "nothing was changed"].iter().any(|words| ran.stderr.contains(words));
            assert!(is_calm, "{ran:?}");
        }
        scene.line.set(Road::Open);
        if step % 4 == 3 {
            scene.central().run(&["sync"]).ok();
        }
    }
    assert!(cuts > 10, "{cuts}");
    scene.settle();
}

#[test]
fn a_line_that_is_slow_still_does_its_work_and_one_that_is_silent_is_given_up() {
    let scene = Scene::new(server());
    scene.edit(1);
    scene.line.set(Road::Delayed(Duration::from_millis(150)));
    scene.sync().ok();
    scene.central().run(&["sync"]).ok();
    scene.edit(2);
    scene.line.set(Road::Throttled(8 << 10));
    scene.sync().ok();
    scene.central().run(&["sync"]).ok();
    scene.edit(3);
    scene.line.set(Road::Stalled);
    let began = Instant::now();
    scene.sync().code(17).says("hint: ");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // It falls silent in the middle.
    scene.line.set(Road::Throttled(4 << 10));
    thread::scope(|scope| {
        let running = scope.spawn(|| scene.sync());
        thread::sleep(Duration::from_millis(1500));
        scene.line.set(Road::Stalled);
        assert!(matches!(running.join().unwrap().code, Some(0 | 17)));
    });
    scene.settle();
}

/// `PACKMULE_UPLOAD_MIB=200 cargo test --test it an_upload` cuts a larger one, about fifty times.
#[test]
fn an_upload_that_is_cut_many_times_sends_each_byte_once_and_at_most_one_part_more_a_cut() {
    let scene = Scene::new(server());
    let mut random = fastrand::Rng::with_seed(3);
    let table = "CREATE TABLE noise (id INT PRIMARY KEY, body LONGTEXT)";
    for site in [scene.central(), scene.lab()] {
        site.sql(table);
    }
    scene.central().run(&["tables", "add", "noise"]).ok();
    scene.settle();
    let large = env::var("PACKMULE_UPLOAD_MIB").ok().map(|text| text.parse::<u64>().unwrap());
    let (rows, cut_bytes) = match large {
        Some(mib) => (mib * 4 / 3, (mib << 20) / 70..(mib << 20) / 35),
        None => (8, 300_000..1_500_000),
    };
    for id in 0..rows {
        let body: String = (0..1 << 20).map(|_| random.alphanumeric()).collect();
        scene.lab().sql(&format!("INSERT INTO noise VALUES ({id}, '{body}')"));
    }
    scene.line.take_sent_bytes();
    let (mut cuts, mut size) = (0, 0);
    loop {
        scene.line.set(Road::CutAfter(random.u64(cut_bytes.clone())));
        let ran = scene.sync();
        if ran.code == Some(0) {
            break;
        }
        cuts += 1;
        assert!(cuts < 100, "{ran:?}");
        size = size
            .max(scene.lab().value("SELECT MAX(size_bytes) FROM packmule_bundle").parse::<u64>().unwrap());
    }
    let sent = scene.line.take_sent_bytes();
    // One part is at most 1 MiB; what signing in and asking takes is some thousand bytes each time.
    assert!(cuts >= 5 && sent >= size, "{cuts} {sent} {size}");
    assert!(sent <= size + (cuts + 1) * ((1 << 20) + 20_000), "{sent} of {size} with {cuts} cuts");
    scene.settle();
    assert_equal(scene.lab(), scene.central(), &["noise"]);
}

#[test]
fn a_server_that_lets_nobody_in_or_takes_nothing_is_waited_for() {
    let server = PrivateServer::start(&server_options()).unwrap();
    let scene = Scene::new(&server);
    let central = scene.central();
    for (step, (trouble, over, code, words)) in [
        (
            "ALTER USER 'packmule_lab-a'@'%' IDENTIFIED BY 'other'",
            "ALTER USER 'packmule_lab-a'@'%' IDENTIFIED BY 's3cret'",
            12,
            "does not let this lab in",
        ),
        ("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0", 12, "read"),
        (
            "UPDATE packmule_mail_account SET is_open = 0",
            "UPDATE packmule_mail_account SET is_open = 1",
            17,
            "takes and gives no mail of lab-a now",
        ),
        (
            "REVOKE SELECT, INSERT ON packmule_sent_part FROM 'packmule_lab-a'@'%'; REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'packmule_lab-a'@'%'",
            "",
            12,
            "",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        scene.edit(step as u64 + 1);
        central.sql(trouble);
        for _ in 0..2 {
            scene.sync().code(code).says(words).says("hint: ");
        }
        if over.is_empty() {
            open_mail(central, "lab-a");
        } else {
            central.sql(over);
        }
        scene.settle();
    }
}

#[test]
fn a_server_that_dies_during_an_exchange_and_comes_back_is_waited_for() {
    // Durable: what a server has said is committed must be there when it comes back.
    let server =
        PrivateServer::start(&ServerOptions { durability: Durability::Durable, ..server_options() }).unwrap();
    let scene = Scene::new(&server);
    let mut random = fastrand::Rng::with_seed(11);
    for step in 1..=6 {
        scene.edit(step);
        scene.line.set(Road::Delayed(Duration::from_millis(5)));
        thread::scope(|scope| {
            let exchanges = [scope.spawn(|| scene.sync()), scope.spawn(|| scene.central().run(&["sync"]))];
            thread::sleep(Duration::from_millis(random.u64(20..600)));
            server.kill().unwrap();
            for exchange in exchanges {
                let ran = exchange.join().unwrap();
                assert!(matches!(ran.code, Some(0 | 12 | 17)), "{ran:?}");
            }
        });
        server.restart().unwrap();
    }
    scene.settle();
}

#[test]
fn a_server_without_a_free_connection_and_one_whose_disk_is_full_are_waited_for() {
    let server = PrivateServer::start(&server_options()).unwrap();
    // The lab's own database is on another server.
    let family = Family::between((&server, SCHEMA), (self::server(), SCHEMA));
    let scene = Scene::of(family, &server);
    let central = scene.central();
    scene.edit(1);
    central.sql("SET GLOBAL max_connections = 10");
    let mut crowd = Vec::new();
    while let Ok(session) = server.connect("") {
        crowd.push(session);
        assert!(crowd.len() < 100);
    }
    scene.sync().code(17).says("Too many connections").says("hint: ");
    drop(crowd);
    let freed = Instant::now();
    while server.connect("").is_err() {
        assert!(freed.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(100));
    }
    central.sql("SET GLOBAL max_connections = 150");
    scene.settle();
    // A table that can take no more says what a full disk says.
    scene.edit(2);
    central.sql("CREATE TRIGGER full BEFORE INSERT ON packmule_mail_part FOR EACH ROW FOLLOWS packmule_mail_part_enters SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'");
    let ran = scene.sync().says("The table is full").says("hint: ");
    assert!(matches!(ran.code, Some(12 | 17)), "{ran:?}");
    central.sql("DROP TRIGGER full");
    scene.settle();
}
