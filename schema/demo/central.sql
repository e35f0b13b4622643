-- What the administrator of the centre does in the same week. No row here is touched by a lab.

-- A supplier has a telephone at last, and a department has a new name.
UPDATE suppliers SET telephone = '+254 41 555 0199' WHERE name = 'Mombasa Chemical Stores';
UPDATE departments SET name = 'Biological and Environmental Sciences' WHERE code = 'BIO';

-- The ethanol of the teaching room was poured away.
DELETE FROM stock WHERE item_id = 5 AND location_id = 5;
