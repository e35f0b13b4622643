//! What people do while they are offline: the SQL that is really run, and the same in words.

use super::stage::Place;

/// Some work at one place.
pub(super) struct Work {
    /// Where.
    pub(super) place: Place,
    /// What was done, in words.
    pub(super) words: &'static [&'static str],
    /// What is run.
    pub(super) sql: &'static str,
}

/// The tables of the inventory.
pub(super) const SCHEMA: &str = include_str!("../../schema/demo/schema.sql");
/// What the centre holds at the start.
pub(super) const SEED: &str = include_str!("../../schema/demo/seed.sql");

/// The chemistry store's offline week.
pub(super) const WEEK_OF_LAB_A: Work = Work {
    place: Place::LabA,
    words: &[
        "a delivery: a new supplier, a box of flasks, 2.5 l of silver nitrate",
        "chemicals are used: 0.75 kg of sodium hydroxide, 3 l of ethanol",
        "the rotary evaporator is mended, the hot plate is beyond repair",
        "a loan is typed in by mistake and taken out again",
    ],
    sql: include_str!("../../schema/demo/lab-a.sql"),
};

/// The physics store's.
pub(super) const WEEK_OF_LAB_B: Work = Work {
    place: Place::LabB,
    words: &[
        "the Geiger counter comes back, an oscilloscope is lent, an old loan is struck",
        "a new room; the resistors move there, so the key of their stock row changes",
        "a mistyped price is put right, a photo is added, a laser is repaired",
    ],
    sql: include_str!("../../schema/demo/lab-b.sql"),
};

/// The central office's.
pub(super) const WEEK_OF_CENTRAL: Work = Work {
    place: Place::Central,
    words: &["a supplier's telephone, a department's new name, old ethanol is struck"],
    sql: include_str!("../../schema/demo/central.sql"),
};

/// Edits that meet. lab-a's note of the ethanol is the later one, and reaches the centre first.
pub(super) const CLASHES: [Work; 3] = [
    Work {
        place: Place::LabB,
        words: &[
            "lab-b takes 2 l of the ethanol and notes on it: \"Nearly used up\"",
            "lab-b completes the report on the laser, and prolongs a loan to 10 December",
        ],
        sql: "UPDATE stock SET quantity = quantity - 2 WHERE item_id = 5 AND location_id = 2;
              UPDATE items SET note = 'Nearly used up' WHERE asset_tag = 'KU-CHE-0005';
              UPDATE repairs SET report = 'Tube changed' WHERE technician = 'Peter Mutua';
              UPDATE loans SET due_on = '2026-12-10' WHERE returned_at IS NULL",
    },
    Work {
        place: Place::LabA,
        words: &["lab-a takes 3 l of the ethanol, and later notes: \"40 l ordered on 16 Nov\""],
        sql: "UPDATE stock SET quantity = quantity - 3 WHERE item_id = 5 AND location_id = 2;
              UPDATE items SET note = '40 l ordered on 16 Nov' WHERE asset_tag = 'KU-CHE-0005'",
    },
    Work {
        place: Place::Central,
        words: &["the centre enters the laser's bill, 900.00, and ends the loan on 20 November"],
        sql: "UPDATE repairs SET cost = 900 WHERE technician = 'Peter Mutua';
              UPDATE loans SET due_on = '2026-11-20' WHERE returned_at IS NULL",
    },
];

/// What the console of the demo shows: edits of several kinds that do not go together. What they are is seen there.
pub(super) const LEFT_TO_DECIDE: [Work; 3] = [
    Work {
        place: Place::LabB,
        words: &[],
        sql: "UPDATE stock SET quantity = quantity - 2 WHERE item_id = 5 AND location_id = 2;
              UPDATE items SET note = 'Nearly used up', price = 1020 WHERE asset_tag = 'KU-CHE-0005';
              UPDATE items SET note = 'Objective 40x is scratched', status = 'in repair' WHERE asset_tag = 'KU-BIO-0001';
              UPDATE loans SET due_on = '2026-12-10' WHERE returned_at IS NULL;
              UPDATE repairs SET report = 'Tube changed' WHERE technician = 'Peter Mutua'",
    },
    Work {
        place: Place::LabA,
        words: &[],
        sql: "UPDATE stock SET quantity = quantity - 3 WHERE item_id = 5 AND location_id = 2;
              UPDATE items SET note = '40 l ordered on 16 Nov' WHERE asset_tag = 'KU-CHE-0005';
              UPDATE items SET status = 'in store', price = 398000 WHERE asset_tag = 'KU-CHE-0003';
              INSERT INTO suppliers (name, telephone) VALUES ('Thika Lab Supplies', '+254 67 555 0123');
              INSERT INTO loans (item_id, borrower, lent_at, due_on)
                VALUES (1, 'Mwangi Kariuki', '2026-11-16 10:00:00', '2026-11-30')",
    },
    Work {
        place: Place::Central,
        words: &[],
        sql: "UPDATE items SET note = 'Order at Mombasa Chemical Stores', price = 1100 WHERE asset_tag = 'KU-CHE-0005';
              UPDATE items SET price = 405000 WHERE asset_tag = 'KU-CHE-0003';
              UPDATE loans SET due_on = '2026-11-20' WHERE returned_at IS NULL;
              UPDATE repairs SET cost = 900 WHERE technician = 'Peter Mutua';
              INSERT INTO suppliers (name, email) VALUES ('Thika Lab Supplies', 'office@tls.example');
              DELETE FROM items WHERE asset_tag IN ('KU-CHE-0001', 'KU-BIO-0001')",
    },
];

/// Two bundles' worth of work at the physics store; the first is lost on its way.
pub(super) const LOST: [Work; 2] = [
    Work {
        place: Place::LabB,
        words: &[],
        sql: "UPDATE items SET note = 'Probe is missing' WHERE asset_tag = 'KU-PHY-0001'",
    },
    Work {
        place: Place::LabB,
        words: &[],
        sql: "UPDATE items SET note = 'Calibrated on 17 Nov' WHERE asset_tag = 'KU-PHY-0004'",
    },
];

/// More work at the chemistry store, one bundle each.
pub(super) const LATER: [Work; 2] = [
    Work {
        place: Place::LabA,
        words: &["2 kg of sodium hydroxide are used"],
        sql: "UPDATE stock SET quantity = quantity - 2 WHERE item_id = 4 AND location_id = 2",
    },
    Work {
        place: Place::LabA,
        words: &["1.5 kg of sodium hydroxide are used: the same row once more"],
        sql: "UPDATE stock SET quantity = quantity - 1.5 WHERE item_id = 4 AND location_id = 2",
    },
];
