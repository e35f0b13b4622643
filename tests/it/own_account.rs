//! packmule's own account, made by an administrator who signs in once: what it may do, and that nothing more is needed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use packmule::demo::{Flavour, PrivateServer};

use crate::harness::{Ran, Role, TestSite, assert_equal, server, server_options};

const SCHEMA: &str = "
    CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) NOT NULL, quantity INT NOT NULL DEFAULT 0);
    CREATE TABLE loans (id INT AUTO_INCREMENT PRIMARY KEY, item_id INT NOT NULL, who VARCHAR(40),
      FOREIGN KEY (item_id) REFERENCES items (id) ON DELETE CASCADE)";

/// A file as administrators have one: a user and a password below `[client]`.
fn defaults_file(site: &TestSite<'_>, user: &str, password: &str) -> PathBuf {
    let path = site.path("admin.cnf");
    fs::write(&path, format!("[client]\nuser={user}\npassword={password}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// An administrator who has a password, as a server has one in earnest.
fn administrator(site: &TestSite<'_>) -> PathBuf {
    let name = format!("dba_{}", site.database());
    site.sql(&format!("CREATE USER '{name}'@'localhost' IDENTIFIED BY 'Adm1n-word'"));
    site.sql(&format!("GRANT ALL PRIVILEGES ON *.* TO '{name}'@'localhost' WITH GRANT OPTION"));
    defaults_file(site, &name, "Adm1n-word")
}

/// The name of the account that a test's site gets: one server serves many.
fn own_user(site: &TestSite<'_>) -> String {
    format!("pm_{}", site.database())
}

fn init(site: &TestSite<'_>, more: &[&str]) -> Ran {
    let url = site.url().replace("root@", &format!("{}@", own_user(site)));
    let words =
        ["init", "--role", site.role().word(), "--site", site.name(), "--database", &url, "--no-series"];
    site.run(&[&words[..], more].concat())
}

/// `init` of a lab by an administrator, with the server's own settings.
fn init_of_lab<'w>(url: &'w str, admin: &'w Path) -> [&'w str; 9] {
    ["init", "--role", "lab", "--site", "lab-a", "--database", url, "--admin-defaults-file", word(admin)]
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn drop_users(site: &TestSite<'_>) {
    site.sql(&format!(
        "DROP USER IF EXISTS '{0}'@'localhost', 'dba_{1}'@'localhost'",
        own_user(site),
        site.database()
    ));
}

#[test]
fn an_administrator_signs_in_once_and_every_command_works_with_the_account_that_it_made() {
    let (central, lab) =
        (TestSite::new(server(), Role::Central, "central"), TestSite::new(server(), Role::Lab, "lab-a"));
    for site in [&central, &lab] {
        site.sql(SCHEMA);
        let admin = administrator(site);
        let more = ["--admin-defaults-file", word(&admin)];
        init(site, &[&more[..], &["--dry-run"]].concat()).ok().says("would be set up");
        init(site, &more).ok().says("Account   ").never_says("Adm1n-word");
        // From here on there is no administrator.
        fs::remove_file(&admin).unwrap();
        let settings = fs::read_to_string(site.config()).unwrap();
        assert!(settings.contains(&own_user(site)) && !settings.contains("dba_"), "{settings}");
        let password = site.state().join("db.password");
        assert_eq!(fs::metadata(&password).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&password).unwrap().trim().len() >= 32);
        has_only_what_it_needs(site);
    }
    lab.sql("INSERT INTO items (name) VALUES ('scale'), ('funnel'); INSERT INTO loans (item_id, who) VALUES (1, 'Ann')");
    central.sql("INSERT INTO items (id, name) VALUES (7, 'hood')");
    let (card, answer, stick) = (lab.path("lab-a.card"), lab.path("lab-a.answer"), lab.stick("stick"));
    central.run(&["enrol", word(&card), "--answer", word(&answer), "--yes"]).ok();
    lab.run(&["join", word(&answer), "--yes", "--adopt", "--rekey", "--no-series"]).ok();
    for _ in 0..2 {
        lab.run(&["export", word(&stick)]).ok();
        central.run(&["import", word(&stick)]).ok();
        lab.run(&["import", word(&stick)]).ok();
        lab.sql("UPDATE items SET quantity = quantity + 1; DELETE FROM items WHERE name = 'scale'");
    }
    lab.run(&["import", word(&stick)]).ok();
    central.run(&["import", word(&stick)]).ok();
    lab.run(&["import", word(&stick)]).ok();
    assert_equal(&lab, &central, &["items", "loans"]);
    central.run(&["tables", "remove", "loans"]).ok();
    central.run(&["tables", "add", "loans"]).ok();
    for site in [&central, &lab] {
        for command in
            [&["status"][..], &["tables"], &["tables", "check"], &["history"], &["export", word(&stick)]]
        {
            site.run(command).ok();
        }
        site.run(&["doctor"]).ok().says("may do all that is needed");
    }
    lab.run(&["recover", "--yes"]).says("lab-a");
    central.run(&["sites", "suspend", "lab-a"]).ok();
    central.run(&["sites", "resume", "lab-a"]).ok();
    // What the application writes is logged, whoever it is: here somebody who may write one table and nothing else.
    let database = lab.database();
    lab.sql(&format!("CREATE USER 'app_{database}'@'localhost'; GRANT INSERT ON {database}.items TO 'app_{database}'@'localhost'"));
    let before = lab.count("sync_log");
    let mut app = connect(&lab, &format!("app_{database}"));
    mysql::prelude::Queryable::query_drop(&mut app, "INSERT INTO items (name) VALUES ('tap')").unwrap();
    assert_eq!(lab.count("sync_log"), before + 1);
    lab.sql(&format!("DROP USER 'app_{database}'@'localhost'"));
    [&central, &lab].into_iter().for_each(drop_users);
}

fn connect(site: &TestSite<'_>, user: &str) -> mysql::Conn {
    let socket = site.server().socket().to_string_lossy().into_owned();
    let options =
        mysql::OptsBuilder::new().user(Some(user)).socket(Some(socket)).db_name(Some(site.database()));
    mysql::Conn::new(options).unwrap()
}

/// No global right, and rights to make tables only for packmule's own names.
fn has_only_what_it_needs(site: &TestSite<'_>) {
    let account = format!("'{}'@'localhost'", own_user(site));
    for row in site.query(&format!("SHOW GRANTS FOR {account}")) {
        let line = row.into_iter().next().flatten().unwrap();
        let (rights, place) = line.strip_prefix("GRANT ").unwrap().split_once(" ON ").unwrap();
        let is_own = ["`packmule_", "`sync_log`", "`conflict_log`"].iter().any(|name| place.contains(name));
        match place.starts_with("*.*") {
            true => assert_eq!(rights, "USAGE", "{line}"),
            false if is_own => {}
            false => assert_eq!(rights, "SELECT, INSERT, UPDATE, DELETE, TRIGGER", "{line}"),
        }
        assert!(
            place.starts_with("*.*") || place.contains(&site.database().replace('_', r"\_")) || is_own,
            "{line}"
        );
        assert!(!line.contains("GRANT OPTION"), "{line}");
    }
}

#[test]
fn each_right_that_is_taken_away_is_named_with_the_statement_that_gives_it_back() {
    let central = TestSite::new(server(), Role::Central, "central");
    central.sql(SCHEMA);
    let admin = administrator(&central);
    init(&central, &["--admin-defaults-file", word(&admin)]).ok();
    let lab = TestSite::new(server(), Role::Lab, "lab-a");
    lab.sql(SCHEMA);
    lab.run(&["init", "--role", "lab", "--site", "lab-a", "--database", &lab.url()]).ok();
    let card = lab.path("lab-a.card");
    central.run(&["enrol", word(&card), "--answer", word(&lab.path("answer")), "--yes"]).ok();
    let (account, database) =
        (format!("'{}'@'localhost'", own_user(&central)), central.database().to_owned());
    let pattern = format!("`{}`", database.replace('_', r"\_"));
    for right in ["SELECT", "INSERT", "UPDATE", "DELETE", "TRIGGER"] {
        central.sql(&format!("REVOKE {right} ON {pattern}.* FROM {account}"));
        let grant = format!("GRANT {right} ON {pattern}.* TO {account}");
        let said = central.run(&["doctor"]).code(20).says(&format!("the right {right} ")).says(&grant);
        said.says(&format!("in {database} is missing"));
        // It is needed: what is left is not enough.
        breaks_without(&central, right);
        central.sql(&grant);
        central.run(&["doctor"]).ok();
    }
    // For one table only.
    central.sql(&format!("REVOKE TRIGGER ON {pattern}.* FROM {account}"));
    central.sql(&format!("GRANT TRIGGER ON {database}.items TO {account}; GRANT TRIGGER ON {database}.packmule_mail TO {account}"));
    let said = central
        .run(&["doctor"])
        .code(20)
        .says(&format!("GRANT TRIGGER ON `{database}`.`loans` TO {account}"));
    said.never_says(&format!("GRANT TRIGGER ON `{database}`.`items`"));
    // The rights to make its tables, for a packmule that is newer.
    central.sql(&format!("GRANT TRIGGER ON {pattern}.* TO {account}; REVOKE CREATE ON {database}.packmule_series FROM {account}"));
    central.sql("DELETE FROM packmule_migration WHERE name = 'series'; DROP TABLE packmule_series");
    central
        .run(&["export", word(&central.stick("stick"))])
        .code(12)
        .says("CREATE command denied")
        .says("packmule_series");
    drop_users(&central);
}

/// Something of every day that fails without this right, and says so in the server's own words.
fn breaks_without(central: &TestSite<'_>, right: &str) {
    let denied = format!("{right} command denied");
    // Triggers run with the rights of the account that made them: the application itself would be refused.
    if ["TRIGGER", "INSERT"].contains(&right) {
        let insert = "INSERT INTO items (name) VALUES ('x')";
        let refused = central.server().sql(central.database(), insert).unwrap_err().to_string();
        assert!(refused.contains(&denied), "{refused}");
        return;
    }
    let refused = match right {
        "SELECT" => central.run(&["status"]),
        "UPDATE" => {
            central.sql("UPDATE packmule_site SET wants_snapshot = 0 WHERE role = 'lab'");
            central.run(&["sites", "resend", "lab-a"])
        }
        _ => central.run(&["tables", "remove", "loans"]),
    };
    refused.code(12).says(&denied).says("packmule doctor");
}

#[test]
fn an_account_that_somebody_else_uses_is_left_alone() {
    let lab = TestSite::new(server(), Role::Lab, "lab-a");
    lab.sql(SCHEMA);
    let admin = administrator(&lab);
    lab.sql(&format!("CREATE USER '{}'@'localhost' IDENTIFIED BY 'the-applications-own'", own_user(&lab)));
    let more = ["--admin-defaults-file", word(&admin)];
    init(&lab, &more).code(12).says("is there already, with another password").says("DROP USER");
    let socket = lab.server().socket().to_string_lossy().into_owned();
    let user = own_user(&lab);
    let options =
        mysql::OptsBuilder::new().user(Some(&user)).pass(Some("the-applications-own")).socket(Some(socket));
    mysql::Conn::new(options).unwrap();
    // The administrator's own account is not packmule's.
    let url = lab.url().replace("root@", &format!("dba_{}@", lab.database()));
    let words = init_of_lab(&url, &admin);
    lab.run(&words).code(2).says("packmule needs one of its own");
    assert!(!lab.config().exists());
    // An administrator who may not make accounts is told so, without a word of any password.
    let weak = format!("weak_{}", lab.database());
    lab.sql(&format!("CREATE USER '{weak}'@'localhost' IDENTIFIED BY 'Adm1n-word'; GRANT SELECT ON {}.* TO '{weak}'@'localhost'", lab.database()));
    lab.sql(&format!("DROP USER '{user}'@'localhost'"));
    let file = defaults_file(&lab, &weak, "Adm1n-word");
    let said = init(&lab, &["--admin-defaults-file", word(&file)])
        .code(12)
        .says("CREATE USER")
        .never_says("IDENTIFIED");
    said.never_says("Pm-7");
    lab.sql(&format!("DROP USER '{weak}'@'localhost'"));
    drop_users(&lab);
}

#[test]
fn over_a_network_line_the_account_is_made_for_where_the_server_sees_it_and_a_failed_try_goes_on() {
    let arguments = vec!["--log-bin-trust-function-creators=0".to_owned()];
    let options = packmule::demo::ServerOptions { binary_log: true, arguments, ..server_options() };
    let server = PrivateServer::start(&options).unwrap();
    let lab = TestSite::new(&server, Role::Lab, "lab-a");
    lab.sql(SCHEMA);
    let admin = administrator(&lab);
    let url = format!("mysql://127.0.0.1:{}/{}", server.port(), lab.database());
    let words = init_of_lab(&url, &admin);
    lab.run(&words).code(12).says("(1419)").says("SET GLOBAL log_bin_trust_function_creators = 1");
    // The account was made before that, with a password that is kept for the next try.
    lab.sql("SET GLOBAL log_bin_trust_function_creators = 1");
    lab.run(&words).ok().says("'packmule'");
    lab.run(&["status"]).ok();
    if server.binary().flavour() == Flavour::MySql {
        // The first sign-in after this needs the password itself, which a line in the clear carries encrypted.
        lab.sql("FLUSH PRIVILEGES");
    }
    lab.run(&["doctor"]).ok();
    // Again: completes what is missing.
    lab.sql(&format!(
        "REVOKE TRIGGER ON `{}`.* FROM 'packmule'@'localhost'",
        lab.database().replace('_', r"\_")
    ));
    lab.run(&["doctor"]).code(20);
    lab.run(&words).ok().says("was set up before");
    lab.run(&["doctor"]).ok();
}

/// A person at a terminal, who is asked when packmule's own account is not there yet.
#[test]
fn at_a_terminal_init_asks_for_an_administrator() {
    let lab = TestSite::new(server(), Role::Lab, "lab-a");
    lab.sql(SCHEMA);
    administrator(&lab);
    let url = lab.url().replace("root@", &format!("{}@", own_user(&lab)));
    let init = format!(
        "{} -c lab-a.toml init --role lab --site lab-a --no-series --database '{url}'",
        env!("CARGO_BIN_EXE_packmule")
    );
    // `script` gives the program a terminal. What is typed before a question is thrown away there, so it waits for each.
    let typed = format!("sleep 2; echo dba_{}; sleep 1; echo Adm1n-word; sleep 4", lab.database());
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &format!("({typed}) | script -qec \"{init}\" /dev/null")]).current_dir(lab.path(""));
    let output = command.env("TERM", "dumb").output().unwrap();
    let said = Ran::new(init, &output).ok().says("Administrator's user name").says("is set up as a lab");
    said.says("with the rights that it needs").never_says("Adm1n-word");
    has_only_what_it_needs(&lab);
    lab.run(&["doctor"]).ok();
    drop_users(&lab);
}
