//! Keys that count up: each site's server gives its own series to new rows. Servers are private: the settings are global.

use std::path::Path;

use packmule::demo::{PrivateServer, ServerOptions};

use crate::harness::{Ran, Role, TestSite, contents, server, server_options};

const SCHEMA: &str = "CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20));
                      CREATE TABLE rooms (code CHAR(4) PRIMARY KEY)";
const STEPS: &str = "SELECT CONCAT(@@GLOBAL.auto_increment_increment, '/', @@GLOBAL.auto_increment_offset)";

fn alone(arguments: &[&str]) -> PrivateServer {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    PrivateServer::start(&ServerOptions { arguments, ..server_options() }).unwrap()
}

fn is_mariadb(server: &PrivateServer) -> bool {
    server.binary().to_string().contains("MariaDB")
}

fn site<'s>(server: &'s PrivateServer, role: Role, name: &str) -> TestSite<'s> {
    let site = TestSite::new(server, role, name);
    site.sql(SCHEMA);
    site
}

fn init(site: &TestSite<'_>, url: &str, options: &[&str]) -> Ran {
    let init = ["init", "--role", site.role().word(), "--site", site.name(), "--database", url];
    site.run(&[&init[..], options].concat())
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Makes the lab's card and takes it to the centre. Returns what `enrol` said.
fn enrol(central: &TestSite<'_>, lab: &TestSite<'_>) -> Ran {
    let (card, answer) = (lab.path("lab.card"), lab.path("lab.answer"));
    init(lab, &lab.url(), &["--card", word(&card)]).ok();
    central.run(&["enrol", word(&card), "--answer", word(&answer), "--yes"])
}

fn join(lab: &TestSite<'_>, options: &[&str]) -> Ran {
    let answer = lab.path("lab.answer");
    lab.run(&[&["join", word(&answer)], options].concat())
}

fn new_keys(site: &TestSite<'_>) -> Vec<String> {
    site.sql("INSERT INTO items (name) VALUES ('a'), ('b')");
    site.query("SELECT id FROM items ORDER BY id").into_iter().flatten().flatten().collect()
}

fn write_setting(site: &TestSite<'_>, from: &str, to: &str) {
    let text = std::fs::read_to_string(site.config()).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(site.config(), text.replace(from, to)).unwrap();
}

#[test]
fn the_servers_of_a_centre_and_a_lab_give_different_keys() {
    let (here, there) = (alone(&[]), alone(&[]));
    let (central, lab) = (site(&here, Role::Central, "central"), site(&there, Role::Lab, "lab-a"));
    let all = ["--tables", "all"];
    init(&central, &central.url(), &["--tables", "all", "-n"])
        .ok()
        .says("would get the keys 1, 101, 201, ...");
    assert_eq!(central.value(STEPS), "1/1");
    init(&central, &central.url(), &all).ok().says("new rows get the keys 1, 101, 201, ...");
    assert_eq!(central.value(STEPS), "100/1");
    enrol(&central, &lab).ok();
    // Its number is in the answer only.
    assert_eq!(lab.value(STEPS), "1/1");
    join(&lab, &["-n"]).ok().says("would get the keys 2, 102, 202, ...");
    assert_eq!(lab.value(STEPS), "1/1");
    join(&lab, &["--yes"]).ok().says("new rows get the keys 2, 102, 202, ...");
    assert_eq!(lab.value(STEPS), "100/2");
    assert_eq!(
        (new_keys(&central), new_keys(&lab)),
        (vec!["1".into(), "101".into()], vec!["2".into(), "102".into()])
    );
    lab.run(&["doctor"]).ok().says("new rows get the keys 2, 102, 202, ...");

    // MySQL keeps the values over a restart; MariaDB needs them in its own settings, and was told so.
    let (again, doctor) = (init(&central, &central.url(), &all).ok(), central.run(&["doctor"]).ok());
    for said in [again, doctor] {
        match is_mariadb(&here) {
            true => drop(said.says("auto_increment_increment = 100").says("auto_increment_offset = 1")),
            false => drop(said.says("keys 1, 101, 201, ...").never_says("my.cnf")),
        }
    }
    // Where MySQL keeps what outlives a restart; a server with --no-defaults, as this one, does not read it.
    let kept = std::fs::read_to_string(here.folder().join("data/mysqld-auto.cnf")).unwrap_or_default();
    assert_eq!(kept.contains("auto_increment_offset"), !is_mariadb(&here), "{kept}");
    drop(central);
    here.restart().unwrap();
    assert_eq!(here.query("", STEPS).unwrap(), [[Some("1/1".to_owned())]]);
}

#[test]
fn a_server_that_counts_right_is_not_touched_and_one_that_nobody_may_set_is_told_how() {
    let (right, wrong) =
        (alone(&["--auto-increment-increment=100", "--auto-increment-offset=1"]), alone(&[]));
    for server in [&right, &wrong] {
        server.sql("", "CREATE USER keeper@localhost; GRANT ALL ON `t%`.* TO keeper@localhost").unwrap();
    }
    let central = site(&right, Role::Central, "central");
    let url = |site: &TestSite<'_>| site.url().replace("root@", "keeper@");
    init(&central, &url(&central), &[]).ok().says("keys 1, 101, 201, ...").never_says("my.cnf");
    central.run(&["doctor"]).ok().says("ok    series    new rows get the keys 1, 101, 201, ...");
    let central = site(&wrong, Role::Central, "central");
    let said = init(&central, &url(&central), &[]).ok().says("this\n            account may not set that");
    let lines = "\n              auto_increment_increment = 100\n              auto_increment_offset = 1\n";
    said.says("below [mysqld] in its my.cnf, and to start it anew")
        .says(lines)
        .says("Do next: what is said of the series, before new rows are written; then for each lab");
    assert_eq!(central.value(STEPS), "1/1");
    let said = central.run(&["doctor"]).code(20);
    said.says("BAD   series    new rows get the keys 1, 2, 3, ...; they must get 1, 101, 201, ...")
        .says("do: as an administrator of the server: SET GLOBAL auto_increment_increment = 100, GLOBAL auto_increment_offset = 1\n")
        .says("do: in the server's my.cnf, below [mysqld]: auto_increment_increment = 100\n")
        .says("do: in the server's my.cnf, below [mysqld]: auto_increment_offset = 1\n");
    central.sql("SET GLOBAL auto_increment_increment = 100, GLOBAL auto_increment_offset = 1");
    central.run(&["doctor"]).ok();
    // Whoever says that it is not packmule's business is believed, and reminded.
    central.sql("SET GLOBAL auto_increment_increment = 1");
    init(&central, &url(&central), &["--no-series"]).ok().says("left to you (--no-series)");
    central.run(&["doctor"]).ok().says("note  series    which keys new rows get is left to others");
    assert_eq!(central.value(STEPS), "1/1");
}

#[test]
fn tables_whose_keys_do_not_count_up_need_no_series() {
    let server = alone(&[]);
    let central = TestSite::new(&server, Role::Central, "central");
    central.sql(SCHEMA);
    init(&central, &central.url(), &["--tables", "rooms"]).ok().never_says("Series");
    assert_eq!(central.value(STEPS), "1/1");
    central.run(&["doctor"]).ok().never_says("  series");
    central.run(&["tables", "add", "items"]).ok();
    central.run(&["doctor"]).code(20).says("they must get 1, 101, 201, ...");
}

#[test]
fn a_cluster_that_chooses_the_keys_is_left_alone_and_its_administrator_told() {
    let any = alone(&[]);
    if !is_mariadb(&any) {
        // MySQL has no such cluster, and so no such settings.
        assert_eq!(
            any.query("", "SHOW GLOBAL VARIABLES LIKE 'wsrep%'").unwrap(),
            [] as [Vec<Option<String>>; 0]
        );
        return;
    }
    let server = alone(&["--wsrep-on=ON", "--wsrep-provider=none"]);
    let central = site(&server, Role::Central, "central");
    let said = init(&central, &central.url(), &[]).ok().says("part of a cluster (Galera), which chooses");
    said.says("SET GLOBAL wsrep_auto_increment_control = OFF").says("  auto_increment_offset = 1\n");
    assert_eq!(central.value(STEPS), "1/1");
    central
        .run(&["doctor"])
        .code(20)
        .says(
            "BAD   series    a cluster (Galera) chooses the keys of new rows; they must be 1, 101, 201, ...",
        )
        .says("wsrep_auto_increment_control = OFF");
    central.sql("SET GLOBAL wsrep_auto_increment_control = OFF");
    init(&central, &central.url(), &[]).ok().says("new rows get the keys 1, 101, 201, ...");
    central.run(&["doctor"]).ok();
}

#[test]
fn a_site_for_which_there_is_no_series_is_not_enrolled() {
    let central = site(server(), Role::Central, "central");
    init(&central, &central.url(), &["--no-series"]).ok();
    let labs = ["lab-a", "lab-b", "lab-c"].map(|name| site(server(), Role::Lab, name));
    write_setting(&central, "# series = 100 ", "series = 3 #");
    enrol(&central, &labs[0]).ok().says("with number 2");
    enrol(&central, &labs[1]).ok().says("with number 3");
    let before = contents(&central);
    enrol(&central, &labs[2])
        .code(10)
        .says("there is no series of keys for site number 4: the settings allow 3 sites")
        .says("set a larger `series` below [sync]");
    assert_eq!(contents(&central), before);
    assert!(!labs[2].path("lab.answer").exists());
    // Fewer than there are already.
    write_setting(&central, "series = 3 #", "series = 2 #");
    init(&central, &central.url(), &["--no-series"])
        .code(10)
        .says("site number 3: the settings allow 2 sites");
    assert_eq!(contents(&central), before);
    write_setting(&central, "series = 2 #", "series = 1 #");
    central.run(&["status"]).code(10).says("sync.series must be from 2 to 65535");
    write_setting(&central, "series = 1 #", "series = 4 #");
    enrol(&central, &labs[2]).ok().says("with number 4");
    join(&labs[2], &["--yes", "--no-series"]).ok().says("they should be 4, 8, 12, ...");
}

#[test]
fn doctor_names_keys_that_are_soon_used_up_and_settings_that_are_not_in_use() {
    let server = alone(&["--auto-increment-increment=100", "--auto-increment-offset=1"]);
    let central = site(&server, Role::Central, "central");
    central.sql(
        "CREATE TABLE tiny (id TINYINT AUTO_INCREMENT PRIMARY KEY);
         CREATE TABLE `small one` (u CHAR(36) PRIMARY KEY, seq SMALLINT UNSIGNED AUTO_INCREMENT, KEY (seq));
         CREATE TABLE full (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY);
         CREATE TABLE loans (id BIGINT AUTO_INCREMENT PRIMARY KEY, full_id INT UNSIGNED, FOREIGN KEY (full_id) REFERENCES full (id));
         CREATE TABLE wild (id BIGINT AUTO_INCREMENT PRIMARY KEY);
         CREATE TABLE nearly (id INT AUTO_INCREMENT PRIMARY KEY);
         INSERT INTO tiny VALUES (1); INSERT INTO full VALUES (4294000000); INSERT INTO wild VALUES (9223372036854775000);
         INSERT INTO nearly VALUES (2146483647)",
    );
    init(&central, &central.url(), &[]).ok();
    central
        .run(&["doctor"])
        .ok()
        .says("tiny.id is tinyint")
        .says("1 more row finds room among the keys 1, 101, 201, ...")
        .says("small one.seq is smallint")
        .says("655 more rows find room")
        .says("do: at every site, the centre first: ALTER TABLE `small one` MODIFY `seq` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT\n")
        .says("full.id is int")
        .says("9672 more rows find room")
        .says("do: and BIGINT UNSIGNED for what points to it: loans.full_id\n")
        .says("look at the row with the highest id")
        // 10 000 rows are enough; so is an empty INT.
        .never_says("nearly.id")
        .never_says("items.id")
        .never_says("loans.id");
    write_setting(&central, "# series = 100 ", "series = 200 #");
    central.run(&["doctor"]).code(20).says("the settings allow 200 sites, and the sites work with 100");
    init(&central, &central.url(), &[]).ok().says("keys 1, 201, 401, ...");
    central.run(&["doctor"]).ok();
}
