//! What must be so at the end of a world.

use std::collections::BTreeMap;

use super::World;
use crate::harness::counts::Counts;
use crate::harness::pair::files;
use crate::harness::people::People;
use crate::harness::rows::differences_in;
use crate::harness::site::{TestSite, bundles_in};

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
        if let Some(lab) = self.put_back {
            for counts in [&mut found, &mut wanted] {
                counts.leave_out_doubtful(central, self.site(lab).name());
            }
        }
        if found != wanted {
            faults.push(format!("the stocks are, with what waits, {found:?}, and should be {wanted:?}"));
            let lines = central.query(
                "SELECT id, site, status, outcome, record_id, before_row, central_row, lab_row, written_row, decided_by, note \
                 FROM conflict_log WHERE table_name = 'counts' ORDER BY id",
            );
            faults.extend(lines.iter().map(|line| format!("  of the stocks: {line:?}")));
        }
        faults.extend(self.ledgers());
        if self.plan.is_rough {
            faults.extend(self.complaints());
        }
        faults
    }

    /// What is wrong with the ledgers: each bundle that was sealed must have been applied once, by the site that it is for and with all
    /// that is in it; a log row must bear the number of a seal that there was.
    fn ledgers(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let ends = |state| {
            let query = format!(
                "SELECT from_site, to_site, incarnation, seq, digest, previous, kind, inserts, updates, deletes FROM packmule_bundle \
                 WHERE state = '{state}' ORDER BY from_site, to_site, incarnation, seq"
            );
            self.family.sites().flat_map(|site| site.query(&query)).collect::<Vec<_>>()
        };
        let (sealed, applied) = (ends("sealed"), ends("applied"));
        // A lab that was given all rows needs nothing more of what was sealed for it before.
        let is_passed_over = |bundle: &Row| {
            let number = |row: &Row| row[3].as_ref().unwrap().parse::<u64>().unwrap();
            let is_later = |row: &&Row| row[..3] == bundle[..3] && number(row) > number(bundle);
            applied.iter().filter(is_later).any(|row| row[6].as_deref() == Some("snapshot"))
        };
        let missing = sealed.iter().filter(|bundle| !applied.contains(bundle) && !is_passed_over(bundle));
        faults.extend(missing.map(|bundle| format!("sealed, and nowhere applied: {bundle:?}")));
        // A database that was put back has forgotten what it sealed under the history that has ended.
        let histories: Vec<Row> = self.family.sites().map(|site| site.query(HISTORY).remove(0)).collect();
        let is_over = |bundle: &Row| !histories.contains(&vec![bundle[0].clone(), bundle[2].clone()]);
        let other = applied.iter().filter(|bundle| !sealed.contains(bundle) && !is_over(bundle));
        faults.extend(other.map(|bundle| format!("applied, and not sealed so: {bundle:?}")));
        for site in self.family.sites() {
            let frozen = site.query("SELECT * FROM packmule_stream WHERE state <> 'open'");
            faults.extend(frozen.iter().map(|stream| format!("{} has stopped {stream:?}", site.name())));
            let stamped = site.query(
                "SELECT id, batch FROM sync_log WHERE batch > 0 AND batch NOT IN \
                 (SELECT batch FROM packmule_bundle WHERE state = 'sealed' AND batch IS NOT NULL)",
            );
            faults.extend(stamped.iter().map(|row| format!("{} knows no seal of {row:?}", site.name())));
        }
        faults
    }

    /// What the program itself has to say against the sites in the end, and files that lie about.
    fn complaints(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for site in self.family.sites() {
            for arguments in [["doctor", "-q"], ["status", "-q"]] {
                let ran = site.run(&arguments);
                if ran.code != Some(0) {
                    faults.push(format!("{}: {ran:?}", site.name()));
                }
            }
            for folder in ["inbox", "arriving"] {
                let left = files(&site.state().join(folder));
                faults.extend(left.iter().map(|path| format!("left behind: {}", path.display())));
            }
            let outbox = site.state().join("outbox");
            let parts = files(&outbox).into_iter().filter(|path| !bundles_in(&outbox).contains(path));
            faults.extend(parts.map(|path| format!("left behind: {}", path.display())));
        }
        faults
    }
}

pub(super) fn stocks(people: &People, site: &TestSite<'_>) -> Counts {
    people.look(&mut site.server().connect(site.database()).unwrap()).stocks
}

const HISTORY: &str = "SELECT site, incarnation FROM packmule_here";

type Row = Vec<Option<String>>;
