//! What can happen to a stick, and how it ends: with the same commands again.

use std::fs;
use std::path::Path;

use super::edits::LATER;
use super::error::StoryError;
use super::stage::{LABS, Place, STICK, Stage};

impl Stage<'_> {
    /// A damaged bundle, a missing one, the same stick again, a lost stick.
    pub(super) fn trouble(&mut self) -> Result<(), StoryError> {
        self.damaged()?;
        self.missing()?;
        self.again()?;
        self.lost()
    }

    fn damaged(&mut self) -> Result<(), StoryError> {
        self.say.chapter("One wrong byte");
        self.say.text("The chemistry store goes on:");
        let [work, _] = &LATER;
        self.work(work)?;
        self.say.line("");
        self.briefly(Place::LabA, &["export", STICK])?;
        let newest = self.newest_of_lab_a()?;
        let at =
            flip_byte(&self.folder.join(&newest)).map_err(|source| self.fault(Path::new(&newest), source))?;
        self.say.text(&format!(
            "The stick is worn out: byte {at} of the new bundle is not what was written. One byte is enough for the \
             centre to refuse the whole bundle, before it has even been decrypted.",
        ));
        let before = self.rows(Place::Central)?;
        self.packmule(Place::Central, &["import", STICK], 14)?;
        let same = self.rows(Place::Central)? == before;
        self.promise("a bundle with one changed byte changes nothing", same)
    }

    fn missing(&mut self) -> Result<(), StoryError> {
        self.say.chapter("A file that is missing");
        let second = self.newest_of_lab_a()?;
        self.say.text("The next day:");
        let [_, work] = &LATER;
        self.work(work)?;
        self.say.line("");
        self.briefly(Place::LabA, &["export", STICK])?;
        self.say.text(
            "That export has also put a good copy in the place of the damaged one. But somebody tidies up the stick, \
             and takes that away:",
        );
        self.remove(&second)?;
        let before = self.rows(Place::Central)?;
        self.packmule(Place::Central, &["import", STICK], 15)?;
        let same = self.rows(Place::Central)? == before;
        self.promise("a bundle waits for the one before it; none is ever skipped in silence", same)?;
        self.say.text(
            "A lab keeps its bundles until their receipt is back, so the cure is always the same: the same commands \
             again.",
        );
        self.say.line("");
        self.briefly(Place::LabA, &["export", STICK])?;
        self.briefly(Place::Central, &["import", STICK])?;
        let equal = self.are_equal(&[Place::LabA])?;
        self.promise("export and import again mend what was damaged, deleted or forgotten", equal)
    }

    fn again(&mut self) -> Result<(), StoryError> {
        self.say.chapter("The same stick once more");
        self.say.text("Somebody forgets that the stick was imported, and does it again:");
        let before = self.everything(Place::Central)?;
        self.say.line("");
        self.briefly(Place::Central, &["import", STICK])?;
        let same = self.everything(Place::Central)? == before;
        self.promise("the same stick again changes nothing, not even in packmule's own tables", same)
    }

    fn lost(&mut self) -> Result<(), StoryError> {
        self.say.chapter("A stick that is lost");
        self.say.text(
            "On the way back the stick is left on the bus, with the receipts and all that was on it for the labs. \
             The next stick makes the round:",
        );
        self.rename(STICK, LOST_STICK)?;
        self.make_folder(STICK)?;
        let apart = !self.are_equal(&[Place::LabB])?;
        self.round()?;
        let equal = self.are_equal(&LABS)?;
        self.promise("a lost stick costs nothing: the next round brings everything", apart && equal)
    }
}

/// Changes one bit of the encrypted part of a bundle. Returns the byte's place.
fn flip_byte(path: &Path) -> std::io::Result<usize> {
    let mut bytes = fs::read(path)?;
    // The encrypted part is the last one; behind it the archive holds zeros only.
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    let at = end.saturating_sub(100);
    let byte = bytes.get_mut(at).ok_or(std::io::ErrorKind::UnexpectedEof)?;
    *byte ^= 1;
    fs::write(path, bytes)?;
    Ok(at)
}

/// Where the first stick lies when it is found: what it carries can be looked at there.
pub(super) const LOST_STICK: &str = "lost-stick";
