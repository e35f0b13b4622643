//! The answer to an import: receipts and what waits for the sites met there go back by the same stick.

use std::path::Path;

use crate::engine::carry::{Carried, CarryTo, carry};
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::seal::{SealReport, seal};
use crate::model::{Role, Site};

/// What went back.
#[derive(Debug, Default)]
pub struct Reply {
    /// What was sealed.
    pub sealed: SealReport,
    /// What was copied to the stick.
    pub carried: Carried,
}

/// Seals, and copies to `place` what waits for the sites that were met there. A lab always answers its centre.
pub fn reply<'s>(
    home: &mut Home<'_>,
    place: &Path,
    met: impl IntoIterator<Item = &'s Site>,
) -> Result<Reply, Error> {
    let to = match home.role() {
        Role::Lab => CarryTo::All,
        Role::Central => CarryTo::Only(met.into_iter().cloned().collect()),
    };
    let sealed = seal(home)?;
    let carried = carry(home, place, &to)?;
    Ok(Reply { sealed, carried })
}
