-- Bundles that wait in the centre's database, and what a lab's account may see of them. Only the centre has these. See
-- schema/README.md.

-- The centre's name once more. No view reads packmule's other tables: a lab that holds on to what it has read, in a transaction
-- that does not end, would stop the centre's own work.
CREATE TABLE IF NOT EXISTS packmule_mail_centre (
  id    TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  site  VARCHAR(20) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO packmule_mail_centre SELECT id, site FROM packmule_here;

CREATE TABLE IF NOT EXISTS packmule_mail_account (
  site         VARCHAR(20) NOT NULL PRIMARY KEY,
  account      VARCHAR(200) NOT NULL,
  quota_bytes  BIGINT UNSIGNED NOT NULL,
  quota_count  BIGINT UNSIGNED NOT NULL,
  is_open      TINYINT NOT NULL DEFAULT 1
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A table of its own: a statement that goes through a view which reads the accounts cannot change them by a trigger.
CREATE TABLE IF NOT EXISTS packmule_mail_use (
  site        VARCHAR(20) NOT NULL PRIMARY KEY,
  used_bytes  BIGINT UNSIGNED NOT NULL,
  used_count  BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS packmule_mail (
  id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  from_site   VARCHAR(20) NOT NULL,
  to_site     VARCHAR(20) NOT NULL,
  name        VARCHAR(80) NOT NULL,
  digest      CHAR(64) NOT NULL,
  sha256      CHAR(64) NOT NULL,
  size_bytes  BIGINT UNSIGNED NOT NULL,
  part_bytes  INT UNSIGNED NOT NULL,
  parts       INT UNSIGNED NOT NULL,
  sent_at     DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  state       ENUM('open', 'taken', 'refused', 'gone') NOT NULL DEFAULT 'open',
  note        VARCHAR(400) NULL,
  UNIQUE KEY file (from_site, name, sha256),
  KEY waiting (to_site, state)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- No foreign key: it would ask for one more right, and a bundle is too large to be deleted in one statement. The trigger below
-- takes no part without its head.
CREATE TABLE IF NOT EXISTS packmule_mail_part (
  mail    BIGINT UNSIGNED NOT NULL,
  part    INT UNSIGNED NOT NULL,
  sha256  CHAR(64) NOT NULL,
  body    MEDIUMBLOB NOT NULL,
  PRIMARY KEY (mail, part)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The whole size counts from the head on, so that two uploads at once cannot both take the last room. The centre, which has
-- no account, has no quota.
DROP TRIGGER IF EXISTS packmule_mail_enters;
CREATE TRIGGER packmule_mail_enters BEFORE INSERT ON packmule_mail FOR EACH ROW BEGIN
  DECLARE bytes_then, bytes_max BIGINT UNSIGNED DEFAULT 0;
  DECLARE count_then, count_max BIGINT UNSIGNED DEFAULT 0;
  DECLARE words VARCHAR(128);
  IF COALESCE(NEW.id, 0) <> 0 OR NEW.state <> 'open' OR NEW.note IS NOT NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'packmule mail: number, state and note are the centre''s to give';
  END IF;
  IF NEW.size_bytes NOT BETWEEN 1 AND 4294967296 OR NEW.part_bytes NOT BETWEEN 4096 AND 1048576
     OR NEW.parts <> (NEW.size_bytes + NEW.part_bytes - 1) DIV NEW.part_bytes
     OR NEW.sha256 NOT REGEXP '^[0-9a-f]{64}$' OR NEW.digest NOT REGEXP '^[0-9a-f]{64}$'
     OR LOCATE(CONCAT(NEW.from_site, '.', NEW.to_site, '.'), NEW.name) <> 1 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'packmule mail: name, size and parts do not fit each other';
  END IF;
  SET NEW.sent_at = UTC_TIMESTAMP(6);
  -- This row is locked until the statement is committed: one bundle after the other of a site is counted.
  INSERT INTO packmule_mail_use (site, used_bytes, used_count) VALUES (NEW.from_site, NEW.size_bytes, 1)
    ON DUPLICATE KEY UPDATE used_bytes = used_bytes + NEW.size_bytes, used_count = used_count + 1;
  SELECT used_bytes, used_count INTO bytes_then, count_then FROM packmule_mail_use WHERE site = NEW.from_site;
  SELECT COALESCE(MAX(quota_bytes), 18446744073709551615), COALESCE(MAX(quota_count), 18446744073709551615)
    INTO bytes_max, count_max FROM packmule_mail_account WHERE site = NEW.from_site;
  IF bytes_then > bytes_max THEN
    SET words = CONCAT('packmule quota: ', bytes_then, ' of ', bytes_max, ' bytes');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = words;
  END IF;
  IF count_then > count_max THEN
    SET words = CONCAT('packmule quota: ', count_then, ' of ', count_max, ' bundles');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = words;
  END IF;
END;

-- The head is locked, shared, until the part is in: nobody takes the bundle away meanwhile.
DROP TRIGGER IF EXISTS packmule_mail_part_enters;
CREATE TRIGGER packmule_mail_part_enters BEFORE INSERT ON packmule_mail_part FOR EACH ROW BEGIN
  DECLARE whole, usual BIGINT UNSIGNED DEFAULT 0;
  SELECT size_bytes, part_bytes INTO whole, usual FROM packmule_mail
    WHERE id = NEW.mail AND state = 'open' AND NEW.part < parts LOCK IN SHARE MODE;
  IF whole = 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'packmule mail: no bundle waits for this part';
  END IF;
  IF LENGTH(NEW.body) <> LEAST(usual, whole - usual * NEW.part) OR NEW.sha256 <> SHA2(NEW.body, 256) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'packmule mail: this part did not arrive as it was sent';
  END IF;
END;

-- What is taken makes room. What was refused goes on counting as a bundle until the centre forgets it.
DROP TRIGGER IF EXISTS packmule_mail_changes;
CREATE TRIGGER packmule_mail_changes AFTER UPDATE ON packmule_mail FOR EACH ROW BEGIN
  IF OLD.state = 'open' AND NEW.state <> 'open' THEN
    UPDATE packmule_mail_use SET used_bytes = used_bytes - LEAST(used_bytes, OLD.size_bytes) WHERE site = OLD.from_site;
  END IF;
  IF OLD.state IN ('open', 'refused') AND NEW.state IN ('taken', 'gone') THEN
    UPDATE packmule_mail_use SET used_count = used_count - LEAST(used_count, 1) WHERE site = OLD.from_site;
  END IF;
END;

DROP TRIGGER IF EXISTS packmule_mail_leaves;
CREATE TRIGGER packmule_mail_leaves AFTER DELETE ON packmule_mail FOR EACH ROW BEGIN
  IF OLD.state = 'open' THEN
    UPDATE packmule_mail_use SET used_bytes = used_bytes - LEAST(used_bytes, OLD.size_bytes) WHERE site = OLD.from_site;
  END IF;
  IF OLD.state IN ('open', 'refused') THEN
    UPDATE packmule_mail_use SET used_count = used_count - LEAST(used_count, 1) WHERE site = OLD.from_site;
  END IF;
END;

-- Each view finds its rows by a key that begins with the lab's own name, and the lab's row of the accounts by its key: what a
-- lab can hold by reading is its own, but for the gap beside it.
CREATE SQL SECURITY DEFINER VIEW packmule_sent AS
  SELECT id, from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts, sent_at, state, note
  FROM packmule_mail FORCE INDEX (file)
  WHERE from_site = SUBSTRING(SUBSTRING_INDEX(USER(), '@', 1), 10)
    AND EXISTS (SELECT 1 FROM packmule_mail_account
      WHERE site = SUBSTRING(SUBSTRING_INDEX(USER(), '@', 1), 10) AND is_open = 1)
    AND to_site IN (SELECT site FROM packmule_mail_centre)
  WITH CASCADED CHECK OPTION;

CREATE SQL SECURITY DEFINER VIEW packmule_sent_part AS
  SELECT mail, part, sha256, body
  FROM packmule_mail_part
  WHERE mail IN (
    SELECT id FROM packmule_mail FORCE INDEX (file)
    WHERE from_site = SUBSTRING(SUBSTRING_INDEX(USER(), '@', 1), 10))
    AND EXISTS (SELECT 1 FROM packmule_mail_account
      WHERE site = SUBSTRING(SUBSTRING_INDEX(USER(), '@', 1), 10) AND is_open = 1)
  WITH CASCADED CHECK OPTION;

CREATE SQL SECURITY DEFINER VIEW packmule_waiting AS
  SELECT id, from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts, sent_at
  FROM packmule_mail FORCE INDEX (waiting)
  WHERE to_site = SUBSTRING(SUBSTRING_INDEX(USER(), '@', 1), 10) AND state = 'open'
    AND EXISTS (SELECT 1 FROM packmule_mail_account
      WHERE site = SUBSTRING(SUBSTRING_INDEX(USER(), '@', 1), 10) AND is_open = 1)
    AND parts = (SELECT COUNT(*) FROM packmule_mail_part WHERE mail = packmule_mail.id);

CREATE SQL SECURITY DEFINER VIEW packmule_waiting_part AS
  SELECT mail, part, packmule_mail_part.sha256, body
  FROM packmule_mail FORCE INDEX (waiting) STRAIGHT_JOIN packmule_mail_part ON packmule_mail.id = mail
  WHERE to_site = SUBSTRING(SUBSTRING_INDEX(USER(), '@', 1), 10) AND state = 'open'
    AND EXISTS (SELECT 1 FROM packmule_mail_account
      WHERE site = SUBSTRING(SUBSTRING_INDEX(USER(), '@', 1), 10) AND is_open = 1)
    AND parts = (SELECT COUNT(*) FROM packmule_mail_part AS every_part WHERE every_part.mail = packmule_mail.id);

CREATE SQL SECURITY DEFINER VIEW packmule_centre AS
  SELECT 1 AS protocol, packmule_mail_centre.site AS centre, packmule_mail_account.site AS site, UTC_TIMESTAMP(6) AS utc_now,
    quota_bytes, quota_count, COALESCE(used_bytes, 0) AS used_bytes, COALESCE(used_count, 0) AS used_count
  FROM packmule_mail_account JOIN packmule_mail_centre
    LEFT JOIN packmule_mail_use ON packmule_mail_use.site = packmule_mail_account.site
  WHERE packmule_mail_account.site = SUBSTRING(SUBSTRING_INDEX(USER(), '@', 1), 10) AND is_open = 1;
