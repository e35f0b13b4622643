-- Which keys this site gives to its new rows; one row. See schema/README.md.

CREATE TABLE IF NOT EXISTS packmule_series (
  id          TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  series      INT UNSIGNED NULL,
  rekeyed_at  DATETIME(6) NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
