//! The stages joined as straight code. Each file is one thing that a person asks for.
//!
//! The engine reads the clock, the settings and the keys, and hands the stages what they need.

mod arrivals;
mod attempts;
mod carry;
mod centre_line;
mod clock;
mod doctor;
mod enrol;
mod error;
mod fanout;
mod feed;
mod follow;
mod history;
mod home;
mod insight;
mod intake;
mod join;
mod key_care;
mod lab_account;
mod lost_keys;
mod mail;
mod new_keys;
mod outbox;
mod overdue;
mod own_account;
mod pages;
mod parked;
mod peers;
mod prune;
mod ready;
mod receive;
mod receivers;
mod record;
mod recover;
mod recover_central;
mod rekey;
mod reply;
mod review;
mod rights;
mod rotate;
mod rules;
mod seal;
mod series;
mod setup;
mod sites;
mod standing;
mod status;
mod stored;
mod stream;
mod succession;
mod tables;
mod timeline;
mod users;
mod verify;
mod watch;

pub use carry::{Carried, CarriedBundle, CarryTo, carry};
pub use doctor::{Check, Health, doctor};
pub use enrol::{AccountOptions, Enrolled, enrol};
pub use error::{Cause, Error};
pub use history::history;
pub use home::{Home, Portion};
pub use insight::{DayLag, LabFacts, TableDay, lab_facts, lag_by_day, rows_by_day};
pub use join::{Adoption, JoinOptions, JoinPreview, Joined, OnlineAccess, join, open_answer, preview_join};
pub use key_care::{KeyFacts, backup_keys, key_facts, protect_keys, restore_keys, unprotect_keys};
pub use lab_account::{AccountDoor, LabAccount};
pub use mail::{
    FetchedBundle, LineOptions, MailLine, Pull, PullPreview, Push, PushPreview, Pushed, PushedBundle,
    Unfetched, preview_pull, preview_push, pull, push,
};
pub use overdue::LATE_DAYS;
pub use pages::{BundleCursor, BundleFilter, BundlePage, Heading, ParseCursorError, bundle_page};
pub use parked::{ParkedOptions, retry_parked, retry_parked_calmly};
pub use peers::{Held, OnTheWay, PeerStatus};
pub use prune::{Pruned, clean, prune};
pub use receive::{Import, ImportOptions, Item, ItemOutcome, import, waits_here};
pub use recover::{Lost, Recovered, look_for_losses, recover};
pub use recover_central::{LostFor, look_for_central_losses, recover_central};
pub use rekey::{ColumnMove, Refusal, RekeyPlan};
pub use reply::{Reply, reply};
pub use review::{
    Choice, Decided, Done, Fingerprint, Listed, Manner, Outcome as BulkOutcome, Pick, Preview, Related,
    ReviewFault, Sample, Shown, ShownRow, Wanted, count_conflicts, decide, decide_all, export_conflicts,
    list_conflicts, list_newest_conflicts, open_conflicts, preview_decisions, reopen, reopen_all, show,
};
pub use rotate::{Rotated, preview_rotation, rotate};
pub use rules::{RuleFault, RuleProblem};
pub use seal::{SealReport, SealedStream, count_unsealed, seal};
pub use series::{SeriesOutcome, SeriesReport, ServerSettings};
pub use setup::{Init, InitPreview, InitReport, init, preview};
pub use sites::{
    SiteChange, SiteDetails, SiteOrder, all_site_details, change_site, expect_active_labs, preview_change,
    site, sites,
};
pub use standing::{Standing, standing};
pub use status::{Status, status};
pub use stored::{free_bytes, import_usually, stored_bundles, stored_path, verify_stored};
pub use tables::{Remark, TableReport, TableState, add_tables, check_tables, list_tables, remove_tables};
pub use timeline::{Slot, SlotState, Timeline, timeline};
pub use users::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, UserFault, add_user, change_password, find_user, remove_user,
    set_user_role, sign_in, users,
};
pub use verify::{Proof, inspect, verify};
pub use watch::Watch;
