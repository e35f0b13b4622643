//! A lab in words, and what became of it by an order.

use crate::engine::{AccountDoor, Enrolled, LabAccount, OnTheWay, SiteChange, SiteDetails, SiteOrder};
use crate::mailbox::display_path;
use crate::model::Stamp;
use crate::report::facts::Facts;
use crate::report::peer::{amount, moment, waiting_words};
use crate::report::phrase::{bundles, number_of};

/// How things stand with a lab, both ways.
pub(crate) fn site_facts(details: &SiteDetails) -> Facts {
    let SiteDetails { peer, words, signing_key_id, signing_key, encryption_key } = details;
    let mut facts = Facts::default();
    let place = |place: Option<(u64, Stamp)>| {
        place.map_or("none yet".to_owned(), |(number, when)| format!("bundle {number}, {}", moment(when)))
    };
    let way = |way: &OnTheWay| format!("{}: {}", bundles(&way.bundles), amount(way));
    facts.add("Last applied", place(peer.last_applied));
    facts.add("Last data", place(peer.last_data));
    facts.add("Waits here", waiting_words(peer).unwrap_or_else(|| "nothing".to_owned()));
    if let Some(note) = &peer.frozen {
        facts.add("STOPPED", note);
    }
    facts.add("Not sealed", number_of(peer.unsealed, "edit", "edits"));
    if peer.wants_snapshot {
        facts.add("Snapshot", "all rows are due, with the next seal");
    }
    if !peer.at_home.bundles.is_empty() {
        facts.add("In the outbox", way(&peer.at_home));
    }
    if let (Some((_, when)), false) = (peer.under_way.left, peer.under_way.bundles.is_empty()) {
        facts.add("On its way", format!("{}, since {}", way(&peer.under_way), moment(when)));
    }
    let at = |when: Option<Stamp>| when.map(|when| format!(", {}", moment(when))).unwrap_or_default();
    facts.add(
        "Confirmed",
        peer.confirmed
            .map_or("nothing yet".to_owned(), |(number, when)| format!("up to bundle {number}{}", at(when))),
    );
    facts.add("Six words", words);
    facts.add("Signing key", format!("{signing_key_id} {signing_key}"));
    facts.add("Encryption key", encryption_key);
    facts
}

/// What an order came to, as a sentence.
pub(crate) fn order_words(change: &SiteChange, dry_run: bool) -> String {
    let SiteChange { site, order, is_new, .. } = change;
    let is = if dry_run { "would be" } else { "is" };
    match (order, is_new) {
        (SiteOrder::Suspend, true) => format!("{site} {is} suspended."),
        (SiteOrder::Suspend, false) => format!("{site} is suspended already."),
        (SiteOrder::Resume, true) => {
            format!("{site} {} part again.", if dry_run { "would take" } else { "takes" })
        }
        (SiteOrder::Resume, false) => format!("{site} takes part already."),
        (SiteOrder::Revoke, true) => format!("{site} {is} revoked, for good."),
        (SiteOrder::Revoke, false) => format!("{site} is revoked already."),
        (SiteOrder::Resend, true) => {
            format!("{site} {} given all rows anew.", if dry_run { "would be" } else { "will be" })
        }
        (SiteOrder::Resend, false) => format!("{site} is due to be given all rows anew already."),
    }
}

/// What an order means, for what comes from the lab and for what goes to it.
pub(crate) fn order_facts(change: &SiteChange) -> Facts {
    let mut facts = Facts::default();
    match &change.account {
        AccountDoor::None => {}
        AccountDoor::Open => facts.add("Online", "its account here is let in again"),
        AccountDoor::Closed => facts.add("Online", "its account here is not let in any more"),
        AccountDoor::Half { statement } => facts.add(
            "Online",
            format!("its mail here is turned off or on; as an administrator of the server, too: {statement}"),
        ),
    }
    let snapshot = "all rows, as a snapshot, with the next export or with its stick's next import";
    let kept = "changes of its own that it has not sent stay, and are sent as always";
    match (change.order, change.is_new) {
        (SiteOrder::Suspend, _) => {
            facts.add("From it", "its bundles wait with it; none is applied");
            facts.add("To it", "nothing is sealed or copied for it");
            facts.add("The log", "goes on without it; it comes back by a snapshot");
        }
        (SiteOrder::Resume | SiteOrder::Resend, true) => {
            facts.add("To it", snapshot);
            facts.add("There", kept);
        }
        (SiteOrder::Resume | SiteOrder::Resend, false) if change.wants_snapshot => {
            facts.add("To it", snapshot)
        }
        (SiteOrder::Resume | SiteOrder::Resend, false) => {}
        (SiteOrder::Revoke, _) => {
            facts.add("From it", "every bundle of it is refused from now on");
            facts.add("To it", revoked_outbox(change.removed));
            facts.add("Sticks", "bundles for it that are on a stick already can still be read with its keys");
        }
    }
    facts
}

fn revoked_outbox(removed: u64) -> String {
    match removed {
        0 => "nothing more".to_owned(),
        many => {
            format!("nothing more; {} for it removed from the outbox", number_of(many, "bundle", "bundles"))
        }
    }
}

/// What comes after a lab was enrolled.
pub(crate) fn enrolled_next(enrolled: &Enrolled) -> String {
    format!("give {} to {}, {}", display_path(&enrolled.answer), enrolled.site, enrolled_there(enrolled))
}

/// The same from when the lab has its answer.
pub(crate) fn enrolled_there(enrolled: &Enrolled) -> String {
    let site = &enrolled.site;
    let file = enrolled.answer.file_name().map_or_else(String::new, |name| display_path(name.as_ref()));
    let round = match &enrolled.account {
        LabAccount::Made { .. } => "packmule sync; here, too: packmule sync, or packmule run".to_owned(),
        LabAccount::None | LabAccount::NotAllowed { .. } => format!(
            "packmule export; when its stick comes here: packmule import, which puts the rows for {site} on it"
        ),
    };
    format!("and read the centre's six words to it by telephone; there: packmule join {file}, then {round}")
}
