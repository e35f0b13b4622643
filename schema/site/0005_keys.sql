-- Keys that were replaced, by stream, and who has not heard of this site's newest ones. See schema/README.md.

CREATE TABLE IF NOT EXISTS packmule_retired_key (
  from_site      VARCHAR(20) NOT NULL,
  incarnation    CHAR(32) NOT NULL,
  to_site        VARCHAR(20) NOT NULL,
  verifying_key  VARCHAR(100) NOT NULL,
  last_seq       BIGINT UNSIGNED NULL,
  retired_at     DATETIME(6) NOT NULL,
  PRIMARY KEY (from_site, incarnation, to_site, verifying_key)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS packmule_untold_key (
  site           VARCHAR(20) NOT NULL PRIMARY KEY,
  known_key      VARCHAR(100) NOT NULL,
  rotated_at     DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
