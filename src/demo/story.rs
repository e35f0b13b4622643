//! The story: two labs and a centre that no network joins exchange changes by bundle files.
//!
//! Every command is the real program on real servers. The demo believes nothing that it is told: it compares the
//! databases itself, and stops at the first promise that does not hold.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::compare::{self, Lab, Rows};
use super::edits::{LAB_A, LAB_B};
use super::error::StoryError;
use super::say::Say;
use super::server::PrivateServer;
use super::stage::{DATABASE, Stage};
use crate::config::{KeyFolder, Keys};

/// How the demo is told.
#[derive(Debug, Clone)]
pub struct StoryOptions {
    /// The program that it shows: packmule.
    pub program: PathBuf,
    /// The server program; `None` looks for one.
    pub server: Option<PathBuf>,
    /// The folder for its files, which must be new; `None` makes one among the temporary folders.
    pub folder: Option<PathBuf>,
}

/// Tells the story on `out`. An error says which promise did not hold.
pub fn tell(options: &StoryOptions, out: &mut dyn Write) -> Result<(), StoryError> {
    let began = Instant::now();
    let folder = make_folder(options.folder.as_deref())?;
    let mut say = Say::new(out);
    say.line("packmule demo: two labs and a central office, without a network");
    say.text(
        "Three database servers are started on this computer, for this demo alone: the central office, the \
         chemistry store (lab-a) and the physics store (lab-b). Each holds the same small inventory. Nothing \
         joins them: only files on a pretend memory stick go from one to the other.",
    );
    say.text(&format!("All commands are run in the folder {}", folder.display()));
    let mut stage = Stage::build(say, &options.program, folder, options.server.as_deref())?;
    let ready = format!(
        "Three servers ({}) are ready after {:.1} s.",
        stage.central.binary(),
        began.elapsed().as_secs_f32()
    );
    stage.say.line("");
    stage.say.line(&ready);
    stage.set_up()?;
    stage.join()?;
    let before = Rows::read(&stage.central, DATABASE)?;
    stage.first_week(&before)?;
    stage.trouble(&before)?;
    stage.end(began)
}

fn make_folder(wanted: Option<&Path>) -> Result<PathBuf, StoryError> {
    match wanted {
        Some(path) => {
            let fault = |source| StoryError::Folder { path: path.to_path_buf(), source };
            fs::create_dir(path).map_err(fault)?;
            fs::canonicalize(path).map_err(fault)
        }
        None => {
            let base = std::env::temp_dir();
            let made = tempfile::Builder::new().prefix("packmule-demo-").tempdir_in(&base);
            Ok(made.map_err(|source| StoryError::Folder { path: base, source })?.keep())
        }
    }
}

