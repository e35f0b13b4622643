//! Which of a set of changes can be written together, where each may need what another brings or takes away. Pure: all that it
//! knows of the database are counts.
//!
//! A change that is left out leaves its row as it is, which may be in the way of others or be what they need; so one that cannot
//! be written may keep out many more. Each value is looked at again only when something about it has changed, so that the
//! whole costs no more than the ties that there are, however long their chains.

/// How a change and a value have to do with each other: a value of a foreign key, or of a unique one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    /// Its row will point to a parent with this value.
    Needs,
    /// Its row will be a parent with this value.
    Brings,
    /// Its row is a parent with this value by now.
    IsParent,
    /// Its row is a parent with this value by now, and will not be.
    Takes,
    /// Its row points to this value by now.
    IsChild,
    /// Its row will hold this unique value.
    Wants,
    /// Its row holds this unique value by now.
    Holds,
}

/// What is known of one value.
#[derive(Debug, Default)]
struct Knot {
    /// How many rows will be parents with it.
    parents: u64,
    /// How many rows will point to it that are not written.
    children: u64,
    /// How many rows that are not written hold it.
    holders: u64,
    /// The changes that cannot be written without a parent, and those that may not take the last parent away from a child.
    needing: Vec<usize>,
    taking: Vec<usize>,
    /// The changes that cannot be written while somebody else holds it.
    wanting: Vec<usize>,
}

impl Knot {
    /// The changes that cannot be written as it is now. They are named once.
    fn refused(&mut self) -> Vec<usize> {
        let mut refused = Vec::new();
        if self.parents == 0 {
            refused.append(&mut self.needing);
        }
        if self.parents == 0 && self.children > 0 {
            refused.append(&mut self.taking);
        }
        if self.holders > 0 {
            refused.append(&mut self.wanting);
        }
        refused
    }
}

/// A set of changes, the values that tie them, and who is left out so far.
#[derive(Debug)]
pub(super) struct Ties {
    knots: Vec<Knot>,
    /// Of each change: what its row is by now, and what it will not be when it is left out.
    leaving: Vec<Vec<(usize, Tie)>>,
    is_out: Vec<bool>,
}

impl Ties {
    /// As many changes, which nothing ties yet.
    pub(super) fn new(changes: usize) -> Self {
        Ties { knots: Vec::new(), leaving: vec![Vec::new(); changes], is_out: vec![false; changes] }
    }

    /// One more value, and its number.
    pub(super) fn knot(&mut self) -> usize {
        self.knots.push(Knot::default());
        self.knots.len() - 1
    }

    /// A change has to do with a value.
    pub(super) fn tie(&mut self, change: usize, value: usize, tie: Tie) {
        let (Some(knot), Some(leaving)) = (self.knots.get_mut(value), self.leaving.get_mut(change)) else {
            return;
        };
        match tie {
            Tie::Needs => knot.needing.push(change),
            Tie::Takes => knot.taking.push(change),
            Tie::Wants => knot.wanting.push(change),
            Tie::Brings => {
                knot.parents += 1;
                leaving.push((value, tie));
            }
            Tie::IsParent | Tie::IsChild | Tie::Holds => leaving.push((value, tie)),
        }
    }

    /// Rows beside the set are parents with this value, point to it, or hold it.
    pub(super) fn beside(&mut self, value: usize, tie: Tie, rows: u64) {
        if let Some(knot) = self.knots.get_mut(value) {
            match tie {
                Tie::IsParent => knot.parents += rows,
                Tie::IsChild => knot.children += rows,
                Tie::Holds => knot.holders += rows,
                Tie::Needs | Tie::Brings | Tie::Takes | Tie::Wants => {}
            }
        }
    }

    /// Leaves out all that cannot be written whatever else is.
    pub(super) fn settle(&mut self) {
        let refused: Vec<usize> = self.knots.iter_mut().flat_map(Knot::refused).collect();
        self.leave(refused);
    }

