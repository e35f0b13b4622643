-- The triggers that packmule puts on the table items at the centre. They log the key alone. A session that sets
-- @packmule_silent to 1 is packmule's own. Where the table has other columns by now, they go on, so that no write of the application
-- fails; the next export or import renews them. A test compares this file with what is installed.

CREATE TABLE items (
    id          INT NOT NULL PRIMARY KEY,
    asset_tag   VARCHAR(24),
    price       DECIMAL(12, 2),
    photo       BLOB,
    updated_at  TIMESTAMP NULL
) ENGINE = InnoDB;

-- Rows of stock go when their item goes. A foreign key fires no trigger, so a trigger of items logs them first.
CREATE TABLE stock (
    item_id      INT NOT NULL,
    location_id  INT NOT NULL,
    quantity     DECIMAL(10, 3),
    PRIMARY KEY (item_id, location_id),
    CONSTRAINT stock_item FOREIGN KEY (item_id) REFERENCES items (id) ON DELETE CASCADE
) ENGINE = InnoDB;

DELIMITER ;;
CREATE TRIGGER `packmule_ai_items` AFTER INSERT ON `items` FOR EACH ROW BEGIN
  IF NOT (@packmule_silent <=> 1) THEN
    INSERT INTO sync_log (table_name, record_id, action, before_row)
    VALUES ('items', CAST(NEW.`id` AS CHAR), 'INSERT', NULL);
  END IF;
END ;;
CREATE TRIGGER `packmule_au_items` AFTER UPDATE ON `items` FOR EACH ROW BEGIN
  DECLARE EXIT HANDLER FOR 1054, 1146, 1210, 1222, 1241, 4078
    IF NOT (OLD.`id` <=> NEW.`id`) THEN
    INSERT INTO sync_log (table_name, record_id, action, before_row)
    VALUES ('items', CAST(OLD.`id` AS CHAR), 'DELETE', NULL);
    INSERT INTO sync_log (table_name, record_id, action, before_row)
    VALUES ('items', CAST(NEW.`id` AS CHAR), 'INSERT', NULL);
    ELSE
    INSERT INTO sync_log (table_name, record_id, action, before_row)
    VALUES ('items', CAST(OLD.`id` AS CHAR), 'UPDATE', NULL);
    END IF;
  IF NOT (@packmule_silent <=> 1) THEN
    IF NOT (OLD.`id` <=> NEW.`id`) THEN
    INSERT INTO sync_log (table_name, record_id, action, before_row)
    VALUES ('items', CAST(OLD.`id` AS CHAR), 'DELETE', NULL);
    INSERT INTO sync_log (table_name, record_id, action, before_row)
    VALUES ('items', CAST(NEW.`id` AS CHAR), 'INSERT', NULL);
    ELSEIF NOT (OLD.`id` <=> NEW.`id`
      AND CAST(OLD.`asset_tag` AS BINARY) <=> CAST(NEW.`asset_tag` AS BINARY)
      AND OLD.`price` <=> NEW.`price`
      AND OLD.`photo` <=> NEW.`photo`
      AND OLD.`updated_at` <=> NEW.`updated_at`) THEN
    INSERT INTO sync_log (table_name, record_id, action, before_row)
    VALUES ('items', CAST(OLD.`id` AS CHAR), 'UPDATE', NULL);
    ELSEIF (NULL, NULL, NULL, NULL, NULL) IN (SELECT * FROM `items` WHERE FALSE) THEN BEGIN END;
    END IF;
  END IF;
END ;;
CREATE TRIGGER `packmule_ad_items` AFTER DELETE ON `items` FOR EACH ROW BEGIN
  IF NOT (@packmule_silent <=> 1) THEN
    INSERT INTO sync_log (table_name, record_id, action, before_row)
    VALUES ('items', CAST(OLD.`id` AS CHAR), 'DELETE', NULL);
  END IF;
END ;;
CREATE TRIGGER `packmule_bd_items` BEFORE DELETE ON `items` FOR EACH ROW BEGIN
  DECLARE EXIT HANDLER FOR 1054, 1146, 1210, 1222, 1241, 4078 BEGIN END;
  IF NOT (@packmule_silent <=> 1) THEN
    BEGIN
    DECLARE EXIT HANDLER FOR 1054, 1146, 1210, 1222, 1241, 4078 BEGIN END;
    INSERT INTO sync_log (table_name, record_id, action, before_row)
    SELECT 'stock', JSON_ARRAY(CAST(c1.`item_id` AS CHAR), CAST(c1.`location_id` AS CHAR)), 'DELETE', NULL
    FROM `stock` c1 WHERE c1.`item_id` = OLD.`id`;
    END;
  END IF;
END ;;
DELIMITER ;
