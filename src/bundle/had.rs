//! What the centre has of a lab's histories that are over, as it stands in the head of its bundles for that lab.
//!
//! A receipt speaks of the history of now. A lab whose database was put back carries the end of the one before out of its outbox,
//! and has no other way to learn that it has arrived.

use serde::{Deserialize, Serialize};

use crate::model::{Incarnation, Seq};

/// The name under which these stand in [`crate::bundle::PayloadHead::settings`].
pub const HAD_SETTING: &str = "had";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Had {
    incarnation: String,
    /// The number of the last bundle that was applied.
    last: u64,
}

/// Writes histories that are over, each with its last bundle that was applied, as the value of [`HAD_SETTING`].
pub fn had_to_setting(histories: &[(Incarnation, Seq)]) -> String {
    let had = |(incarnation, last): &(Incarnation, Seq)| Had {
        incarnation: incarnation.to_string(),
        last: last.number(),
    };
    let histories: Vec<Had> = histories.iter().map(had).collect();
    serde_json::to_string(&histories).expect("texts and numbers are always JSON")
}

/// Reads the value of [`HAD_SETTING`]. `None` for anything that a writer of today does not write.
pub fn had_from_setting(text: &str) -> Option<Vec<(Incarnation, Seq)>> {
    let histories: Vec<Had> = serde_json::from_str(text).ok()?;
    histories.into_iter().map(|had| Some((had.incarnation.parse().ok()?, Seq::new(had.last)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_are_read_as_they_were_written_and_nothing_else_is() {
        let histories = [(Incarnation::from_bytes([7; 16]), Seq::new(9).unwrap())];
        assert_eq!(had_from_setting(&had_to_setting(&histories)), Some(histories.to_vec()));
        assert_eq!(had_from_setting(&had_to_setting(&[])), Some(Vec::new()));
        for text in ["", "{}", r#"[{"incarnation":"x","last":1}]"#, r#"[{"last":1}]"#] {
            assert_eq!(had_from_setting(text), None, "{text}");
        }
        let zero = had_to_setting(&histories).replace('9', "0");
        assert_eq!(had_from_setting(&zero), None);
    }
}
