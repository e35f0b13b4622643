//! What came of changes that had been set aside because they did not fit, in words.

use serde_json::{Value, json};

use crate::apply::Unparked;
use crate::report::phrase::{capital, number_of};

/// One sentence; `None` where nothing came of any.
pub(crate) fn unparked_line(unparked: &Unparked) -> Option<String> {
    let Unparked { fit, lost, waits, left: _ } = *unparked;
    let mut words = Vec::new();
    if fit > 0 {
        words.push(number_of(fit, "row that was set aside fits now", "rows that were set aside fit now"));
    }
    if lost > 0 {
        let what = number_of(lost, "row that was set aside would fit", "rows that were set aside would fit");
        words.push(format!("{what}, and by the rules the centre's stands"));
    }
    if waits > 0 {
        let what = number_of(waits, "row that was set aside would fit", "rows that were set aside would fit");
        words.push(format!("{what}, and the centre's was edited since: a person decides"));
    }
    (!words.is_empty()).then(|| capital(&format!("{}.", words.join("; "))))
}

/// The same for a program.
pub(crate) fn unparked_json(unparked: &Unparked) -> Value {
    let Unparked { fit, lost, waits, left } = unparked;
    json!({ "fit": fit, "central_stands": lost, "to_review": waits, "left": left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_rows_that_were_set_aside_is_said_in_a_sentence() {
        let line = |fit, lost, waits| unparked_line(&Unparked { fit, lost, waits, left: 9 });
        assert_eq!(line(0, 0, 0), None);
        assert_eq!(line(1, 0, 0).unwrap(), "1 row that was set aside fits now.");
        assert_eq!(
            line(3, 1, 2).unwrap(),
            "3 rows that were set aside fit now; 1 row that was set aside would fit, and by the rules the centre's stands; \
             2 rows that were set aside would fit, and the centre's was edited since: a person decides."
        );
    }
}
