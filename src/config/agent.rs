//! `[agent]`: what `packmule run` may do by itself.

use crate::config::error::Error;
use crate::config::reader::Section;
use crate::model::Role;

/// What the agent may do by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// Whether it exchanges with sticks that are plugged in, where they carry a `packmule` folder already.
    pub sticks: bool,
    /// How many labs a centre serves at once.
    pub workers: u16,
    /// Whether this computer seals what waits for the labs. Where several computers run the centre's agent, one does.
    pub seals: bool,
}

const WORKERS_DEFAULT: u16 = 2;
const WORKERS_MAX: u16 = 64;

impl Agent {
    pub(super) fn read(section: &Section<'_>, role: Role) -> Result<Self, Error> {
        let known: &[&str] = match role {
            Role::Central => &["sticks", "workers", "seals"],
            Role::Lab => &["sticks"],
        };
        section.only(known)?;
        let sticks = section.shown_or("sticks", section.truth("sticks")?, false);
        let (workers, seals) = match role {
            Role::Central => (
                section.shown_or("workers", section.whole("workers", 1..=WORKERS_MAX)?, WORKERS_DEFAULT),
                section.shown_or("seals", section.truth("seals")?, true),
            ),
            Role::Lab => (1, true),
        };
        Ok(Agent { sticks, workers, seals })
    }
}
