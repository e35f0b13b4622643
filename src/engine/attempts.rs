//! Work in the database that is done again where it was broken off through nobody's fault.

use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::monitor::Notice;

/// Does work as often as its error says that the whole of it may succeed another time, five times at most; the monitor is told
/// of each. `work` leaves nothing half done, and is told which attempt it is, from 1 on.
pub(super) fn attempts<T>(
    home: &Home<'_>,
    may_pass: impl Fn(&Error) -> bool,
    mut work: impl FnMut(u32) -> Result<T, Error>,
) -> Result<T, Error> {
    const ATTEMPTS_MAX: u32 = 5;
    let mut attempts = 1;
    loop {
        match work(attempts) {
            Err(error) if may_pass(&error) && attempts < ATTEMPTS_MAX => {
                home.monitor.notice(Notice::Retried { attempts });
                attempts += 1;
            }
            outcome => return outcome,
        }
    }
}
