//! What cannot be used, in settings, keys, database and sticks: each says what, why and what to do, and changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Pair, Ran, Role, SCHEMA, TestSite, contents, files, server};

#[test]
fn a_database_that_cannot_be_used_is_code_12() {
    let scene = Scene::new();
    let server = scene.lab().server();
    let user = format!("mule_{}", scene.lab().database());
    server.sql("", &format!("CREATE USER '{user}'@'localhost' IDENTIFIED BY 'right-hunter2'")).unwrap();
    let socket = server.socket().display().to_string();
    scene.settings("root@", &format!("{user}:wrong-hunter2@"), |ran| {
        ran.code(12)
            .says(&format!("cannot sign in to MySQL at {socket} as '{user}'"))
            .says("cause: Access denied for user")
            .says("(1045)")
            .says("hint: packmule doctor --ask-pass")
            .never_says("hunter2")
    });
    scene.settings("root@", &format!("{user}:right-hunter2@"), |ran| {
        ran.code(12)
            .says("Access denied")
            .says("hint: as an administrator of the server: GRANT SELECT, ")
            .never_says("hunter2")
    });
    scene.settings(&socket, "/nowhere/mysqld.sock", |ran| {
        ran.code(12)
            .says("cannot reach MySQL at /nowhere/mysqld.sock")
            .says("No such file or directory")
            .says("start the database server")
    });
    let database = scene.lab().database();
    // Port 1: nobody listens there, whatever else runs on this machine.
    scene.settings(
        &format!("localhost/{database}?socket={socket}"),
        &format!("127.0.0.1:1/{database}"),
        |ran| ran.code(12).says("cannot reach MySQL at 127.0.0.1:1").says("Connection refused"),
    );
    scene.settings(scene.lab().database(), "no_such_database", |ran| {
        ran.code(12)
            .says("there is no database 'no_such_database'")
            .says("(1049)")
            .says("packmule never makes a database itself")
    });
    scene.settings(scene.lab().database(), "mysql", |ran| {
        ran.code(12)
            .says("the database mysql is not set up for packmule")
            .says("hint: set this site up: packmule init")
    });
    scene.settings(scene.lab().database(), scene.central().database(), |ran| {
        ran.code(10).says("the database belongs to site central, and the settings are those of lab-a")
    });
    server.sql("", &format!("DROP USER '{user}'@'localhost'")).unwrap();
}

#[test]
fn settings_that_cannot_be_used_are_code_10() {
    let scene = Scene::new();
    scene.settings("[database]", "[databse]", |ran| {
        ran.code(10)
            .says("lab-a.toml line ")
            .says("unknown name \"databse\"")
            .says("hint: did you mean \"database\"?")
    });
    scene.settings("role = \"lab\"", "role = \"lap\"", |ran| {
        ran.code(10).says("did you mean \"lab\"?").says("line ")
    });
    scene.settings("role = \"lab\"", "role = ", |ran| ran.code(10).says("line "));
    scene.settings("site = \"lab-a\"", "site = \"lab-b\"", |ran| {
        ran.code(10).says("the database belongs to site lab-a, and the settings are those of lab-b")
    });
    let settings = scene.lab().config();
    fs::rename(&settings, scene.lab().path("away")).unwrap();
    scene.unchanged(|| scene.export().code(10).says("no settings file found").says("packmule init"));
    fs::rename(scene.lab().path("away"), &settings).unwrap();
    scene.export().ok();
}

