-- What the technicians of lab-b, the physics store, do in their offline week. The server gives new rows the keys of
-- the lab's own series, so that they never meet those of lab-a or of the centre.

-- Students borrow and return.
UPDATE loans SET returned_at = '2026-11-12 15:05:00' WHERE id = 2;
UPDATE items SET status = 'lent' WHERE asset_tag = 'KU-PHY-0001';
INSERT INTO loans (item_id, borrower, lent_at, due_on)
SELECT id, 'Achieng'' Odhiambo', '2026-11-12 15:20:00', '2026-11-26' FROM items WHERE asset_tag = 'KU-PHY-0001';

-- A new room, and the resistors move into it: the key of their stock changes.
INSERT INTO locations (department_id, building, room) VALUES (2, 'Physics Block', 'P-14');
UPDATE stock SET location_id = (SELECT id FROM locations WHERE room = 'P-14') WHERE item_id = 8 AND location_id = 4;
UPDATE items SET location_id = (SELECT id FROM locations WHERE room = 'P-14') WHERE asset_tag = 'KU-PHY-0003';

-- An old counter gets a photo, a price that was mistyped is put right, and an old loan is struck from the book.
UPDATE items SET photo = x'89504e470d0a1a0a00ff00fe' WHERE asset_tag = 'KU-PHY-0004';
UPDATE items SET price = 45300.00 WHERE asset_tag = 'KU-PHY-0002';
DELETE FROM loans WHERE id = 1;

INSERT INTO repairs (id, item_id, done_on, technician, cost, report) VALUES
    ('c7d2e9b4-31f8-4e06-b0a7-6e5d4c3b2a03', 7, '2026-11-13', 'Peter Mutua', 0, 'Mirror cleaned; 1.9 mW measured');
