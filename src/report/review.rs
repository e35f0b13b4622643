//! Decisions that cannot be made so, in words: why, and what to do instead. Nothing has changed then.

use crate::conflict::Kind;
use crate::engine::ReviewFault;
use crate::report::Report;
use crate::report::exit::Exit;

impl From<ReviewFault> for Report {
    fn from(fault: ReviewFault) -> Self {
        let cause = match cause(&fault) {
            Some(cause) => format!("{cause}; nothing was changed"),
            None => "nothing was changed".to_owned(),
        };
        let report = Report::new(code(&fault), fault.to_string()).because(cause);
        hints(&fault).into_iter().fold(report, Report::hint)
    }
}

fn code(fault: &ReviewFault) -> Exit {
    match fault {
        ReviewFault::NoSuch { .. }
        | ReviewFault::DecidedByPerson { .. }
        | ReviewFault::IsOpen { .. }
        | ReviewFault::ByRule { .. }
        | ReviewFault::AnotherRow { .. }
        | ReviewFault::KeyTaken { .. }
        | ReviewFault::KeyIsFixed { .. }
        | ReviewFault::NoColumn { .. }
        | ReviewFault::NotHex { .. }
        | ReviewFault::NothingToMix { .. } => Exit::WrongUse,
        ReviewFault::TableChanged { .. } => Exit::TablesDiffer,
        ReviewFault::RowNotKept { .. }
        | ReviewFault::Refused { .. }
        | ReviewFault::Altered { .. }
        | ReviewFault::Doubted { .. }
        | ReviewFault::NotLogged { .. }
        | ReviewFault::Sent { .. }
        | ReviewFault::EditedSince { .. }
        | ReviewFault::Followed { .. } => Exit::Failed,
    }
}

/// Why it is so, where the first line does not say it.
fn cause(fault: &ReviewFault) -> Option<String> {
    Some(match fault {
        ReviewFault::NoSuch { .. } | ReviewFault::NoColumn { .. } | ReviewFault::NothingToMix { .. } => {
            return None;
        }
        ReviewFault::DecidedByPerson { action, by, at, .. } => {
            format!("{by} decided it {} UTC: {action}", at.to_words())
        }
        ReviewFault::IsOpen { .. } => "there is nothing to take back".to_owned(),
        ReviewFault::ByRule { rule, .. } => rule.clone(),
        ReviewFault::TableChanged { why, .. } => why.clone(),
        ReviewFault::RowNotKept { whose, .. } => {
            format!("{whose} row was too long to be kept, or the table has lost columns since")
        }
        ReviewFault::AnotherRow { labs_key, .. } => {
            format!("the lab's row is {labs_key}, which the collation here takes for the same")
        }
        ReviewFault::KeyTaken { .. } => "a third row is never written over".to_owned(),
        ReviewFault::KeyIsFixed { .. } => "only a row that the lab has made can get another key".to_owned(),
        ReviewFault::NotHex { .. } => "they are written as 0x and hexadecimal digits".to_owned(),
        ReviewFault::Refused { words, .. } => words.clone(),
        ReviewFault::Altered { wanted, found, .. } => format!("it would be {found} instead of {wanted}"),
        ReviewFault::Doubted { .. } => {
            "its character set has bytes without a character in Unicode".to_owned()
        }
        ReviewFault::NotLogged { table } => {
            format!("packmule's triggers on table {table} are missing or were changed")
        }
        ReviewFault::Sent { bundles, .. } if bundles.is_empty() => "the labs have confirmed it".to_owned(),
        ReviewFault::Sent { bundles, .. } => format!("it is in {}", bundles.join(", ")),
        ReviewFault::EditedSince { .. } => "that edit would be lost".to_owned(),
        ReviewFault::Followed { rows, .. } => format!("they would not come back: {rows}"),
    })
}

/// What to do instead, best as a command to copy.
fn hints(fault: &ReviewFault) -> Vec<String> {
    let show = |id: &u64| format!("packmule conflicts show {id}");
    vec![match fault {
        ReviewFault::NoSuch { .. } => "those that there are: packmule conflicts list --status all".to_owned(),
        ReviewFault::DecidedByPerson { id, .. } => {
            format!("take that back first: packmule conflicts reopen {id}")
        }
        ReviewFault::IsOpen { id } => show(id),
        ReviewFault::ByRule { id, .. } => {
            format!("decide otherwise: packmule conflicts approve {id}, reject {id} or merge {id}")
        }
        ReviewFault::TableChanged { .. } => {
            "what its rows were: packmule conflicts show; reject what needs no edit any more".to_owned()
        }
        ReviewFault::RowNotKept { id, .. } => {
            format!("edit the row in the application, then: packmule conflicts reject {id}")
        }
        ReviewFault::AnotherRow { id, .. } => {
            format!("give it another key: packmule conflicts merge {id} --set KEY=VALUE")
        }
        ReviewFault::KeyTaken { .. } => "give another key".to_owned(),
        ReviewFault::NoColumn { near: Some(near), .. } => format!("did you mean \"{near}\"?"),
        ReviewFault::NoColumn { near: None, .. } => "its columns: packmule -v conflicts show ID".to_owned(),
        ReviewFault::KeyIsFixed { .. } | ReviewFault::NotHex { .. } | ReviewFault::NothingToMix { .. } => {
            "what can be put together: packmule conflicts merge --help".to_owned()
        }
        ReviewFault::Refused { kind, .. } => return of_refused(*kind),
        ReviewFault::Altered { .. } => {
            "give the value as the column spells it: packmule conflicts merge ID --set COLUMN=VALUE"
                .to_owned()
        }
        ReviewFault::Doubted { .. } => {
            "delete the row in the application, then reject the conflict".to_owned()
        }
        ReviewFault::NotLogged { .. } => "packmule doctor".to_owned(),
        ReviewFault::Sent { id, .. } => {
            format!(
                "edit the row in the application, which travels like any edit; what was decided: {}",
                show(id)
            )
        }
        ReviewFault::EditedSince { id } => {
            format!("look at it, and edit the row in the application: {}", show(id))
        }
        ReviewFault::Followed { .. } => {
            "make the rows again in the application, which travels like any edit".to_owned()
        }
    }]
}

fn of_refused(kind: Kind) -> Vec<String> {
    let hint = match kind {
        Kind::Orphan => "make the row that it needs, or delete those that need it, then decide again",
        Kind::Unique => {
            "free the value in the other row, or give another one: packmule conflicts merge ID --set COLUMN=VALUE"
        }
        Kind::Value | Kind::Changed | Kind::Missing | Kind::Exists => {
            "give a value that fits: packmule conflicts merge ID --set COLUMN=VALUE"
        }
    };
    vec![hint.to_owned(), "what belongs to it: packmule conflicts show ID".to_owned()]
}
