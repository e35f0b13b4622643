//! The story: a centre and labs that no network joins exchange changes by bundle files.
//!
//! Every command is the real program on real servers. The demo believes nothing that it is told: it compares the
//! databases itself, and stops at the first promise that does not hold.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::error::StoryError;
use super::say::Say;
use super::stage::{DATABASE, LABS, Place, STICK, Stage};
use super::trouble::LOST_STICK;
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
    /// How wide its lines may be.
    pub width: usize,
}

/// Tells the story on `out`. An error says which promise did not hold.
pub fn tell(options: &StoryOptions, out: &mut dyn Write) -> Result<(), StoryError> {
    let began = Instant::now();
    let folder = make_folder(options.folder.as_deref())?;
    let mut say = Say::new(out, options.width);
    say.line("packmule demo: a central office and its labs, without a network");
    say.text(
        "Four database servers are started on this computer, for this demo alone: the central office, the \
         chemistry store (lab-a), the physics store (lab-b) and the biology store (lab-c), which joins last. The \
         centre has an inventory; the labs have its tables, still empty. Nothing joins the four: only files on a \
         pretend memory stick go from one to the other.",
    );
    say.text(&format!("All commands are run in the folder {}", folder.display()));
    let mut stage = Stage::build(say, &options.program, folder, options.server.as_deref())?;
    let server = stage.server(Place::Central).binary();
    let ready = format!("Four servers ({server}) are ready after {:.1} s.", began.elapsed().as_secs_f32());
    stage.say.text(&format!(
        "{ready} A line that begins with [ok] is a check: the demo believes nothing that it is told, looks into \
         the databases itself, and stops at the first promise that does not hold."
    ));
    stage.set_up()?;
    stage.join()?;
    let bundle = stage.week()?;
    stage.idle()?;
    stage.same_rows()?;
    stage.trouble()?;
    stage.latecomer()?;
    stage.end(&bundle, began)
}

