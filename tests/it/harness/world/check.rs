//! What must be so at the end of a world.

use std::collections::BTreeMap;

use super::World;
use crate::harness::counts::Counts;
use crate::harness::people::People;
use crate::harness::rows::differences_in;
use crate::harness::site::TestSite;

impl World<'_> {
    /// What is not as it must be in the end: all equal, nothing kept or open, nothing lost. `selects` read the tables.
    pub(crate) fn check(&self, selects: &BTreeMap<&'static str, String>) -> Vec<String> {
        let mut faults: Vec<String> = Vec::new();
        let central = &self.family.central;
        for (table, select) in selects {
            let wanted = central.query(select);
            for lab in &self.family.labs {
                faults.extend(differences_in(table, (lab, lab.query(select)), (central, wanted.clone())));
            }
        }
        for lab in &self.family.labs {
            let kept = lab.query("SELECT table_name, record_id, action, row_image, why, note, bundle, covered_batch FROM packmule_kept");
            faults.extend(kept.iter().map(|word| format!("{} keeps {word:?}", lab.name())));
        }
        for at in 0..self.held.len() {
            let open =
                self.site(at).query("SELECT table_name, record_id, action FROM sync_log WHERE batch IS NULL");
            faults.extend(open.iter().map(|row| format!("{} has not sealed {row:?}", self.site(at).name())));
        }
        let lost = self.people.lost(central);
        faults.extend(lost.iter().map(|word| format!("nobody wrote over {word}, and it is nowhere")));
        let mut wanted = self.stocks.clone();
        wanted.extend(&self.people.counted);
        let mut found = stocks(&self.people, central);
        found.extend(&Counts::waiting(central));
        if found != wanted {
            faults.push(format!("the stocks are, with what waits, {found:?}, and should be {wanted:?}"));
        }
        faults
    }
}

pub(super) fn stocks(people: &People, site: &TestSite<'_>) -> Counts {
    people.look(&mut site.server().connect(site.database()).unwrap()).stocks
}
