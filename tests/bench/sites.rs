//! A centre and a lab, made by the real program as a person would make them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use packmule::demo::PrivateServer;

use crate::measure::{Taken, run};

/// A centre and a lab on one server, each with a database of its own.
pub(crate) struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    /// Enrols a lab and a centre whose databases are there. `adopt` sends the lab's rows, too.
    pub(crate) fn new(server: &PrivateServer, central: &str, lab: &str, adopt: bool) -> Pair {
        let pair = Pair { folder: tempfile::tempdir_in("/var/tmp").unwrap() };
        std::fs::create_dir(pair.stick()).unwrap();
        let (central, lab) = (server.url(central), server.url(lab));
        let database = ["--database", &central, "--tables", "all"];
        pair.run(
            "central",
            // Both sites are on one server, which keeps its own way of counting.
            &[&["init", "--role", "central", "--site", "central", "--no-series"], &database[..]].concat(),
        );
        let mut init =
            vec!["init", "--role", "lab", "--site", "lab-a", "--database", &lab, "--card", "lab.card"];
        if adopt {
            init.push("--adopt");
        }
        pair.run("lab", &init);
        pair.run("central", &["enrol", "lab.card", "--answer", "lab.answer", "--yes"]);
        pair.run("lab", &["join", "lab.answer", "--yes", "--no-series"]);
        pair
    }

    /// Runs the program at `site`.
    pub(crate) fn run(&self, site: &str, arguments: &[&str]) -> Taken {
        run(self.command(site, arguments).arg("-q").stdout(Stdio::null()))
    }

    /// The command that [`run`](Self::run) runs, without its `-q`.
    pub(crate) fn command(&self, site: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packmule"));
        command.current_dir(self.folder.path()).arg("-c").arg(format!("{site}.toml")).args(arguments);
        command
    }

    /// A path in the folder in which every command is run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the centre's settings as `init` made them, with these added.
    pub(crate) fn set(&self, more: &str) {
        let (known, kept) =
            (self.folder.path().join("central.toml"), self.folder.path().join("as-made.toml"));
        if !kept.exists() {
            std::fs::copy(&known, &kept).unwrap();
        }
        let made = std::fs::read_to_string(&kept).unwrap();
        std::fs::write(known, format!("{made}\n{more}\n")).unwrap();
    }

    /// A folder that stands for a stick.
    pub(crate) fn stick(&self) -> PathBuf {
        self.folder.path().join("stick")
    }

    /// The size of all bundles on the stick, in bytes.
    pub(crate) fn bundle_bytes(&self) -> u64 {
        fn walk(folder: &Path) -> u64 {
            std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| {
                    let path = entry.unwrap().path();
                    match path.is_dir() {
                        true => walk(&path),
                        false if path.extension().is_some_and(|end| end == "mule") => {
                            path.metadata().unwrap().len()
                        }
                        false => 0,
                    }
                })
                .sum()
        }
        walk(&self.stick())
    }
}

/// A centre and labs that reach it by network, each with a database of its own on one server: `NAME_central`, `NAME_lab_1`, ...
pub(crate) struct Online {
    folder: tempfile::TempDir,
    labs: u64,
    /// The centre's settings, as `init` and this bench have made them.
    settings: String,
}

impl Online {
    /// Enrols labs whose databases, and the centre's, are there.
    pub(crate) fn new(server: &PrivateServer, name: &str, labs: u64) -> Online {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let mut sites = Online { folder, labs, settings: String::new() };
        let url = server.url(&format!("{name}_central"));
        let of_central = ["--role", "central", "--site", "central", "--no-series", "--tables", "all"];
        sites.run("central", &[&["init", "--database", &url], &of_central[..]].concat());
        let mail = server.tcp_url(&format!("{name}_central")).replace("root@", "");
        let written = std::fs::read_to_string(sites.path("central.toml")).unwrap();
        // More sites than most centres have.
        let written = written.replace("[sync]\n", "[sync]\nseries = 250\n");
        sites.settings = format!("{written}\n[mail]\nurl_for_labs = \"{mail}\"\n");
        sites.set("");
        for lab in 1..=labs {
            let (site, card, answer) = (format!("lab-{lab}"), format!("{lab}.card"), format!("{lab}.answer"));
            let url = server.url(&format!("{name}_lab_{lab}"));
            let of_lab = ["--role", "lab", "--site", &site, "--no-series", "--card", &card];
            sites.run(&site, &[&["init", "--database", &url], &of_lab[..]].concat());
            sites.run("central", &["enrol", &card, "--answer", &answer, "--yes"]);
            sites.run(&site, &["join", &answer, "--yes", "--no-series"]);
        }
        sites
    }

    /// Writes the centre's settings, with these added.
    pub(crate) fn set(&self, more: &str) {
        std::fs::write(self.path("central.toml"), format!("{}\n{more}", self.settings)).unwrap();
    }

    /// Every lab and the centre, once each way.
    pub(crate) fn exchange_all(&self) {
        for command in ["push", "sync"] {
            for lab in 1..=self.labs {
                self.run(&format!("lab-{lab}"), &[command]);
            }
            self.run("central", &["sync"]);
        }
    }

    /// Runs the program at `site`.
    pub(crate) fn run(&self, site: &str, arguments: &[&str]) -> Taken {
        run(self.command(site, arguments).stdout(Stdio::null()))
    }

    /// The command that [`run`](Self::run) runs.
    pub(crate) fn command(&self, site: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packmule"));
        command.current_dir(self.folder.path());
        command.args(["-c", &format!("{site}.toml"), "-q"]).args(arguments);
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