/// Makes the folder in which all commands are run: the one that is wanted, or a new one among the temporary folders.
pub(super) fn make_folder(wanted: Option<&Path>) -> Result<PathBuf, StoryError> {
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
    /// The keys, tables and triggers of the centre and of the first two labs.
    pub(super) fn set_up(&mut self) -> Result<(), StoryError> {
        self.say.chapter("Setting up");
        self.say.text(
            "The administrator at the centre says which tables are shared: all. packmule makes its keys and its \
             own tables, and puts triggers on the shared tables that note every change in the table sync_log. Two sites \
             that cannot see each other would give the same keys to different new rows; so each server is told to \
             count in steps, from its site's own number on.",
        );
        let url = self.server(Place::Central).tcp_url(DATABASE);
        let init = ["init", "--role", "central", "--site", "central", "--tables", "all", "--database", &url];
        self.packmule(Place::Central, &init, 0)?;
        self.say.text(
            "The same at each lab. Here packmule also writes a card: a small file with the lab's public keys. It is \
             no secret, and goes to the centre by mail or on a stick. (From here on, a command whose like was shown \
             before stands without its answer.)",
        );
        for lab in LABS {
            self.init_lab(lab)?;
        }
        Ok(())
    }

    /// Shown in full for the first lab only.
    fn init_lab(&mut self, lab: Place) -> Result<(), StoryError> {
        let (site, url) = (lab.site(), self.server(lab).tcp_url(DATABASE));
        let card = format!("{site}.card");
        let init = ["init", "--role", "lab", "--site", site, "--card", &card, "--database", &url];
        let answer = match lab {
            Place::LabA => self.packmule(lab, &init, 0)?,
            Place::Central | Place::LabB | Place::LabC => {
                self.say.line("");
                self.briefly(lab, &init)?
            }
        };
        answer.says(&self.words_of(lab)?).map(drop)
    }

    /// The first two labs are enrolled, and have the centre's rows.
    pub(super) fn join(&mut self) -> Result<(), StoryError> {
        self.say.chapter("The labs join the centre");
        self.say.text(
            "Could somebody have swapped a card on its way? The technician reads the lab's six words to the \
             administrator by telephone; they must be the six words that enrol shows, from the card that arrived. \
             (--yes says that they were compared; without it packmule asks.) The answer goes onto the stick.",
        );
        self.say.line("");
        self.make_folder(STICK)?;
        let enrol = ["enrol", "lab-a.card", "--answer", "stick/lab-a.answer", "--yes"];
        self.packmule(Place::Central, &enrol, 0)?.says(&self.words_of(Place::LabA)?)?;
        let enrol = ["enrol", "lab-b.card", "--answer", "stick/lab-b.answer", "--yes"];
        self.say.line("");
        self.briefly(Place::Central, &enrol)?.says(&self.words_of(Place::LabB)?)?;
        self.say.text("With the answers travel the centre's rows, for the labs to start from:");
        self.packmule(Place::Central, &["export", STICK], 0)?.says("You can take the stick out now")?;
        self.say.text(
            "Each lab takes in the answer, after comparing the six words of the centre in the same way. The rows are \
             on the stick already.",
        );
        let words = self.words_of(Place::Central)?;
        self.packmule(Place::LabA, &["join", "stick/lab-a.answer", "--yes"], 0)?.says(&words)?;
        self.packmule(Place::LabA, &["import", STICK], 0)?;
        self.say.line("");
        self.briefly(Place::LabB, &["join", "stick/lab-b.answer", "--yes"])?.says(&words)?;
        self.briefly(Place::LabB, &["import", STICK])?;
        self.promise("both ends see the same six words for the same keys", true)?;
        let equal = self.are_equal(&LABS)?;
        self.promise("a lab starts with every row that the centre has", equal)
    }

    /// A lab that comes when the others have worked for weeks.
    pub(super) fn latecomer(&mut self) -> Result<(), StoryError> {
        self.say.chapter("A lab that joins late");
        self.say.text(
            "The biology store takes part, too, with empty tables. It needs nothing of what went to and fro before: \
             it is given all rows as they are now.",
        );
        self.init_lab(Place::LabC)?;
        let enrol = ["enrol", "lab-c.card", "--answer", "stick/lab-c.answer", "--yes"];
        self.briefly(Place::Central, &enrol)?.says(&self.words_of(Place::LabC)?)?;
        self.briefly(Place::Central, &["export", STICK, "--to", "lab-c"])?;
        self.briefly(Place::LabC, &["join", "stick/lab-c.answer", "--yes"])?
            .says(&self.words_of(Place::Central)?)?;
        self.packmule(Place::LabC, &["import", STICK], 0)?;
        let equal = self.are_equal(&[Place::LabA, Place::LabB, Place::LabC])?;
        self.promise("a lab that joins late starts with every row, and all four are equal", equal)
    }

    /// Everything that was promised, where it lies, how to look at it, how to throw it away.
    fn end(&mut self, bundle: &str, began: Instant) -> Result<(), StoryError> {
        self.say.chapter("See for yourself");
        self.show_by_hand(&bundle.replacen(STICK, LOST_STICK, 1))?;
        let took = began.elapsed().as_secs_f32().ceil();
        let kept = self.kept().to_vec();
        self.say.text(&format!(
            "Everything was as promised, in {took:.0} s. These {} promises were checked:",
            kept.len()
        ));
        self.say.line("");
        self.say.list(&kept);
        self.say.text(
            "The servers end now, and their data vanish. The bundles, keys and settings stay; to throw them away, too:",
        );
        let folder = self.folder.display().to_string();
        self.say.line("");
        self.say.line(&format!("    rm -r {folder}"));
        Ok(())
    }

    /// The six words of a site, from its keys: what the commands must show.
    fn words_of(&self, place: Place) -> Result<String, StoryError> {
        let folder = KeyFolder::new(&self.folder.join(place.site()));
        let words = folder.open().map(|keys: Keys| keys.words());
        words.map_err(|_| StoryError::Broken { promise: "init leaves keys that can be used" })
    }
}
