//! What may happen in a random world, and how often.
//!
//! Something new that may happen (a person decides what waits, the line breaks, a server is killed) is an event more, with its
//! weight among the others and its doing in `world/`.

/// Something that happens at or between the sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// People edit rows somewhere.
    Edit,
    /// A lab puts its changes on a stick.
    Export,
    /// The centre takes a lab's stick in and answers on it.
    Visit,
    /// A lab takes in its stick.
    BringHome,
    /// The centre takes a stick in and does not answer.
    VisitUnanswered,
    /// A lab takes a stick in and does not answer.
    BringHomeUnanswered,
    /// The centre writes to a lab's stick without looking what is on it.
    ExportOfCentre,
    /// A lab clears what has come to an end off its stick.
    CleanStick,
    /// A stick is lost, and an empty one takes its place.
    LoseStick,
    /// Somebody copies a stick.
    CopyStick,
    /// An old copy of a stick turns up.
    BringCopy,
    /// A file on a stick is cut short, or one of its bits turned.
    Damage,
    /// A transaction is begun that stays open, or goes on.
    Hold,
    /// An open transaction ends.
    Release,
    /// A lab is to be given all rows anew.
    StartAnew,
}

impl Event {
    /// Whether a lab that can reach the centre would as well use the network.
    pub(super) fn has_a_stick_for_a_road(self) -> bool {
        match self {
            Event::Export
            | Event::Visit
            | Event::BringHome
            | Event::VisitUnanswered
            | Event::BringHomeUnanswered
            | Event::ExportOfCentre => true,
            Event::Edit
            | Event::CleanStick
            | Event::LoseStick
            | Event::CopyStick
            | Event::BringCopy
            | Event::Damage
            | Event::Hold
            | Event::Release
            | Event::StartAnew => false,
        }
    }
}

/// How often each happens, of a hundred.
pub(crate) const EVENTS: &[(u32, Event)] = &[
    (45, Event::Edit),
    (9, Event::Export),
    (12, Event::Visit),
    (11, Event::BringHome),
    (2, Event::VisitUnanswered),
    (2, Event::BringHomeUnanswered),
    (3, Event::ExportOfCentre),
    (1, Event::CleanStick),
    (2, Event::LoseStick),
    (2, Event::CopyStick),
    (3, Event::BringCopy),
    (2, Event::Damage),
    (3, Event::Hold),
    (2, Event::Release),
    (1, Event::StartAnew),
];

/// The event at a place among the weights, counted from the first.
pub(super) fn event_at(events: &[(u32, Event)], place: u32) -> Event {
    let mut left = place;
    for (weight, event) in events {
        match left.checked_sub(*weight) {
            None => return *event,
            Some(rest) => left = rest,
        }
    }
    panic!("{place} is beyond all weights");
}