    /// Leaves these changes out, and all that cannot be written without them.
    pub(super) fn leave(&mut self, changes: impl IntoIterator<Item = usize>) {
        let mut open: Vec<usize> = changes.into_iter().collect();
        while let Some(change) = open.pop() {
            let Some(is_out) = self.is_out.get_mut(change).filter(|is_out| !**is_out) else {
                continue;
            };
            *is_out = true;
            let leaving = self.leaving.get_mut(change).map(std::mem::take).unwrap_or_default();
            for (value, tie) in &leaving {
                if let Some(knot) = self.knots.get_mut(*value) {
                    match tie {
                        Tie::Brings => knot.parents = knot.parents.saturating_sub(1),
                        Tie::IsParent => knot.parents += 1,
                        Tie::IsChild => knot.children += 1,
                        Tie::Holds => knot.holders += 1,
                        Tie::Needs | Tie::Takes | Tie::Wants => {}
                    }
                }
            }
            // Only now: a row that stays may be the parent that it would have been.
            for (value, _) in leaving {
                open.extend(self.knots.get_mut(value).map(Knot::refused).unwrap_or_default());
            }
        }
    }

    /// Whether a change is left out.
    pub(super) fn is_out(&self, change: usize) -> bool {
        self.is_out.get(change).copied().unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(ties: &mut Ties, changes: usize) -> Vec<usize> {
        ties.settle();
        (0..changes).filter(|change| !ties.is_out(*change)).collect()
    }

    /// A chain of rows, each the child of the one before it.
    fn chain(rows: usize, has_root: bool) -> Ties {
        let mut ties = Ties::new(rows);
        let knots: Vec<usize> = (0..=rows).map(|_| ties.knot()).collect();
        for row in 0..rows {
            ties.tie(row, knots[row], Tie::Needs);
            ties.tie(row, knots[row + 1], Tie::Brings);
        }
        ties.beside(knots[0], Tie::IsParent, u64::from(has_root));
        ties
    }

    #[test]
    fn a_chain_is_written_whole_or_not_at_all() {
        assert_eq!(left(&mut chain(4, true), 4), [0, 1, 2, 3]);
        assert_eq!(left(&mut chain(100_000, false), 100_000), [] as [usize; 0]);
    }

    #[test]
    fn what_is_refused_keeps_out_what_needs_it_and_nothing_else() {
        let mut ties = chain(4, true);
        ties.settle();
        ties.leave([2]);
        assert_eq!(left(&mut ties, 4), [0, 1]);
    }

    #[test]
    fn two_that_need_each_other_are_written_together() {
        let mut ties = Ties::new(2);
        let (a, b) = (ties.knot(), ties.knot());
        for (row, own, other) in [(0, a, b), (1, b, a)] {
            ties.tie(row, own, Tie::Brings);
            ties.tie(row, other, Tie::Needs);
        }
        assert_eq!(left(&mut ties, 2), [0, 1]);
    }

    /// The row 0 goes, 1 comes with its unique value, and 2 points to 1 instead of 0; `beside` rows point to 0 as well.
    fn another_key(beside: u64) -> Ties {
        let mut ties = Ties::new(3);
        let (old, new, unique) = (ties.knot(), ties.knot(), ties.knot());
        ties.tie(0, old, Tie::IsParent);
        ties.tie(0, old, Tie::Takes);
        ties.tie(0, unique, Tie::Holds);
        ties.tie(1, new, Tie::Brings);
        ties.tie(1, unique, Tie::Wants);
        ties.tie(2, old, Tie::IsChild);
        ties.tie(2, new, Tie::Needs);
        ties.beside(old, Tie::IsChild, beside);
        ties
    }

    #[test]
    fn a_parent_gets_another_key_with_all_its_children_or_not_at_all() {
        assert_eq!(left(&mut another_key(0), 3), [0, 1, 2]);
        assert_eq!(left(&mut another_key(1), 3), [] as [usize; 0]);
        let mut ties = another_key(0);
        ties.settle();
        // The child still points to the old row, which then has to stay.
        ties.leave([2]);
        assert_eq!(left(&mut ties, 3), [] as [usize; 0]);
    }

    #[test]
    fn a_parent_that_is_only_edited_is_one_whether_it_is_left_out_or_not() {
        let mut ties = Ties::new(2);
        let value = ties.knot();
        ties.tie(0, value, Tie::IsParent);
        ties.tie(0, value, Tie::Brings);
        ties.tie(1, value, Tie::Needs);
        ties.leave([0]);
        assert_eq!(left(&mut ties, 2), [1]);
    }

    #[test]
    fn a_unique_value_of_a_row_beside_them_keeps_out() {
        let mut ties = Ties::new(2);
        let (own, free) = (ties.knot(), ties.knot());
        ties.tie(0, own, Tie::Wants);
        ties.tie(1, free, Tie::Wants);
        ties.beside(own, Tie::Holds, 1);
        assert_eq!(left(&mut ties, 2), [1]);
    }
}
