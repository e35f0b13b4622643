//! The second half of the story: what goes wrong with sticks, and how it ends.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::compare::Rows;
use super::edits::LATER;
use super::error::StoryError;
use super::stage::{DATABASE, Stage};

impl Stage<'_> {
    /// The same stick again, a damaged bundle, a missing bundle.
    pub(super) fn trouble(&mut self, before: &Rows) -> Result<(), StoryError> {
        self.again()?;
        self.damaged()?;
        self.missing(before)
    }

    fn again(&mut self) -> Result<(), StoryError> {
        self.say.chapter("The same stick once more");
        self.say.text(
            "Somebody forgets that the stick was imported, and does it again. Every bundle counts once, so nothing \
             changes: not in the inventory, and not in packmule's own tables.",
        );
        let found = Rows::read_everything(&self.central, DATABASE)?;
        self.packmule("central", &["import", "stick"], 0)?;
        let same = Rows::read_everything(&self.central, DATABASE)? == found;
        self.promise("the same stick imported again changes nothing", same)?;
        self.say.text("Checked: every table of the centre is as it was, to the last cell.");
        Ok(())
    }

    fn damaged(&mut self) -> Result<(), StoryError> {
        self.say.chapter("A bundle with one wrong byte");
        self.say.text("The chemistry store goes on:");
        let [work, ..] = &LATER;
        self.work("lab-a", work)?;
        self.make_folder("bad-stick")?;
        self.packmule("lab-a", &["export", "bad-stick"], 0)?;
        let folder = format!("bad-stick/{FOLDER}");
        let newest = self.bundles(&folder)?.pop();
        let newest =
            newest.ok_or(StoryError::Broken { promise: "an export leaves a bundle on the stick" })?;
        let at = flip_byte(&self.folder.join(&folder).join(&newest))
            .map_err(|source| self.fault(Path::new(&folder), source))?;
        self.say.text(&format!(
            "The stick is worn out: byte {at} of the newest bundle is not what was written. One byte is enough for \
             the centre to refuse the whole bundle, before it has even been decrypted.",
        ));
        let found = Rows::read_everything(&self.central, DATABASE)?;
        self.packmule("central", &["import", "bad-stick"], 14)?;
        let same = Rows::read_everything(&self.central, DATABASE)? == found;
        self.promise("a bundle with one changed byte changes nothing", same)?;
        self.say.text(
            "Checked: nothing has changed at the centre. Nothing is lost either: the lab keeps a bundle until the \
             centre has confirmed it, and the next export carries it again.",
        );
        Ok(())
    }

    fn missing(&mut self, before: &Rows) -> Result<(), StoryError> {
        self.say.chapter("A bundle that is missing");
        let [_, works @ ..] = &LATER;
        for (work, words) in
            works.iter().zip(["The chemistry store has a good stick again:", "The next day:"])
        {
            self.say.text(words);
            self.work("lab-a", work)?;
            self.packmule("lab-a", &["export", "stick"], 0)?;
        }
        self.say.text("Somebody tidies up the stick, and takes one file away:");
        let folder = format!("stick/{FOLDER}");
        let third = self.bundles(&folder)?.into_iter().find(|name| name.ends_with("0000000003.mule"));
        let third = third.ok_or(StoryError::Broken { promise: "bundle 3 of lab-a is on the stick" })?;
        let on_stick = format!("{folder}/{third}");
        self.move_file(&on_stick, "forgotten.mule")?;
        self.say.text(
            "The centre applies bundle 2, the good copy of the damaged one. Bundle 4 continues bundle 3, so it \
             waits, and packmule says for which. Nothing is ever skipped in silence.",
        );
        self.packmule("central", &["import", "stick"], 15)?.says("bundle 3")?;
        let joined = self.show_rows(before)?;
        self.promise("a bundle whose predecessor is missing is not applied", !joined)?;
        self.say.text("The file is found again. Running the same command is the cure:");
        self.move_file("forgotten.mule", &on_stick)?;
        self.packmule("central", &["import", "stick"], 0)?;
        let joined = self.show_rows(before)?;
        self.promise("the centre holds every row as the labs changed it, and no other row has moved", joined)
    }

    /// Where everything lies, how to look at it, how to throw it away.
    pub(super) fn end(&mut self, began: Instant) -> Result<(), StoryError> {
        self.say.chapter("See for yourself");
        self.say.text("How things stand at the centre:");
        self.packmule("central", &["status"], 0)?;
        let names = self.bundles(&format!("stick/{FOLDER}"))?;
        let first =
            names.first().ok_or(StoryError::Broken { promise: "bundle 1 of lab-a is on the stick" })?;
        self.show_by_hand(&format!("stick/{FOLDER}/{first}"))?;
        self.say.text(&format!(
            "Everything was as promised, in {:.0} s. The servers end now, and their data vanish. The bundles, keys \
             and settings stay; to throw them away, too:",
            began.elapsed().as_secs_f32().ceil()
        ));
        let folder = self.folder.display().to_string();
        self.say.line("");
        self.say.line(&format!("    rm -r {folder}"));
        self.say.text("In this version changes travel from the labs to the centre; the way back comes next.");
        Ok(())
    }
}

/// Changes one bit in the middle of the file, in its encrypted part. Returns the byte's place.
fn flip_byte(path: &Path) -> std::io::Result<usize> {
    let mut bytes = fs::read(path)?;
    // The last kilobyte of the archive is empty; before it comes the encrypted part, the largest.
    let at = bytes.len() * 3 / 4;
    let byte = bytes.get_mut(at).ok_or(std::io::ErrorKind::UnexpectedEof)?;
    *byte ^= 1;
    fs::write(path, bytes)?;
    Ok(at)
}

/// Where the bundles of lab-a lie on a stick.
const FOLDER: &str = "packmule/lab-a-to-central";