#[test]
fn keys_that_cannot_be_used_are_code_19() {
    let scene = Scene::new();
    for (site, command) in [(scene.lab(), "export"), (scene.central(), "import")] {
        for name in ["sign.key", "encrypt.key"] {
            let key = site.state().join("keys").join(name);
            let good = fs::read(&key).unwrap();
            let again = || site.run(&[command, scene.pair.stick()]);
            for mode in [0o640, 0o604, 0o660] {
                fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
                scene.unchanged(|| {
                    again()
                        .code(19)
                        .says("can be read by others")
                        .says(&format!("its mode is {mode:04o}"))
                        .says("hint: chmod 600 ")
                        .says(name)
                });
            }
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(&key, "no key\n").unwrap();
            scene.unchanged(|| again().code(19).says("does not hold a key").says(name));
            fs::remove_file(&key).unwrap();
            scene.unchanged(|| {
                again()
                    .code(19)
                    .says(&format!("key file {} is missing", key.display()))
                    .says("hint: put the keys back from a backup")
            });
            fs::write(&key, good).unwrap();
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    let witness = scene.lab().state().join("keys/witness.json");
    scene.export().ok();
    fs::write(&witness, "{").unwrap();
    scene.unchanged(|| {
        scene.export().code(19).says("witness.json is damaged").says("put it back from a backup")
    });
}

#[test]
fn a_place_that_is_no_stick_is_code_13() {
    let scene = Scene::new();
    let (missing, file) = (scene.pair.stick.join("missing"), scene.pair.stick.join("file"));
    fs::write(&file, "x").unwrap();
    scene.unchanged(|| {
        let ran = scene.lab().run(&["export", word(&missing)]).code(13);
        ran.says(&format!("there is no folder {}", missing.display()))
            .says("cause: ")
            .says("hint: plug the stick in")
    });
    scene.unchanged(|| scene.lab().run(&["export", word(&file)]).code(13).says("is not a folder"));
    scene.unchanged(|| {
        scene
            .central()
            .run(&["import", "--no-reply", word(&missing)])
            .code(13)
            .says(&format!("there is no {}", missing.display()))
    });
    // A folder of somebody else's where ours belongs.
    fs::write(scene.pair.stick.join("packmule"), "mine").unwrap();
    let ran = scene
        .export()
        .code(13)
        .says("packmule is not a folder")
        .says("bundle 1 is safe in this computer's outbox");
    drop(ran);
    fs::remove_file(scene.pair.stick.join("packmule")).unwrap();
    scene.export().ok();
    scene.pair.import().ok();
    scene.pair.assert_exactly_once();
    // A file that a person names and that is no bundle is refused by name; in a folder it is passed over.
    let ran = || scene.central().run(&["import", "--no-reply", word(&file)]);
    scene.unchanged(|| ran().code(14).says("file").says("nothing was changed"));
    scene.unchanged(|| scene.central().run(&["import", "--no-reply", scene.pair.stick()]).ok());
}

#[test]
fn tables_that_cannot_be_synced_are_named_with_the_reason() {
    let schema = format!(
        "{SCHEMA} CREATE TABLE notes (text TEXT); CREATE TABLE fast (id INT PRIMARY KEY) ENGINE=MyISAM;
         CREATE VIEW names AS SELECT name FROM items;"
    );
    let site = TestSite::new(server(), Role::Central, "central");
    site.sql(&schema);
    let before = contents(&site);
    let url = site.url();
    let init = |tables: &str| {
        let init = ["init", "--role", "central", "--site", "central", "--no-series", "--database", &url];
        site.run(&[&init[..], &["--tables", tables]].concat())
    };
    for (table, why) in
        [("notes", "primary key"), ("fast", "InnoDB"), ("names", "view"), ("nothing", "no such table")]
    {
        init(&format!("items,{table}")).code(2).says(&format!("table {table} cannot be synced")).says(why);
        assert_eq!((contents(&site), files(&site.path(""))), (before.clone(), Vec::new()));
    }
    let ran = init("all").ok();
    for (table, why) in [("notes", "primary key"), ("fast", "InnoDB"), ("names", "view")] {
        let line = |said: &Ran| {
            said.stdout
                .lines()
                .chain(said.stderr.lines())
                .any(|line| line.contains(table) && line.contains(why))
        };
        assert!(line(&ran), "no {table} with {why} in {ran:?}");
        let listed = site.run(&["tables"]).ok();
        assert!(line(&listed), "no {table} with {why} in {listed:?}");
    }
}

#[test]
fn commands_in_the_wrong_place_or_order_change_nothing() {
    let scene = Scene::new();
    scene.unchanged(|| {
        scene
            .lab()
            .run(&["export", "--to", "lab-b", "--", scene.pair.stick()])
            .code(2)
            .says("is for the centre")
    });
    scene.unchanged(|| scene.lab().run(&["exprot"]).code(2).says("export"));
    scene.unchanged(|| scene.lab().run(&["export", "--no-such-flag"]).code(2));
    let lonely = TestSite::new(server(), Role::Lab, "lab-z");
    lonely.sql(SCHEMA);
    let (url, card) = (lonely.url(), lonely.path("lab-z.card"));
    lonely.run(&["init", "--role", "lab", "--site", "lab-z", "--database", &url, "--card", word(&card)]).ok();
    lonely.sql("INSERT INTO shelves VALUES (1, 'x')");
    let before = contents(&lonely);
    lonely
        .run(&["export", scene.pair.stick()])
        .code(1)
        .says("lab-z has not joined a centre yet")
        .says("packmule join");
    assert_eq!(contents(&lonely), before);
    // Nobody is there to compare the words.
    scene.unchanged(|| scene.central().run(&["enrol", word(&card)]).code(18).says("--yes"));
    let text = fs::read_to_string(&card).unwrap();
    fs::write(&card, text.replace("lab-z", "lab-y")).unwrap();
    scene.unchanged(|| {
        scene.central().run(&["enrol", word(&card), "--yes"]).code(19).says("is not a card to trust")
    });
    // Somebody else's keys under a name that is enrolled.
    let twin = TestSite::new(server(), Role::Lab, "lab-a");
    let (url, card) = (twin.url(), twin.path("twin.card"));
    twin.run(&["init", "--role", "lab", "--site", "lab-a", "--database", &url, "--card", word(&card)]).ok();
    scene.unchanged(|| {
        scene
            .central()
            .run(&["enrol", word(&card), "--yes"])
            .code(19)
            .says("a site named lab-a is enrolled already, with other keys")
    });
}

#[test]
fn errors_are_one_json_object_when_a_program_asks() {
    let scene = Scene::new();
    let missing = scene.pair.stick.join("missing");
    let torn = scene.pair.stick.join("torn.mule");
    fs::write(&torn, "torn").unwrap();
    for (site, arguments, code) in [
        (scene.lab(), ["export", word(&missing)], 13),
        (scene.central(), ["import", word(&missing)], 13),
        (scene.central(), ["import", word(&torn)], 14),
        (scene.central(), ["inspect", word(&torn)], 14),
        (scene.central(), ["verify", word(&torn)], 14),
        (scene.central(), ["join", word(&torn)], 2),
    ] {
        let ran = site.run(&[arguments[0], "--json", arguments[1]]).code(code);
        let lines: Vec<Value> = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{ran:?}")))
            .collect();
        let [object] = lines.as_slice() else { panic!("{ran:?}") };
        assert_eq!(object["exit"], code, "{ran:?}");
        assert!(
            object["format"]
                .as_str()
                .is_some_and(|format| format.starts_with("packmule.") && format.ends_with(".v1"))
        );
        if object["format"] == "packmule.error.v1" {
            assert!(object["error"].as_str().is_some_and(|words| !words.is_empty()), "{ran:?}");
        }
    }
}

/// A lab with edits to export to an empty stick, and its centre.
struct Scene {
    pair: Pair,
}

/// Everything that a refused command must leave as it is.
type Everything = Vec<(Vec<(String, Vec<Vec<Option<String>>>)>, Vec<(PathBuf, Vec<u8>)>)>;

impl Scene {
    fn new() -> Scene {
        let pair = Pair::new();
        pair.edit();
        Scene { pair }
    }

    fn lab(&self) -> &TestSite<'static> {
        self.pair.lab()
    }

    fn central(&self) -> &TestSite<'static> {
        self.pair.central()
    }

    fn export(&self) -> Ran {
        self.pair.export()
    }

    /// Exports with one text of the lab's settings replaced, and puts them right again.
    #[track_caller]
    fn settings(&self, from: &str, to: &str, check: impl FnOnce(Ran) -> Ran) {
        let path = self.lab().config();
        let good = fs::read_to_string(&path).unwrap();
        assert!(good.contains(from), "{good}");
        fs::write(&path, good.replace(from, to)).unwrap();
        self.unchanged(|| check(self.export()));
        fs::write(&path, good).unwrap();
    }

    /// Runs a command, and fails the test unless everything is as it was and its words are complete.
    #[track_caller]
    fn unchanged(&self, run: impl FnOnce() -> Ran) {
        let before = self.everything();
        let ran = run();
        assert_eq!(self.everything(), before, "{ran:?}");
        if ran.code != Some(0) && ran.code != Some(2) {
            let has = |start: &str| ran.stderr.lines().any(|line| line.starts_with(start));
            assert!(has("packmule: error: "), "{ran:?}");
            assert!(has("  hint: ") || has("  cause: "), "{ran:?}");
        }
    }

    fn everything(&self) -> Everything {
        let read = |folder: &Path| {
            let bytes = |path: PathBuf| (path.clone(), fs::read(&path).unwrap());
            files(folder).into_iter().map(bytes).collect::<Vec<_>>()
        };
        let site = |site: &TestSite<'_>| (contents(site), read(&site.state()));
        vec![site(self.lab()), site(self.central()), (Vec::new(), read(&self.pair.stick))]
    }
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}
