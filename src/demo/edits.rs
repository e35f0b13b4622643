//! What people do at the labs while they are offline: the SQL that is really run, and the same in words.

/// Some work at a lab.
pub(super) struct Work {
    /// What was done, in words.
    pub(super) words: &'static [&'static str],
    /// What is run.
    pub(super) sql: &'static str,
}

/// The tables of the inventory.
pub(super) const SCHEMA: &str = include_str!("../../schema/demo/schema.sql");
/// What all three databases hold at the start.
pub(super) const SEED: &str = include_str!("../../schema/demo/seed.sql");

/// The chemistry store's offline week.
pub(super) const LAB_A: Work = Work {
    words: &[
        "a delivery: a new supplier, a box of flasks, 2.5 l of silver nitrate",
        "chemicals are used: 0.75 kg of sodium hydroxide, 3 l of ethanol",
        "the rotary evaporator is mended, the hot plate is beyond repair",
        "a loan is typed in by mistake and taken out again",
    ],
    sql: include_str!("../../schema/demo/lab-a.sql"),
};

/// The physics store's.
pub(super) const LAB_B: Work = Work {
    words: &[
        "the Geiger counter comes back, an oscilloscope is lent, an old loan is struck",
        "a new room; the resistors move there, so the key of their stock row changes",
        "a mistyped price is put right, a photo is added, a laser is repaired",
    ],
    sql: include_str!("../../schema/demo/lab-b.sql"),
};

/// More work at the chemistry store, one bundle each.
pub(super) const LATER: [Work; 3] = [
    Work {
        words: &["the balance is calibrated, and a note says so"],
        sql: "UPDATE items SET note = 'Calibrated on 16 Nov' WHERE asset_tag = 'KU-CHE-0001'",
    },
    Work {
        words: &["2 kg of sodium hydroxide are used"],
        sql: "UPDATE stock SET quantity = quantity - 2 WHERE item_id = 4 AND location_id = 2",
    },
    Work {
        words: &["1.5 kg of sodium hydroxide are used: the same row once more"],
        sql: "UPDATE stock SET quantity = quantity - 1.5 WHERE item_id = 4 AND location_id = 2",
    },
];
