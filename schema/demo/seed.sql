-- What the centre and both labs hold before anyone goes offline: the same everywhere, so the clock stands still.
SET SESSION timestamp = 1793520000;

INSERT INTO departments (id, code, name) VALUES
    (1, 'CHE', 'Chemistry'),
    (2, 'PHY', 'Physics'),
    (3, 'BIO', 'Biological Sciences');

INSERT INTO locations (id, department_id, building, room) VALUES
    (1, 1, 'Science Complex', 'C-101'),
    (2, 1, 'Science Complex', 'C-Store'),
    (3, 2, 'Physics Block', 'P-12'),
    (4, 2, 'Physics Block', 'P-Store'),
    (5, 3, 'Science Complex', 'B-204');

INSERT INTO suppliers (id, name, telephone, email) VALUES
    (1, 'Kibo Scientific Ltd', '+254 20 555 0101', 'sales@kibo.example'),
    (2, 'Rift Valley Instruments', '+254 51 555 0144', NULL),
    (3, 'Mombasa Chemical Stores', NULL, 'orders@mcs.example');

INSERT INTO categories (id, parent_id, name) VALUES
    (1, NULL, 'Equipment'),
    (2, NULL, 'Consumables'),
    (3, 1, 'Balances and scales'),
    (4, 1, 'Microscopes'),
    (5, 1, 'Electronics'),
    (6, 2, 'Reagents'),
    (7, 2, 'Glassware');

INSERT INTO items
    (id, asset_tag, name, category_id, location_id, supplier_id, status, hazards, price, bought_on, note, photo) VALUES
    (1, 'KU-CHE-0001', 'Analytical balance 220 g', 3, 1, 1, 'in use', 'electric', 185000.00, '2021-03-15',
     'Calibrate every January', x'89504e470d0a1a0a0000000d4948445200000001000000010806000000'),
    (2, 'KU-CHE-0002', 'Hot plate with stirrer', 1, 1, 1, 'in use', 'electric,heat', 32500.50, '2019-08-02', NULL, NULL),
    (3, 'KU-CHE-0003', 'Rotary evaporator', 1, 1, 2, 'in repair', 'electric,heat,glass', 410000.00, '2017-11-20',
     'Vacuum leaks at the upper joint', NULL),
    (4, 'KU-CHE-0004', 'Sodium hydroxide, pellets', 6, 2, 3, 'in store', '', 1450.00, '2026-02-01', NULL, NULL),
    (5, 'KU-CHE-0005', 'Ethanol 96 %', 6, 2, 3, 'in store', '', 980.00, '2026-05-12', 'Keep away from heat', NULL),
    (6, 'KU-PHY-0001', 'Oscilloscope 100 MHz', 5, 3, 2, 'in use', 'electric', 76000.00, '2022-06-30', NULL, NULL),
    (7, 'KU-PHY-0002', 'He-Ne laser, 2 mW', 5, 3, 2, 'in use', 'electric,laser', 54300.00, '2018-01-09',
     'Class 2: never look into the beam', NULL),
    (8, 'KU-PHY-0003', 'Resistor set, 1 Ω to 10 MΩ', 5, 4, 1, 'in store', '', 3200.00, '2024-09-17', NULL, NULL),
    (9, 'KU-PHY-0004', 'Geiger counter', 5, 4, 2, 'in store', 'radiation', 48750.25, '2016-04-22', NULL, NULL),
    (10, 'KU-BIO-0001', 'Compound microscope', 4, 5, 1, 'in use', 'electric,glass', 92000.00, '2020-10-05', NULL, NULL);

INSERT INTO stock (item_id, location_id, quantity, unit, expires_on) VALUES
    (4, 2, 12.500, 'kg', '2029-12-31'),
    (5, 2, 40.000, 'l', '2028-05-31'),
    (5, 5, 5.250, 'l', '2028-05-31'),
    (8, 4, 6.000, 'sets', NULL);

INSERT INTO loans (id, item_id, borrower, lent_at, due_on, returned_at) VALUES
    (1, 6, 'Wanjiku Kamau', '2026-10-01 09:15:00', '2026-10-15', '2026-10-14 16:40:00'),
    (2, 9, 'Otieno Ouma', '2026-10-20 11:00:00', '2026-11-20', NULL);

INSERT INTO repairs (id, item_id, done_on, technician, cost, report) VALUES
    ('5f0c3d8e-6b1a-4c55-9d0e-0b7a3c1e9a01', 2, '2025-07-11', 'Grace Njeri', 1200.00, 'New mains cable');
