//! What this site remembers: who it is, whom it knows, what was sealed and applied, and every conflict ever met.

mod bundles;
mod clock;
mod conflicts;
mod decisions;
mod error;
mod here;
mod histories;
mod insight;
mod kept;
mod keys;
mod lines;
mod log;
mod mail_accounts;
mod overview;
mod own_names;
mod parked;
mod prune;
mod series;
mod sites;
mod streams;
mod tables;
mod users;
mod waiting;

pub use bundles::{
    BundleRecord, BundleState, Way, bundles_of, find_bundle, last_snapshot, last_with_content, record_bundle,
    record_carried, unconfirmed_bundles,
};
pub use clock::{ClockState, load_clock, remember_clock};
pub use conflicts::{
    Conflict, Outcome, Status, ensure_conflict_log, open_conflicts, record_conflicts, was_too_long,
};
pub use decisions::{
    Action, Decision, LineUpdate, LogPlace, NewRow, decisions_of, last_log_id, log_decision, log_place,
    logged_after, record_decision, update_line,
};
pub use error::Error;
pub use here::{Here, create_here, join_here, load_here, next_batch, prepare};
pub use histories::{
    change_central_history, change_history, follow_history, may_come_again, other_histories, sealed_digests,
};
pub use insight::{
    BundlePlace, BundleRange, HeardDay, LabWords, PROGRAM_CHARS_MAX, SERVER_CHARS_MAX, add_to_day,
    bundles_before, day_counts, heard_before, heard_by_day, knows_console, lab_words, newest_of_stream,
    prune_days, record_lab,
};
pub use kept::{
    Kept, KeptRows, Why, first_kept_bundle, forget_older_words, forget_words, keep_words, kept_count,
    kept_summary, kept_words,
};
pub use keys::{
    RetiredKey, begin_rotation, end_key, forget_untold, knows_keys, retired_keys, take_keys, untold_sites,
};
pub use lines::{
    EarlierState, Line, LineCount, LineFilter, LineHead, applied_before, count_lines, earlier_states,
    find_line, line_heads, line_heads_before, lines, open_beside,
};
pub use log::{
    LoggedRow, RowHistory, RowTime, answer_rows, last_own_batches, log_rows, logged_here, own_batches_after,
    own_changes, own_deletes, row_histories,
};
pub use mail_accounts::{mail_account, turn_mail, write_mail_account};
pub use overview::{
    Author, OpenEdits, Unsealed, all_unconfirmed, newest_applied, newest_sealed, newest_with_content,
    open_edits, unsealed_rows,
};
pub use own_names::OwnNames;
pub use parked::{
    LogMark, ParkedGroup, ParkedLine, Settled, Tried, has_news, lock_parked, lock_streams_from, log_mark,
    parked_groups, parked_lines, record_tried, settle_parked, still_parked, tried,
};
pub use prune::{batch_before, confirmed_batch, last_prunable_bundle, prune_log, unconfirmed_log_rows};
pub use series::{SeriesState, load_series, remember_rekeyed, remember_series};
pub use sites::{
    KnownSite, SiteState, add_site, find_site, next_number, renew_site, set_site_state, sites, want_snapshot,
};
pub use streams::{
    Stream, StreamState, advance_stream, confirm_stream, freeze_stream, hold_stream, lock_stream,
    open_stream, streams, tell_stream,
};
pub use tables::{
    add_tables, record_start, remove_tables, set_direction, shared_tables, started_tables, table_directions,
};
pub use users::{
    PasswordHash, User, add_user, find_user, lock_admins, record_sign_in, remove_user, set_password,
    set_user_role, users,
};
pub use waiting::{Waiting, end_conflicts, has_waiting, join_conflicts, waiting};
