-- How far this site's clock is ahead of the centre's, as it was at the last contact; one row. See schema/README.md.

CREATE TABLE IF NOT EXISTS packmule_clock (
  id           TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  ahead_us     BIGINT NOT NULL,
  error_us     BIGINT NOT NULL,
  measured_at  DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
