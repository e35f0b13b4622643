-- What this site remembers. One row of packmule_here; the rest grows with use. See schema/README.md.

CREATE TABLE IF NOT EXISTS packmule_here (
  id            TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  role          ENUM('central', 'lab') NOT NULL,
  site          VARCHAR(20) NOT NULL,
  number        INT UNSIGNED NULL,
  incarnation   CHAR(32) NOT NULL,
  last_batch    BIGINT UNSIGNED NOT NULL DEFAULT 0,
  installed_at  DATETIME(6) NOT NULL,
  pruned_to     DATETIME(6) NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS packmule_site (
  name           VARCHAR(20) NOT NULL PRIMARY KEY,
  role           ENUM('central', 'lab') NOT NULL,
  number         INT UNSIGNED NULL,
  incarnation    CHAR(32) NOT NULL,
  verifying_key  VARCHAR(100) NOT NULL,
  recipient      VARCHAR(100) NOT NULL,
  state          ENUM('active', 'suspended', 'revoked') NOT NULL DEFAULT 'active',
  wants_snapshot TINYINT NOT NULL DEFAULT 0,
  enrolled_at    DATETIME(6) NOT NULL,
  UNIQUE KEY number (number)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS packmule_table (
  name       VARCHAR(64) NOT NULL PRIMARY KEY,
  direction  ENUM('both', 'up', 'down') NOT NULL DEFAULT 'both',
  added_at   DATETIME(6) NOT NULL,
  started_at DATETIME(6) NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS packmule_stream (
  from_site      VARCHAR(20) NOT NULL,
  incarnation    CHAR(32) NOT NULL,
  to_site        VARCHAR(20) NOT NULL,
  last_seq       BIGINT UNSIGNED NOT NULL DEFAULT 0,
  last_digest    CHAR(64) NULL,
  confirmed_seq  BIGINT UNSIGNED NOT NULL DEFAULT 0,
  confirmed_at   DATETIME(6) NULL,
  told_seq       BIGINT UNSIGNED NOT NULL DEFAULT 0,
  state          ENUM('open', 'frozen') NOT NULL DEFAULT 'open',
  note           VARCHAR(400) NULL,
  PRIMARY KEY (from_site, incarnation, to_site)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS packmule_bundle (
  from_site    VARCHAR(20) NOT NULL,
  incarnation  CHAR(32) NOT NULL,
  to_site      VARCHAR(20) NOT NULL,
  seq          BIGINT UNSIGNED NOT NULL,
  digest       CHAR(64) NOT NULL,
  previous     CHAR(64) NULL,
  continues    TINYINT NOT NULL DEFAULT 0,
  kind         ENUM('changes', 'snapshot', 'receipt') NOT NULL,
  state        ENUM('sealed', 'applied') NOT NULL,
  batch        BIGINT UNSIGNED NULL,
  size_bytes   BIGINT UNSIGNED NOT NULL,
  inserts      BIGINT UNSIGNED NOT NULL,
  updates      BIGINT UNSIGNED NOT NULL,
  deletes      BIGINT UNSIGNED NOT NULL,
  conflicts    BIGINT UNSIGNED NOT NULL DEFAULT 0,
  parked       BIGINT UNSIGNED NOT NULL DEFAULT 0,
  deferred     BIGINT UNSIGNED NOT NULL DEFAULT 0,
  way          ENUM('stick', 'online') NULL,
  sealed_at    DATETIME(6) NOT NULL,
  recorded_at  DATETIME(6) NOT NULL,
  carried_at   DATETIME(6) NULL,
  confirmed_at DATETIME(6) NULL,
  PRIMARY KEY (from_site, incarnation, to_site, seq),
  KEY batch (batch)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS packmule_kept (
  table_name     VARCHAR(64) NOT NULL,
  row_hash       CHAR(64) NOT NULL,
  record_id      TEXT NOT NULL,
  action         ENUM('UPDATE', 'DELETE') NOT NULL,
  row_image      LONGTEXT NULL,
  changed_at     DATETIME(6) NOT NULL,
  why            ENUM('own-changes', 'changed', 'missing', 'exists', 'unique', 'orphan', 'value') NOT NULL,
  note           TEXT NULL,
  bundle         VARCHAR(80) NOT NULL,
  covered_batch  BIGINT UNSIGNED NOT NULL,
  kept_at        DATETIME(6) NOT NULL,
  PRIMARY KEY (table_name, row_hash)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
