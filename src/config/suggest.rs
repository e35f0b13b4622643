//! "Did you mean": the known name that a mistyped one is closest to.

/// Returns the name in `known` that is at most two slips (three in long names) away from `typed`.
///
/// A swapped pair of letters counts as one slip. Where two names are equally close the first one wins.
pub fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    // Nobody mistypes a name into something this long, and the comparison takes its square in time.
    if typed.len() > 64 {
        return None;
    }
    let slips_max = match typed.chars().count() {
        0..=2 => 1,
        3..=7 => 2,
        _ => 3,
    };
    known
        .iter()
        .map(|name| (slips(&typed.to_lowercase(), name), *name))
        .filter(|(count, name)| *count <= slips_max && *count < name.chars().count())
        .min_by_key(|(count, _)| *count)
        .map(|(_, name)| name)
}

/// Letters to insert, remove, replace or swap with their neighbour until `a` reads `b`.
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        let known = ["role", "site", "state", "database", "sync"];
        assert_eq!(nearest("databse", &known), Some("database"));
        assert_eq!(nearest("Role", &known), Some("role"));
        assert_eq!(nearest("snyc", &known), Some("sync"));
        assert_eq!(nearest("elephant", &known), None);
        assert_eq!(nearest("", &known), None);
        assert_eq!(nearest(&"x".repeat(100_000), &known), None);
    }
}
