-- What the technicians of lab-a, the chemistry store, do in their offline week. The server gives new rows the keys of
-- the lab's own series, so that they never meet those of lab-b or of the centre.

-- A delivery: a new supplier, two new items, one of them weighed in at once.
INSERT INTO suppliers (name, telephone, email) VALUES ('Nakuru Glass Works', '+254 51 555 0170', 'info@ngw.example');
INSERT INTO items (asset_tag, name, category_id, location_id, supplier_id, status, hazards, price, bought_on, note, photo)
SELECT 'KU-CHE-0006', 'Erlenmeyer flask 250 ml, box of 12', 7, 2, id, 'in store', 'glass', 5400.00, '2026-11-09', NULL,
       x'ffd8ffe000104a46494600010100000100010000ffdb'
FROM suppliers WHERE name = 'Nakuru Glass Works';
INSERT INTO items (asset_tag, name, category_id, location_id, supplier_id, status, price, bought_on, note)
VALUES ('KU-CHE-0007', 'Silver nitrate, 0.1 mol/l', 6, 2, 3, 'in store', 8750.75, '2026-11-09', 'Dark bottle; 4–8 °C');
INSERT INTO stock (item_id, location_id, quantity, unit, expires_on)
SELECT id, 2, 2.500, 'l', '2027-11-30' FROM items WHERE asset_tag = 'KU-CHE-0007';

-- The week's use of chemicals.
UPDATE stock SET quantity = quantity - 0.750 WHERE item_id = 4 AND location_id = 2;
UPDATE stock SET quantity = quantity - 3.000 WHERE item_id = 5 AND location_id = 2;

-- The evaporator is mended and back in use; the stirrer is beyond repair.
INSERT INTO repairs (id, item_id, done_on, technician, cost, report) VALUES
    ('8a1f7c52-0f0e-4d2b-8a55-2d9e4b6f1c02', 3, '2026-11-10', 'Grace Njeri', 6850.00,
     'Upper joint greased, gasket renewed. Vacuum holds 20 mbar for 1 h.');
UPDATE items SET status = 'in use', note = NULL WHERE asset_tag = 'KU-CHE-0003';
UPDATE items SET status = 'scrapped', hazards = '', note = 'Motor burnt out, 10 Nov' WHERE asset_tag = 'KU-CHE-0002';

-- A box that was entered by mistake and taken out again: nobody else needs to hear of it.
INSERT INTO loans (item_id, borrower, lent_at, due_on) VALUES (1, 'Typing mistake', '2026-11-11 08:00:00', '2026-11-12');
DELETE FROM loans WHERE borrower = 'Typing mistake';
