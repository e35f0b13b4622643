-- What the web console shows of the labs, and who may sign in to it. Only the centre has this. See schema/README.md.

CREATE TABLE IF NOT EXISTS packmule_user (
  name          VARCHAR(40) NOT NULL PRIMARY KEY,
  role          ENUM('viewer', 'reviewer', 'admin') NOT NULL,
  password      VARCHAR(200) NOT NULL,
  made_at       DATETIME(6) NOT NULL,
  changed_at    DATETIME(6) NOT NULL,
  signed_in_at  DATETIME(6) NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS packmule_lab (
  site            VARCHAR(20) NOT NULL PRIMARY KEY,
  program         VARCHAR(40) NULL,
  server          VARCHAR(80) NULL,
  clock_ahead_ms  BIGINT NULL,
  told_at         DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS packmule_day (
  site        VARCHAR(20) NOT NULL,
  day         DATE NOT NULL,
  table_name  VARCHAR(64) NOT NULL,
  inserts     BIGINT UNSIGNED NOT NULL,
  updates     BIGINT UNSIGNED NOT NULL,
  deletes     BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (site, day, table_name),
  KEY day (day)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Pages of bundles, the newest first: of all, from one site, for one site.
ALTER TABLE packmule_bundle
  ADD KEY newest (recorded_at),
  ADD KEY newest_from (from_site, recorded_at),
  ADD KEY newest_to (to_site, recorded_at);