impl Stage<'_> {
    fn set_up(&mut self) -> Result<(), StoryError> {
        self.say.chapter("Setting up");
        self.say.text(
            "The administrator at the centre says which tables are shared: all. packmule makes its keys and its \
             own tables, and puts triggers on the shared tables that note every change in the table sync_log. (The rows that are there already are the same at all \
             three, so they need not be sent.)",
        );
        let url = self.central.tcp_url(DATABASE);
        self.packmule(
            "central",
            &[INIT, &["central", "--site", "central", "--tables", "all", "--database", &url]].concat(),
            0,
        )?;
        self.say.text(
            "The same at each lab. Here packmule also writes a card: a small file with the lab's public keys. It is \
             no secret, and goes to the centre by mail or on a stick.",
        );
        for lab in LABS {
            let (url, card) = (self.lab_server(lab).tcp_url(DATABASE), format!("{lab}.card"));
            self.packmule(
                lab,
                &[INIT, &["lab", "--site", lab, "--card", &card, "--database", &url]].concat(),
                0,
            )?
            .says(&self.words_of(lab)?)?;
        }
        Ok(())
    }

    fn join(&mut self) -> Result<(), StoryError> {
        self.say.chapter("The labs join the centre");
        self.say.text(
            "Could somebody have swapped the card on its way? The technician reads the six words of the lab to the \
             administrator by telephone. The centre shows six words, too, from the card that arrived: they must be \
             the same. (--yes says that they were compared; without it packmule asks.) The centre's answer goes back.",
        );
        for lab in LABS {
            let (card, answer) = (format!("{lab}.card"), format!("{lab}.answer"));
            let words = self.words_of(lab)?;
            self.packmule("central", &["enrol", &card, "--answer", &answer, "--yes"], 0)?.says(&words)?;
        }
        self.say.text(
            "Each lab takes in the answer, after comparing the six words of the centre in the same way. Two labs that \
             cannot see each other would give the same keys to different new rows; so each server is told to \
             count in steps, from the site's own number on.",
        );
        let words = self.words_of("central")?;
        for lab in LABS {
            self.packmule(lab, &["join", &format!("{lab}.answer"), "--yes"], 0)?.says(&words)?;
        }
        Ok(())
    }

    /// Both labs work, export, and the centre takes in what they bring.
    fn first_week(&mut self, before: &Rows) -> Result<(), StoryError> {
        self.say.chapter("A week offline");
        self.say.text("People work at the chemistry store. Their application knows nothing of packmule:");
        self.work("lab-a", &LAB_A)?;
        self.say.text("At the physics store, in the same week:");
        self.work("lab-b", &LAB_B)?;
        self.say.text("The centre knows nothing of it yet:");
        let joined = self.show_rows(before)?;
        self.promise("the centre does not know the labs' changes before they are carried", !joined)?;
        self.say.text("A technician who wants to know how things stand asks:");
        self.packmule("lab-a", &["status"], 0)?;

        self.say.chapter("From the labs to the stick");
        self.say.text(
            "Each lab puts its changes on the stick as one file, a bundle. It is encrypted for the centre and \
             signed by the lab: whoever finds the stick can read names, sizes and dates, and nothing else.",
        );
        self.make_folder("stick")?;
        for lab in LABS {
            self.packmule(lab, &["export", "stick"], 0)?.says("You can take the stick out now")?;
        }

        self.say.chapter("From the stick to the centre");
        self.say.text(
            "The stick travels. The centre proves each bundle, then writes its changes in one transaction: all of \
             a bundle, or nothing.",
        );
        self.packmule("central", &["import", "stick"], 0)?;
        self.say.text("Compared row by row, by the demo itself:");
        let joined = self.show_rows(before)?;
        self.promise(
            "the centre holds every row as the labs changed it, and no other row has moved",
            joined,
        )?;
        Ok(())
    }

    /// Reads all three databases, shows what has arrived, and says whether everything has.
    pub(super) fn show_rows(&mut self, before: &Rows) -> Result<bool, StoryError> {
        let lab = |name, server: &PrivateServer| -> Result<Lab<'_>, StoryError> {
            let rows = Rows::read(server, DATABASE)?;
            Ok(Lab { name, edited: before.edited(&rows), rows })
        };
        let labs = [lab("lab-a", &self.lab_a)?, lab("lab-b", &self.lab_b)?];
        let central = Rows::read(&self.central, DATABASE)?;
        self.say.table(&compare::table(&labs, &central));
        Ok(compare::is_joined(before, &labs, &central))
    }

    fn lab_server(&self, lab: &str) -> &PrivateServer {
        if lab == "lab-a" { &self.lab_a } else { &self.lab_b }
    }

    /// The six words of a site, from its keys: what the commands must show.
    fn words_of(&self, site: &str) -> Result<String, StoryError> {
        let folder = KeyFolder::new(&self.folder.join(site));
        let words = folder.open().map(|keys: Keys| keys.words());
        words.map_err(|_| StoryError::Broken { promise: "init leaves keys that can be used" })
    }
}

const LABS: [&str; 2] = ["lab-a", "lab-b"];
const INIT: &[&str] = &["init", "--role"];
