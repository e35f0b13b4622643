//! The stick's rounds: out of the labs, through the centre, and back to the labs.

use super::compare::{Rows, Week};
use super::edits::{WEEK_OF_CENTRAL, WEEK_OF_LAB_A, WEEK_OF_LAB_B};
use super::error::StoryError;
use super::stage::{ALL, LABS, Place, STICK, Stage};

impl Stage<'_> {
    /// Everybody works for a week, and one round of the stick makes all databases equal. Returns lab-a's bundle.
    pub(super) fn week(&mut self) -> Result<String, StoryError> {
        self.say.chapter("A week offline");
        let before = self.rows(Place::Central)?;
        self.say.text("People work at the chemistry store. Their application knows nothing of packmule:");
        self.work(&WEEK_OF_LAB_A)?;
        self.say.text("At the physics store, in the same week:");
        self.work(&WEEK_OF_LAB_B)?;
        self.say.text("And at the centre:");
        self.work(&WEEK_OF_CENTRAL)?;
        self.say.text("Nobody knows of the others' work yet:");
        let now = self.rows_of_all()?;
        let week = Week::new(&before, ALL.map(Place::site).into_iter().zip(&now));
        self.say.table(&week.table(&now));
        self.promise("a change stays where it was made until it is carried", week.is_apart())?;
        self.say.text("A technician who wants to know how things stand asks:");
        self.packmule(Place::LabA, &["status"], 0)?;

        self.say.chapter("The round of the stick");
        self.say.text(
            "Each lab puts its changes on the stick as one file, a bundle. It is encrypted for the centre and \
             signed by the lab: whoever finds the stick can read names, sizes and dates, and nothing else.",
        );
        self.packmule(Place::LabA, &["export", STICK], 0)?.says("You can take the stick out now")?;
        let bundle = self.newest_of_lab_a()?;
        self.say.line("");
        self.briefly(Place::LabB, &["export", STICK])?;
        self.say.text(
            "The stick travels. The centre proves each bundle, then writes its changes in one transaction: all of \
             a bundle, or nothing. To the same stick it writes what waits for the labs: a receipt for what has \
             come, its own changes, and those of the other lab.",
        );
        let mut answer = self.packmule(Place::Central, &["import", STICK], 0)?;
        for lab in LABS {
            answer = answer.says(&format!("receipt and {} changes", week.changed_by_others(lab.site())))?;
        }
        self.say.text("The stick travels back.");
        self.packmule(Place::LabA, &["import", STICK], 0)?;
        self.say.line("");
        self.briefly(Place::LabB, &["import", STICK])?;
        let now = self.rows_of_all()?;
        self.say.table(&week.sums(&now));
        let equal = self.are_equal(&LABS)?;
        self.promise("one round of one stick makes all databases equal, to the last cell", equal)?;
        self.promise("every change has arrived everywhere, and no other row has moved", week.is_over(&now))?;
        Ok(bundle)
    }

    /// A round in which nobody has changed anything.
    pub(super) fn idle(&mut self) -> Result<(), StoryError> {
        self.say.chapter("Nothing to do");
        self.say.text("One more round, in which nobody has changed anything:");
        let before = self.bundles_made()?;
        self.round()?;
        let none = self.bundles_made()? == before;
        self.promise("a round without changes makes no bundle", none)?;
        for place in ALL {
            self.packmule(place, &["status"], 0)?.ends("Do next: nothing")?;
        }
        self.promise("after a round, status says at every place that there is nothing to do", true)
    }

    /// One round of the stick, without what the commands say.
    pub(super) fn round(&mut self) -> Result<(), StoryError> {
        self.say.line("");
        for lab in LABS {
            self.briefly(lab, &["export", STICK])?;
        }
        self.briefly(Place::Central, &["import", STICK])?;
        for lab in LABS {
            self.briefly(lab, &["import", STICK])?;
        }
        Ok(())
    }

    fn rows_of_all(&self) -> Result<Vec<Rows>, StoryError> {
        ALL.iter().map(|place| self.rows(*place)).collect()
    }

    /// How many bundles lie in the outboxes, where they stay for a month.
    fn bundles_made(&self) -> Result<usize, StoryError> {
        let outbox = |place: &Place| self.bundles(&format!("{}/outbox", place.site()));
        ALL.iter().try_fold(0, |made, place| Ok(made + outbox(place)?.len()))
    }
}
